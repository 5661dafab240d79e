"""Files uuencoded into text: `begin 644 name` to `end` (POSIX uuencode), and its base64 variant.

No RFC describes it, and no two encoders agree: a zero is a space or a backtick, gateways strip the spaces at
the end of a line or add some, and there may be a checksum character after the data. What tells a block from
a sentence that begins with "begin" is the line after it.
"""

import binascii
import re
from dataclasses import dataclass
from typing import NamedTuple

from mail_archiver.mime.charsets import decode_raw
from mail_archiver.mime.containers.packed_file import OCTET_STREAM, PackedFile

MAX_BLOCKS = 2_000
"""What begins like a block is read this often, and text from then on."""

_BEGIN = re.compile(
    rb"""
    begin(?<![^\n]begin)(-base64)?+[ \t]++[0-7]{3,7}+(?:[ \t]([^\r\n]*+))?+\r?\n
    (?=(?:[!-_][ -`]*+|[A-Za-z0-9+/]++={0,2}+|=*+|`?+)[ \t]*+(?:\r?\n|\Z))
    """,
    re.VERBOSE,
)
# Nearly all lines of nearly all files: 45 octets, and a checksum character where that is the habit.
_FULL_LINES = re.compile(rb"(?:M[ -`]{60}\r?\n){1,4000}+|(?:M[ -`]{61}\r?\n){1,4000}+")
_FULL_LINE_OCTETS = 61
_LINE = re.compile(rb"([!-_][ -`]{0,200}+)\t*+(?:\r?\n|\Z)")
_END = re.compile(rb"(?:[` ]?[ \t]*+\r?\n){0,3}+end[ \t]*+(?:\r?\n|\Z)")
_END_OF_EMPTY = re.compile(rb"(?:[` ]?[ \t]*+\r?\n){1,3}+end[ \t]*+(?:\r?\n|\Z)")
_LAST_LINE = re.compile(rb"(?:`[ \t]*+(?:\r?\n|\Z))?+")
_BASE64_LINES = re.compile(rb"(?:[A-Za-z0-9+/]++={0,2}+[ \t]*+(?:\r?\n|\Z))*+")
_BASE64_END = re.compile(rb"====[ \t]*+(?:\r?\n|\Z)")
_BASE64_FULL_LINE = re.compile(rb"[A-Za-z0-9+/]{40}")

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = bytes.maketrans(bytes(range(0x20, 0x61)), _BASE64 + b"A")


class _Block(NamedTuple):
    content: bytes
    end: int
    broken: bool


@dataclass(slots=True)
class _Allowance:
    """How many single lines, and runs of full ones, may still be read: an empty line may mean 45 octets."""

    lines: int


def cut_uuencoded(text: bytes) -> tuple[bytes, list[PackedFile]]:
    """Take uuencoded files out of a text.

    Args:
        text: Transfer encoding removed; CRLF or LF line ends.

    Returns:
        The text without the blocks (from `begin` to the line end of `end`), and their files in order. A block
        without `end` goes as far as its lines are what they say, and its file is broken.
    """
    kept: list[bytes] = []
    files: list[PackedFile] = []
    kept_to = position = 0
    allowance = _Allowance(lines=len(text) // 60 + 2 * MAX_BLOCKS)
    for _ in range(MAX_BLOCKS):
        begin = _BEGIN.search(text, position)
        if begin is None:
            break
        position = begin.end()
        block = _read_base64(text, position) if begin[1] else _read_block(text, position, allowance)
        if block:
            name = decode_raw(begin[2] or b"").strip(' \t"')
            files.append(PackedFile(name or None, OCTET_STREAM, block.content, block.broken))
            kept.append(text[kept_to : begin.start()])
            kept_to = position = block.end
    return (b"".join([*kept, text[kept_to:]]) if files else text), files


def decode_uuencoded(content: bytes) -> bytes | None:
    """The first file in a part whose Content-Transfer-Encoding is x-uuencode; None when there is none."""
    _, files = cut_uuencoded(content)
    return files[0].content if files else None


def _read_block(text: bytes, start: int, allowance: _Allowance) -> _Block | None:
    content, position, overlong = bytearray(), start, False
    sure_octets, sure_position = 0, start
    while allowance.lines:
        allowance.lines -= 1
        full = _FULL_LINES.match(text, position)
        if full:
            content += _decode_full_lines(full[0])
            position = sure_position = full.end()
            sure_octets = len(content)
            continue
        match = _LINE.match(text, position)
        if match is None:
            break
        octets, fit = _decode_line(match[1])
        content += octets
        position, overlong = match.end(), overlong or fit > 0
        if not fit:
            sure_octets, sure_position = len(content), position
    end = (_END if content else _END_OF_EMPTY).match(text, position)
    if end:
        return _Block(bytes(content), end.end(), overlong)
    if not sure_octets:
        return None
    last = _LAST_LINE.match(text, sure_position)
    del content[sure_octets:]
    return _Block(bytes(content), last.end() if last else sure_position, True)


def _decode_full_lines(lines: bytes) -> bytes:
    sextets = bytearray(lines.translate(_TO_BASE64, b"\r\n"))
    if lines[_FULL_LINE_OCTETS] not in b"\r\n":
        del sextets[_FULL_LINE_OCTETS :: _FULL_LINE_OCTETS + 1]
    del sextets[::_FULL_LINE_OCTETS]  # the length characters
    return binascii.a2b_base64(sextets)


def _decode_line(line: bytes) -> tuple[bytes, int]:
    """Its octets; and 0 when it is as long as its length character says, below or above when it is not."""
    octets = (line[0] - 0x20) & 0x3F
    expected = 1 + -(-octets // 3) * 4
    fit = 0 if len(line) >= expected else -1
    if len(line) > expected + 1:
        line = line.rstrip(b" ")
    if len(line) <= expected + 1:  # one more is a checksum
        return binascii.a2b_uu(line[: (octets * 4 + 5) // 3]), fit  # it bears nothing but zeros after that
    sextets = line[1:].translate(_TO_BASE64)  # the length is wrong
    content = binascii.a2b_base64(sextets + b"A" * (-len(sextets) % 4))
    return content[: len(sextets) * 3 // 4], 1


def _read_base64(text: bytes, start: int) -> _Block | None:
    lines = _BASE64_LINES.match(text, start)
    position = lines.end() if lines else start
    end = _BASE64_END.match(text, position)
    if not end and not _BASE64_FULL_LINE.match(text, start):
        return None
    sextets = text[start:position].translate(None, b" \t\r\n=")
    if len(sextets) % 4 == 1:
        sextets = sextets[:-1]  # six bits alone are no octet
    if len(sextets) % 4:
        sextets += b"=" * (-len(sextets) % 4)
    content = binascii.a2b_base64(sextets)
    return _Block(content, end.end() if end else position, end is None)
