"""Files uuencoded into text: `begin 644 name` to `end` (POSIX uuencode), and its base64 variant.

No RFC describes it, and no two encoders agree: a zero is a space or a backtick, gateways strip the spaces at
the end of a line or add some, and there may be a checksum character after the data. Only the lines that
follow tell a block from a sentence that begins with "begin".
"""

import binascii
import re
from collections.abc import Iterator

from mail_archiver.mime.charsets import decode_raw
from mail_archiver.mime.packed_file import OCTET_STREAM, PackedFile

MAX_BLOCKS = 2_000
"""How many lines that look like the beginning of a block are tried; what follows them is text."""

_BEGIN = re.compile(rb"^begin(-base64)?[ \t]++[0-7]{3,7}(?:[ \t]([^\r\n]*+))?\r?\n", re.MULTILINE)
_BASE64 = re.compile(rb"((?:[A-Za-z0-9+/]++={0,2}[ \t]*+(?:\r?\n|\Z))*+)(====[ \t]*+(?:\r?\n|\Z))?")
_BASE64_FULL_LINE = re.compile(rb"[A-Za-z0-9+/]{40}")
_LONGEST_LINE = 1 + 84 + 1  # 63 octets, between the length character and the checksum

_Block = tuple[bytes, int, bool]
"""What a file holds, where its block ends, and whether it is broken."""


def cut_uuencoded(text: bytes) -> tuple[bytes, list[PackedFile]]:
    """Take uuencoded files out of a text.

    Args:
        text: Transfer encoding removed; CRLF or LF line ends.

    Returns:
        The text without the blocks (from `begin` to the line end of `end`), and their files in order. A block
        without `end` goes as far as its lines have the length that they state, and its file is broken.
    """
    kept: list[bytes] = []
    files: list[PackedFile] = []
    kept_to = position = 0
    # How many lines are decoded: full ones have 62 octets; "M\n" alone would become 22 times its size.
    budget = iter(range(len(text) // 60 + 4 * MAX_BLOCKS))
    for _ in range(MAX_BLOCKS):
        begin = _BEGIN.search(text, position)
        if begin is None:
            break
        position = begin.end()
        block = _read_base64(text, position) if begin[1] else _read_block(text, position, budget)
        if block:
            content, position, is_broken = block
            name = decode_raw(begin[2] or b"").strip(' \t"')
            files.append(PackedFile(name or None, OCTET_STREAM, content, is_broken))
            kept.append(text[kept_to : begin.start()])
            kept_to = position
    return (b"".join([*kept, text[kept_to:]]) if files else text), files


def decode_uuencoded(content: bytes) -> bytes | None:
    """The first file in a part whose Content-Transfer-Encoding is x-uuencode; None when there is none."""
    _, files = cut_uuencoded(content)
    return files[0].content if files else None


def _read_block(text: bytes, position: int, budget: Iterator[int]) -> _Block | None:
    """Decode the lines from `position` on, as many as the budget has; None when they are no file."""
    content, sure_octets, sure_position = bytearray(), 0, position
    is_damaged = has_empty_line = False
    for _ in budget:
        end = text.find(b"\n", position) + 1 or len(text)
        line = text[position:end].rstrip()
        if line == b"end" and (content or has_empty_line):
            return bytes(content), end, is_damaged
        if line in (b"", b"`") and position < end:
            has_empty_line = True
            if line and position == sure_position:
                sure_position = end
        else:
            decoded = None if has_empty_line else _decode_line(line)
            if decoded is None:
                break
            content += decoded
            if len(decoded) != line[0] - 0x20:
                is_damaged = True
            elif len(text[position:end].rstrip(b"\r\n")) > (len(decoded) + 2) // 3 * 4:
                sure_octets, sure_position = len(content), end
        position = end
    return (bytes(content[:sure_octets]), sure_position, True) if sure_octets else None


def _decode_line(line: bytes) -> bytes | None:
    """Decode a line that may lack spaces at its end; None when it is no line of a file."""
    octets = line[0] - 0x20 if line else 0
    if not 0 < octets < 64 or len(line) > _LONGEST_LINE:
        return None
    if len(line) > 1 + (octets + 2) // 3 * 4 + 1:  # then the length character is wrong
        octets = (len(line) - 1) * 3 // 4
    try:
        return binascii.a2b_uu(bytes([octets + 0x20]) + line[1 : 1 + (octets * 4 + 2) // 3])
    except binascii.Error:
        return None


def _read_base64(text: bytes, position: int) -> _Block | None:
    """Decode the lines from `position` to `====`; without that, they must look like base64."""
    block = _BASE64.match(text, position)
    if block is None or not (block[2] or _BASE64_FULL_LINE.match(text, position)):
        return None
    characters = block[1].translate(None, b" \t\r\n=")
    if len(characters) % 4 == 1:
        characters = characters[:-1]  # six bits alone are no octet
    return binascii.a2b_base64(characters + b"==="), block.end(), not block[2]
