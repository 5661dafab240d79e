"""Compresses RTF (MS-OXRTFCP), slowly."""

import struct
import zlib

DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n"
    b"\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def compress_rtf(rtf: bytes) -> bytes:
    """With a reference wherever the ring of 4,096 octets has two octets or more of what comes next."""
    tokens, ring = [], DICTIONARY
    while len(ring) - len(DICTIONARY) < len(rtf):
        rest = rtf[len(ring) - len(DICTIONARY) :]
        for length in range(min(17, len(rest)), 1, -1):
            place = ring.rfind(rest[:length], max(0, len(ring) - 4095))
            if place >= 0:
                tokens.append(_reference(place, length))
                break
        else:
            length = 1
            tokens.append(rest[:1])
        ring += rest[:length]
    tokens.append(_reference(len(ring), 2))
    coded = bytearray()
    for start in range(0, len(tokens), 8):
        group = tokens[start : start + 8]
        coded.append(sum((len(token) > 1) << bit for bit, token in enumerate(group)))
        coded += b"".join(group)
    return wrap_rtf(bytes(coded), len(rtf))


def wrap_rtf(coded: bytes, rtf_octets: int) -> bytes:
    crc = zlib.crc32(coded, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return struct.pack("<II4sI", len(coded) + 12, rtf_octets, b"LZFu", crc) + coded


def store_rtf(rtf: bytes) -> bytes:
    return struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf


def _reference(place: int, length: int) -> bytes:
    return struct.pack(">H", (place % 4096) << 4 | (length - 2))
