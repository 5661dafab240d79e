"""One header (RFC 5322 section 2.2), as the standard library's parser is to be given it.

Of a sound header only the folding is undone. The parser takes the first line that is no field for the
beginning of the body, so others are *repaired*, each for the mail of `tests/corpus` that needs it:

- white space before the colon of a field goes (rfc/from-with-space-before-colon);
- a line that is no field is left out where a field follows, or soon one that is known, or where it has a
  colon and the header goes on to its empty line (malformed/header-folded-badly, malformed/header-unindented,
  malformed/line-without-colon-in-header);
- a CR alone does not end a line, as it would for the parser; of this, `test_header_block` has the only
  example.
"""

import hashlib
import re
from typing import NamedTuple

from mail_archiver.octets import Octets

MAX_FIELDS = 20_000

_WINDOWS = (16 * 1024, 256 * 1024)
"""Octets that are looked at first; of a longer header all that may be read."""
# A name that begins like a delimiter is none.
_SOUND = re.compile(rb"(?:(?!--)[!-9;-~]+:.*\n)*+")
_FIELD = re.compile(rb"(?!--)([!-9;-~]+)[ \t]*:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)")
KNOWN_FIELD = (
    rb"(?i:From|To|Cc|Bcc|Date|Subject|Sender|Reply-To|Message-ID|MIME-Version|Received|Return-Path"
    rb"|Delivered-To|In-Reply-To|References|DKIM-Signature|Authentication-Results"
    rb"|(?:Content|List|X)-[a-z0-9-]{1,60})[ \t]*+:"
)
"""What begins a line of a header and hardly ever one of a body."""
_KNOWN_FIELD_SOON = re.compile(rb"(?:(?!--|\r?\n)[^\n]{0,1000}+\n){0,5}?%b" % KNOWN_FIELD)
_BROKEN_FIELD = re.compile(rb"([^\n]*+)(?:\n[ \t][^\n]*+)*+(?:\n|\Z)")
_EMPTY_LINE = re.compile(rb"\r?\n")
_END = re.compile(rb"\n\r?\n")


class HeaderBlock(NamedTuple):
    """What was read.

    Attributes:
        fields: A line for each, unfolded, ended by LF.
        end: Where the body begins.
        is_broken: There was something that is no field.
        is_cut: There was more than may be read.
        octets_read: Of the header, whether or not they came to fields.
    """

    fields: bytes
    end: int
    is_broken: bool = False
    is_cut: bool = False
    octets_read: int = 0


def read_header_block(source: Octets, start: int, end: int, max_octets: int) -> HeaderBlock:
    """Read the header that begins at `start`.

    Args:
        end: Where the source ends for this purpose.
        max_octets: That may be read; of a longer header the first fields are, and the body is found.
    """
    if max_octets <= 0:
        return HeaderBlock(b"", start, is_cut=True)
    end_of_reading = min(start + max_octets, end)
    for size in (*_WINDOWS, max_octets):
        window = source.read(start, min(start + size, end_of_reading))
        empty = _END.search(window)
        fields = _unfolded(window[: empty.start() + 1]) if empty else b"\r"
        if empty and b"\r" not in fields and fields.count(b"\n") <= MAX_FIELDS and _SOUND.fullmatch(fields):
            return HeaderBlock(fields, start + empty.end(), octets_read=empty.end())
        read = _repair(window, is_whole=start + len(window) >= end_of_reading)
        if read is not None:
            break
    lines, length, is_broken = read or ([], len(window), True)
    is_cut, body = len(lines) > MAX_FIELDS, start + length
    if length >= len(window) and end_of_reading < end:
        is_cut, body = True, _after_empty_line(source, body, end)
    return HeaderBlock(b"".join(lines[:MAX_FIELDS]), body, is_broken, is_cut, length)


def header_sha256(source: Octets, end: int) -> str:
    """SHA-256 of the header that ends at `end`, less the line ends that close it: servers differ in them."""
    while end and (edge := source.read(max(end - 1024, 0), end)).rstrip(b"\r\n") != edge:
        end -= len(edge) - len(edge.rstrip(b"\r\n"))
    digest = hashlib.sha256()
    for piece in source.pieces(0, end):
        digest.update(piece)
    return digest.hexdigest()


def _unfolded(fields: bytes) -> bytes:
    """Fields on a line each, ended by LF (RFC 5322 section 2.2.3)."""
    return fields.replace(b"\r\n", b"\n").replace(b"\n ", b" ").replace(b"\n\t", b"\t")


def _after_empty_line(source: Octets, start: int, end: int) -> int:
    """Where the first empty line ends; the end where there is none."""
    found = [
        position + len(line_ends)
        for line_ends in (b"\n\n", b"\n\r\n")
        if (position := source.find(line_ends, max(start - 1, 0), end)) >= 0
    ]
    return min(found, default=end)


def _repair(window: bytes, *, is_whole: bool) -> tuple[list[bytes], int, bool] | None:
    """The fields, the length of the header, and whether something was broken; None if more must be seen."""
    fields: list[bytes] = []
    skipped: int | None = None  # where the lines begin that were left out since the last field
    is_broken, position = False, 0
    while position < len(window):
        match = _FIELD.match(window, position)
        if match:
            position, skipped = match.end(), None
            if position == len(window) and not is_whole:
                return None
            if len(fields) <= MAX_FIELDS:
                value = match[2].rstrip(b"\r").replace(b"\r\n", b"").replace(b"\n", b"").replace(b"\r", b" ")
                fields.append(b"%b:%b\n" % (match[1], value))
            continue
        empty = _EMPTY_LINE.match(window, position)
        if empty:
            return fields, empty.end(), is_broken
        if not fields:
            return fields, position, False
        is_broken, skipped = True, position if skipped is None else skipped
        following = _after_broken_line(window, position, is_whole=is_whole)
        if following is None:
            return None
        if following == position:
            return fields, skipped, True
        position = following
    if not is_whole:
        return None
    return fields, len(window) if skipped is None else skipped, is_broken


def _after_broken_line(window: bytes, position: int, *, is_whole: bool) -> int | None:
    """Where the header goes on after a line that is no field; `position` itself where the body begins there.

    None if more must be seen.
    """
    line = _BROKEN_FIELD.match(window, position)
    if line is None or window.startswith(b"--", position):  # a delimiter: the empty line is missing
        return position
    after = line.end()
    if not is_whole and window.find(b"\n", after) < 0:
        return None
    goes_on = b":" in line[1] or _FIELD.match(window, after) or _KNOWN_FIELD_SOON.match(window, after)
    return after if goes_on else position
