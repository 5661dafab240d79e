"""Where the parts of a message begin and end (RFC 2045, 2046), without decoding anything.

One pass from delimiter line to delimiter line, no recursion: a thousand nested parts cost no stack, and the
bodies in between are never looked at line by line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mail_archiver.domain.message import Defect, DefectCode
from mail_archiver.mime.parameters import Parameter, read_parameters

MAX_DEPTH = 64
MAX_PARTS = 2_000

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_BROKEN_FIELD = re.compile(rb"([^\n]*)(?:\n[ \t][^\n]*)*(?:\n|\Z)")
_EMPTY_LINE = re.compile(rb"\r?\n")
_TOP = re.compile(rb"(?:>?From [^\n]*\n)?(?:[ \t]++(?=[!-9;-~]++:))?")  # of an mbox; a stray indent
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`{|}~-]+/[a-z0-9!#$%&'*+.^_`{|}~-]+")


@dataclass(slots=True)
class Part:
    """One node of the tree.

    Attributes:
        number: As IMAP counts parts ("1", "2.1"); "" for a multipart at the top.
        fields: Header fields in order: name in lower case, value raw and still folded.
        start, end: Where the body lies in the source; `end` excludes the line end before a delimiter.
        content_type: Lower case, "text/plain" where none is given or it is not one (RFC 2045 section 5.2).
        parameters: Of Content-Type, names in lower case.
    """

    number: str
    fields: list[tuple[bytes, bytes]]
    start: int
    end: int
    content_type: str
    parameters: dict[str, Parameter]
    children: list["Part"] = field(default_factory=list)

    def value(self, name: bytes) -> bytes | None:
        """The raw value of the first field of that name (lower case), or None."""
        return next((value for key, value in self.fields if key == name), None)

    @property
    def is_multipart(self) -> bool:
        """Whether its body was taken apart."""
        return bool(self.children)

    def leaves(self) -> Iterator["Part"]:
        """The parts that hold content, in order."""
        pending = [self]
        while pending:
            part = pending.pop()
            if part.children:
                pending.extend(reversed(part.children))
            else:
                yield part


@dataclass(frozen=True, slots=True)
class Structure:
    """A message taken apart.

    Attributes:
        source: The bytes that the offsets refer to; bare CR line ends are LF here.
        header_end: Where the header block ends, its closing empty line included.
    """

    source: bytes
    root: Part
    header_end: int
    defects: tuple[Defect, ...]


def scan(source: bytes) -> Structure:
    """Find the parts of a message. Any bytes are a message; at worst one text part."""
    if b"\n" not in source:
        source = source.replace(b"\r", b"\n")  # classic Mac OS line ends
    return _Scanner(source).scan()


class _Delimiter(NamedTuple):
    """A line "--boundary": from the LF before it up to its own line end, which may be the next one's LF."""

    start: int
    end: int
    boundary: bytes
    closes: bool


class _Scanner:
    def __init__(self, source: bytes) -> None:
        self.source = source
        self.defects: list[Defect] = []
        self.open: list[tuple[Part, bytes]] = []  # multiparts not yet closed, with their boundaries
        self.parts = 0

    def scan(self) -> Structure:
        top = _TOP.match(self.source)
        root = self.read_part(top.end() if top else 0, parent=None)
        header_end, current, position = root.start, root, max(root.start - 1, 0)
        while self.open:
            delimiter = self.next_delimiter(position)
            if delimiter is None:
                break
            current.end = min(current.end, _before_line_end(self.source, delimiter.start, current.start))
            self.close_down_to(delimiter.boundary)
            parent, _ = self.open[-1]
            if delimiter.closes:
                self.open.pop()
                current, position = parent, delimiter.end
                current.end = delimiter.end
            elif _delimiter_at(self.source, delimiter.end, {delimiter.boundary}):
                position = delimiter.end  # written twice: there is no part between the two
            elif self.parts >= MAX_PARTS:
                self.read_rest(delimiter.end + 1, parent)
            else:
                current = self.read_part(min(delimiter.end + 1, len(self.source)), parent)
                parent.children.append(current)
                position = max(current.start - 1, 0)
        for part, _ in self.open:
            self.defect(DefectCode.MULTIPART_UNCLOSED, part, "read to the end")
        return Structure(self.source, root, header_end, tuple(self.defects))

    def read_part(self, start: int, parent: Part | None) -> Part:
        """Read a part's header; open it if it is a multipart that can be taken apart."""
        self.parts += 1
        fields, body_start, broken = _read_fields(self.source, start)
        default = "message/rfc822" if _is_digest(parent) else "text/plain"
        content_type, parameters = _content_type(fields, default)
        part = Part(_number(parent), fields, body_start, len(self.source), content_type, parameters)
        if broken:
            self.defect(DefectCode.HEADERS_BROKEN, part, "read as far as its fields go")
        if content_type.startswith("multipart/"):
            boundary = parameters.get("boundary", Parameter(b"")).octets.rstrip()
            if not boundary:
                self.defect(DefectCode.BOUNDARY_MISSING, part, "read as text")
            elif len(self.open) >= MAX_DEPTH:
                self.defect(DefectCode.TOO_DEEP, part, f"kept whole below {MAX_DEPTH} levels")
            else:
                self.open.append((part, boundary))
        return part

    def read_rest(self, start: int, parent: Part) -> None:
        """Keep what follows the last part that is read as one more, so that it counts and is not lost."""
        rest = Part(_number(parent), [], start, len(self.source), "application/octet-stream", {})
        parent.children.append(rest)
        self.defect(DefectCode.TOO_MANY_PARTS, rest, f"all after the first {MAX_PARTS} parts kept as one")
        self.open.clear()

    def next_delimiter(self, position: int) -> _Delimiter | None:
        boundaries = {boundary for _, boundary in self.open}
        start = self.source.find(b"\n--", position)
        while start >= 0:
            delimiter = _delimiter_at(self.source, start, boundaries)
            if delimiter:
                return delimiter
            start = self.source.find(b"\n--", start + 1)
        return None

    def close_down_to(self, boundary: bytes) -> None:
        while self.open[-1][1] != boundary:
            part, _ = self.open.pop()
            self.defect(DefectCode.MULTIPART_UNCLOSED, part, "read up to the delimiter around it")

    def defect(self, code: DefectCode, part: Part, action: str) -> None:
        self.defects.append(Defect(code, part.number or "header", action))


def _delimiter_at(source: bytes, start: int, boundaries: set[bytes]) -> _Delimiter | None:
    if not source.startswith(b"\n--", start):
        return None
    end = source.find(b"\n", start + 1)
    end = len(source) if end < 0 else end
    line = source[start + 3 : end].rstrip(b" \t\r")
    if line in boundaries:
        return _Delimiter(start, end, line, closes=False)
    if line.endswith(b"--") and line[:-2] in boundaries:
        return _Delimiter(start, end, line[:-2], closes=True)
    return None


def _read_fields(source: bytes, start: int) -> tuple[list[tuple[bytes, bytes]], int, bool]:
    """Header fields from `start`, where the body begins, and whether something was broken.

    A line that is no field is skipped when a field follows (a header folded badly), or when it has a colon
    and the header goes on to its empty line. Otherwise the empty line is missing: the body begins there.
    """
    fields: list[tuple[bytes, bytes]] = []
    skipped: int | None = None  # where the lines begin that were skipped since the last field
    broken, position = False, start
    while position < len(source):
        empty = _EMPTY_LINE.match(source, position)
        if empty:
            return fields, empty.end(), broken
        match = _FIELD.match(source, position)
        if match:
            fields.append((match[1].lower(), match[2]))
            position, skipped = match.end(), None
            continue
        if not fields:
            return fields, position, False
        broken, skipped = True, position if skipped is None else skipped
        line = _BROKEN_FIELD.match(source, position)
        if line is None or source.startswith(b"--", position):  # a delimiter: the empty line is missing
            return fields, skipped, True
        if b":" not in line[1] and not _FIELD.match(source, line.end()):
            return fields, skipped, True
        position = line.end()
    return fields, len(source) if skipped is None else skipped, broken


def _before_line_end(source: bytes, position: int, start: int) -> int:
    """`position` points at the LF before a delimiter; a CR before it belongs to it."""
    if position > start and source[position - 1 : position] == b"\r":
        position -= 1
    return max(position, start)


def _number(parent: Part | None) -> str:
    if parent is None:
        return ""
    nth = str(len(parent.children) + 1)
    return f"{parent.number}.{nth}" if parent.number else nth


def _is_digest(parent: Part | None) -> bool:
    return parent is not None and parent.content_type == "multipart/digest"  # RFC 2046 section 5.1.5


def _content_type(fields: list[tuple[bytes, bytes]], default: str) -> tuple[str, dict[str, Parameter]]:
    raw = next((value for name, value in fields if name == b"content-type"), None)
    if raw is None:
        return default, {}
    content_type, parameters = read_parameters(raw)
    return (content_type if _TOKEN.fullmatch(content_type) else "text/plain"), parameters
