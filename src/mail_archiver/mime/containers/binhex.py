"""BinHex 4.0: a Macintosh file in text (RFC 1741 appendix A).

Six bits a character, then a run-length code, then a header, the data fork and the resource fork, each with a
CRC. The data fork is the file; what its resource fork would say, no other system can read.
"""

import binascii
import io
import re
import struct

from mail_archiver.mime.containers.packed_file import OCTET_STREAM, PackedFile

MAX_OCTETS = 64 * 1024 * 1024
MAX_BLOCKS = 1_000
"""What begins like a block is read this often, and text from then on."""
MAX_RUNS = 300_000
"""Runs that are expanded in one text; a file that has more ends there."""

_ALPHABET = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = bytes.maketrans(_ALPHABET, _BASE64)
_WHITE_SPACE = b" \t\r\n\v\f"

_BEGIN = re.compile(rb"\(This file must be converted with BinHex[^\r\n]{0,100}+[\r\n]\s{0,100}+:")
_CLOSED = re.compile(rb"([" + re.escape(_ALPHABET) + rb"\s]*+):[ \t]*+(?:\r?\n|\r)?+")
_UNCLOSED = re.compile(rb"((?:[" + re.escape(_ALPHABET) + rb"]++(?:\r?\n|\r|\Z))*+)")

_MARK = b"\x90"
_MAX_NAME_OCTETS = 63
_HEADER = struct.Struct(">x4s4sHII")  # version, type, creator, flags, lengths of data and resource fork
_CRC = struct.Struct(">H")


def cut_binhex(text: bytes, *, max_octets: int = MAX_OCTETS) -> tuple[bytes, list[PackedFile]]:
    """Take BinHex files out of a text.

    Args:
        text: Transfer encoding removed; any line ends.
        max_octets: Never expand to more, all files together; one that would is cut, and broken.

    Returns:
        The text without the blocks (from the banner to the second colon), and their files in order.
    """
    kept: list[bytes] = []
    files: list[PackedFile] = []
    kept_to = position = 0
    runs = MAX_RUNS
    for _ in range(MAX_BLOCKS):
        begin = _BEGIN.search(text, position)
        if begin is None:
            break
        position = begin.end()
        block = _CLOSED.match(text, position)
        closed = block is not None
        block = block or _UNCLOSED.match(text, position)
        if block is None:
            continue
        unpacker = _Unpacker(_decode(text, *block.span(1)), runs)
        file = _read_file(unpacker, max_octets, closed=closed)
        runs = unpacker.runs
        if file:
            max_octets -= len(file.content)
            files.append(file)
            kept.append(text[kept_to : begin.start()])
            kept_to = position = block.end()
    return (b"".join([*kept, text[kept_to:]]) if files else text), files


def _decode(text: bytes, start: int, end: int) -> bytes:
    sextets = text[start:end].translate(_TO_BASE64, _WHITE_SPACE)
    if len(sextets) % 4 == 1:
        sextets = sextets[:-1]  # six bits alone are no octet
    if len(sextets) % 4:
        sextets += b"=" * (-len(sextets) % 4)
    return binascii.a2b_base64(sextets)


def _read_file(unpacker: "_Unpacker", max_octets: int, *, closed: bool) -> PackedFile | None:
    """None for what has no header."""
    name_octets = unpacker.read(1)
    if not name_octets or not 1 <= name_octets[0] <= _MAX_NAME_OCTETS:
        return None
    raw_name, header = unpacker.read(name_octets[0]), unpacker.read(_HEADER.size)
    header_crc = unpacker.read(_CRC.size)
    if len(header_crc) < _CRC.size:
        return None
    sound = _CRC.unpack(header_crc)[0] == binascii.crc_hqx(name_octets + raw_name + header, 0)
    name = _decode_name(raw_name)
    if not sound and not name.isprintable():
        return None
    *_, data_octets, _resource_octets = _HEADER.unpack(header)
    content = unpacker.read(min(data_octets, max_octets))
    crc = unpacker.read(_CRC.size) if len(content) == data_octets else b""
    sound = sound and closed and len(crc) == _CRC.size
    broken = not sound or _CRC.unpack(crc)[0] != binascii.crc_hqx(content, 0)
    return PackedFile(name.strip() or None, OCTET_STREAM, content, broken)


def _decode_name(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("mac_roman")


class _Unpacker:
    """Undoes the run-length code, as far as it is asked to.

    0x90 and a number say how often the octet before them stands there in all; 0x90 0x00 is 0x90 itself.
    """

    def __init__(self, packed: bytes, runs: int) -> None:
        self.packed = packed
        self.runs = runs
        self.position = 0
        self.last = b""
        self.overshot = b""

    def read(self, octets: int) -> bytes:
        """The next octets; fewer at the end."""
        packed, find, size = self.packed, self.packed.find, len(self.packed)
        position, last, runs = self.position, self.last, self.runs
        buffer = io.BytesIO()  # gives its octets away without a copy
        missing = octets - buffer.write(self.overshot)
        while missing > 0:
            mark = find(_MARK, position)
            end = min(position + missing, size if mark < 0 else mark)
            if end > position:
                missing -= buffer.write(packed[position:end])
                last, position = packed[end - 1 : end], end
            if end != mark or not missing:
                break
            if mark + 1 == size or not runs:
                position = size
                break
            times, position, runs = packed[mark + 1] - 1, mark + 2, runs - 1
            if times < 0:
                last, times = _MARK, 1
            missing -= buffer.write(last * times)
        buffer.seek(octets)
        self.overshot = buffer.read()
        buffer.truncate(octets)
        self.position, self.last, self.runs = position, last, runs
        return buffer.getvalue()
