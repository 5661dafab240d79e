"""The fields of one header (RFC 5322 section 2.2), raw, and where the body begins."""

import hashlib
import re
from dataclasses import dataclass

from mail_archiver.octets import Octets

MAX_FIELDS = 20_000

_FIRST_WINDOW_OCTETS = 16 * 1024
_GROWTH = 8
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*+)(?:\n|\Z)")
_BROKEN_FIELD = re.compile(rb"([^\n]*)(?:\n[ \t][^\n]*)*+(?:\n|\Z)")
_SOUND = re.compile(rb"((?:[!-9;-~]+[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n)*)\r?\n")
_EMPTY_LINE = re.compile(rb"\r?\n")

Field = tuple[bytes, bytes]
"""Its name in lower case, and its value, raw and still folded."""


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """What was read.

    Attributes:
        end: Where the body begins.
        is_broken: There was something that is no field.
        is_cut: There were more fields than may be read.
        octets_read: Of the header, whether or not they came to fields.
    """

    fields: list[Field]
    end: int
    is_broken: bool
    is_cut: bool
    octets_read: int


def read_header_block(source: Octets, start: int, end: int, max_octets: int) -> HeaderBlock:
    """Read the header that begins at `start`.

    Args:
        end: Where the source ends for this purpose.
        max_octets: That may be read; of a longer header the first fields are, and the body is found.
    """
    if max_octets <= 0:
        return HeaderBlock([], start, is_broken=False, is_cut=True, octets_read=0)
    size = _FIRST_WINDOW_OCTETS
    while True:
        size = min(size, max_octets)
        window = source.read(start, min(start + size, end))
        is_whole = start + len(window) >= end
        read = _read_sound(window) or _read_fields(window, is_whole=is_whole or size >= max_octets)
        if read is not None:
            break
        size *= _GROWTH
    fields, length, is_broken = read
    is_cut = len(fields) > MAX_FIELDS
    body = start + length
    if length >= len(window) and not is_whole:
        is_cut, body = True, _after_empty_line(source, body, end)
    return HeaderBlock(fields[:MAX_FIELDS], body, is_broken, is_cut, length)


def header_sha256(source: Octets, end: int) -> str:
    """SHA-256 of the header that ends at `end`, less the line ends that close it: servers differ in them."""
    while end and (edge := source.read(max(end - 1024, 0), end)).rstrip(b"\r\n") != edge:
        end -= len(edge) - len(edge.rstrip(b"\r\n"))
    digest = hashlib.sha256()
    for piece in source.pieces(0, end):
        digest.update(piece)
    return digest.hexdigest()


def _after_empty_line(source: Octets, start: int, end: int) -> int:
    """Where the body begins of a header that is not read to its end."""
    found = [
        position + len(line_ends)
        for line_ends in (b"\n\n", b"\n\r\n")
        if (position := source.find(line_ends, max(start - 1, 0), end)) >= 0
    ]
    return min(found, default=end)


def _read_sound(window: bytes) -> tuple[list[Field], int, bool] | None:
    """As `_read_fields`, of a short header in which nothing is broken, as most are; None of any other."""
    sound = _SOUND.match(window) if len(window) <= _FIRST_WINDOW_OCTETS else None
    if sound is None:
        return None
    return [(name.lower(), value) for name, value in _FIELD.findall(sound[1])], sound.end(), False


def _read_fields(window: bytes, *, is_whole: bool) -> tuple[list[Field], int, bool] | None:
    """The fields, the length of the header, and whether something was broken; None if more must be seen.

    A line that is no field is skipped when a field follows (a header folded badly), or when it has a colon
    and the header goes on to its empty line. Otherwise the empty line is missing: the body begins there.
    """
    fields: list[Field] = []
    skipped: int | None = None  # where the lines begin that were skipped since the last field
    is_broken, position = False, 0
    while position < len(window):
        match = _FIELD.match(window, position)
        if match:
            position, skipped = match.end(), None
            if position == len(window) and not is_whole:
                return None
            if len(fields) <= MAX_FIELDS:
                name, value = match.groups()
                fields.append((name.lower(), value))
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
    return after if b":" in line[1] or _FIELD.match(window, after) else position
