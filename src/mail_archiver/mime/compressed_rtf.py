"""RTF as Outlook stores it (MS-OXRTFCP)."""

import struct
import zlib

_HEADER = struct.Struct("<II4sI")  # size of what follows these four octets, size of the RTF, type, CRC
_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_WINDOW_OCTETS = 4096


def decompress_rtf(compressed: memoryview, *, max_octets: int) -> tuple[bytes, bool]:
    """Undo the compression, and say whether it was broken or too long; then this is what could be read.

    Args:
        max_octets: At most so many octets of RTF; a MB takes half a second.
    """
    if len(compressed) < _HEADER.size:
        return b"", True
    size, rtf_octets, kind, crc = _HEADER.unpack_from(compressed)
    wrapped = compressed[_HEADER.size : size + 4]
    broken = len(compressed) < size + 4
    if kind == b"MELA":  # only wrapped
        rtf = bytes(wrapped[: min(rtf_octets, max_octets)])
    elif kind == b"LZFu":
        rtf = _expand(bytes(wrapped[: 2 * max_octets]), min(rtf_octets, max_octets))
        broken |= zlib.crc32(wrapped, 0xFFFFFFFF) ^ 0xFFFFFFFF != crc  # that of Outlook inverts nothing
    else:
        return b"", True
    return rtf, broken or len(rtf) != rtf_octets


def _expand(coded: bytes, max_octets: int) -> bytes:
    """MS-OXRTFCP section 2.2: each control octet says which of the eight that follow are references.

    A reference is a place in a ring of 4,096 octets and a length; here, the ring is the end of what was
    written, and the place becomes a distance. One to the place written next ends it all.
    """
    out, position = bytearray(_DICTIONARY), 0
    enough = len(_DICTIONARY) + max_octets
    while position < len(coded) and len(out) < enough:
        control = coded[position]
        position += 1
        for bit in range(8):
            if not control >> bit & 1:
                out += coded[position : position + 1]
                position += 1
                continue
            position += 2
            if position > len(coded):
                break
            place = coded[position - 2] << 4 | coded[position - 1] >> 4
            length = (coded[position - 1] & 0xF) + 2
            distance = (len(out) - place) % _WINDOW_OCTETS
            if not 0 < distance <= len(out):
                position = len(coded)
                break
            start = len(out) - distance
            octets = out[start : start + length]
            if distance < length:  # it reaches into what it writes
                octets = (octets * length)[:length]
            out += octets
    return bytes(memoryview(out)[len(_DICTIONARY) : enough])
