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
# By control octet, from its lowest bit: how many literals (0) before each reference (1), and after the last.
_LITERALS = [[len(zeros) for zeros in f"{control:08b}"[::-1].split("1")] for control in range(256)]


def decompress_rtf(compressed: memoryview, *, max_octets: int, max_coded_octets: int) -> tuple[bytes, bool]:
    """Undo the compression, and say whether it was broken; then this is what could be read.

    Args:
        max_octets: At most so many octets of RTF.
        max_coded_octets: At most so many are undone, as it is slow (0.3 s a MB); RTF that is stored as it is
            does not count.
    """
    if len(compressed) < _HEADER.size:
        return b"", True
    size, rtf_octets, kind, crc = _HEADER.unpack_from(compressed)
    wrapped = compressed[_HEADER.size : size + 4]
    short = len(compressed) < size + 4
    if kind == b"MELA":
        rtf = bytes(wrapped[: min(rtf_octets, max_octets)])
        return rtf, short or len(rtf) != rtf_octets
    if kind != b"LZFu":
        return b"", True
    coded = bytes(wrapped[:max_coded_octets])
    short = short or len(wrapped) > max_coded_octets
    rtf = _expand(coded, min(rtf_octets, max_octets))
    damaged = zlib.crc32(coded, 0xFFFFFFFF) ^ 0xFFFFFFFF != crc  # a CRC-32 that inverts nothing
    return rtf, short or damaged or len(rtf) != rtf_octets


def _expand(coded: bytes, max_octets: int) -> bytes:
    """MS-OXRTFCP section 2.2: each control octet says which of the eight that follow are references.

    A reference is a place in a ring of 4,096 octets and a length; here, the ring is the end of what was
    written, and the place becomes a distance. One to the place written next ends it all.
    """
    out, position = bytearray(_DICTIONARY), 0
    enough = len(_DICTIONARY) + max_octets
    while position < len(coded) and len(out) < enough:
        *before_references, after = _LITERALS[coded[position]]
        position += 1
        for literals in before_references:
            out += coded[position : position + literals]
            position += literals + 2
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
            out += octets if distance >= length else (octets * length)[:length]
        else:
            out += coded[position : position + after]
            position += after
    del out[enough:]
    del out[: len(_DICTIONARY)]
    return bytes(out)
