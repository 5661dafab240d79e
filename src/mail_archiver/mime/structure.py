"""Where the parts of a message begin and end (RFC 2045, 2046), without decoding anything.

One pass from delimiter line to delimiter line, no recursion: a thousand nested parts cost no stack, and the
bodies in between are never looked at line by line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message as HeaderParser

from mail_archiver.domain.message import Defect, DefectCode
from mail_archiver.mime.charsets import decode_raw

MAX_DEPTH = 64
MAX_PARTS = 2_000

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
_LINE = re.compile(rb"[^\n]*(?:\n|\Z)")
_EMPTY_LINE = re.compile(rb"\r?\n")
_MBOX_LINE = re.compile(rb">?From [^\n]*\n")
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`{|}~-]+/[a-z0-9!#$%&'*+.^_`{|}~-]+")


@dataclass(slots=True)
class Part:
    """One node of the tree.

    Attributes:
        number: As IMAP counts parts ("1", "2.1"); "" for a multipart at the top.
        fields: Header fields in order: name in lower case, value raw and still folded.
        start, end: Where the body lies in the source; `end` excludes the line end before a delimiter.
        content_type: Lower case, "text/plain" where none is given or it is not one (RFC 2045 section 5.2).
        parameters: Of Content-Type, decoded (RFC 2231), names in lower case.
    """

    number: str
    fields: list[tuple[bytes, bytes]]
    start: int
    end: int
    content_type: str
    parameters: dict[str, str]
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


class _Scanner:
    def __init__(self, source: bytes) -> None:
        self.source = source
        self.defects: list[Defect] = []
        self.open: list[tuple[Part, bytes]] = []  # multiparts not yet closed, with their boundaries
        self.parts = 0
        self.delimiters: dict[tuple[bytes, ...], re.Pattern[bytes]] = {}

    def scan(self) -> Structure:
        mbox_line = _MBOX_LINE.match(self.source)
        root = self.read_part(mbox_line.end() if mbox_line else 0, parent=None)
        header_end, current, position = root.start, root, max(root.start - 1, 0)
        while self.open:
            delimiter = self.next_delimiter(position)
            if delimiter is None:
                break
            current.end = min(current.end, _before_line_end(self.source, delimiter.start(), current.start))
            self.close_down_to(delimiter.group(1))
            parent, _ = self.open[-1]
            if delimiter.group(2):
                self.open.pop()
                current, position = parent, delimiter.end()
                current.end = delimiter.end()
            elif self.parts >= MAX_PARTS:
                self.defect(DefectCode.TOO_MANY_PARTS, parent, f"parts after the first {MAX_PARTS} not read")
                self.open.clear()
            else:
                current = self.read_part(min(delimiter.end() + 1, len(self.source)), parent)
                parent.children.append(current)
                position = max(current.start - 1, 0)
        for part, _ in self.open:
            self.defect(DefectCode.MULTIPART_UNCLOSED, part, "read to the end")
        return Structure(self.source, root, header_end, tuple(self.defects))

    def read_part(self, start: int, parent: Part | None) -> Part:
        """Read a part's header; open it if it is a multipart that can be taken apart."""
        self.parts += 1
        fields, body_start, stray = _read_fields(self.source, start)
        default = "message/rfc822" if _is_digest(parent) else "text/plain"
        content_type, parameters = _content_type(fields, default)
        part = Part(_number(parent), fields, body_start, len(self.source), content_type, parameters)
        if stray:
            self.defect(DefectCode.HEADERS_BROKEN, part, "lines that are no header field skipped")
        if content_type.startswith("multipart/"):
            boundary = self.encoded(parameters.get("boundary", "").rstrip())
            if not boundary:
                self.defect(DefectCode.BOUNDARY_MISSING, part, "read as text")
            elif len(self.open) >= MAX_DEPTH:
                self.defect(DefectCode.TOO_DEEP, part, f"kept whole below {MAX_DEPTH} levels")
            else:
                self.open.append((part, boundary))
        return part

    def encoded(self, boundary: str) -> bytes:
        in_utf8 = boundary.encode()
        return in_utf8 if in_utf8 in self.source else boundary.encode("latin-1", "replace")

    def next_delimiter(self, position: int) -> re.Match[bytes] | None:
        # The pattern ends before its line end, which may be the one before the next delimiter.
        boundaries = tuple(boundary for _, boundary in reversed(self.open))
        pattern = self.delimiters.get(boundaries)
        if pattern is None:
            names = b"|".join(map(re.escape, dict.fromkeys(boundaries)))
            pattern = re.compile(rb"(?:\n|\A)--(" + names + rb")(--)?[ \t]*\r?(?=\n|\Z)")
            self.delimiters[boundaries] = pattern
        return pattern.search(self.source, position)

    def close_down_to(self, boundary: bytes) -> None:
        while self.open[-1][1] != boundary:
            part, _ = self.open.pop()
            self.defect(DefectCode.MULTIPART_UNCLOSED, part, "read up to the delimiter around it")

    def defect(self, code: DefectCode, part: Part, action: str) -> None:
        self.defects.append(Defect(code, part.number or "header", action))


def _read_fields(source: bytes, start: int) -> tuple[list[tuple[bytes, bytes]], int, bool]:
    """Header fields from `start`, where the body begins, and whether lines were skipped.

    A line that is no field is skipped when a field or a folded line follows (a header folded badly);
    otherwise the body begins there: the empty line is missing.
    """
    fields: list[tuple[bytes, bytes]] = []
    stray, position, end = False, start, len(source)
    while position < end:
        empty = _EMPTY_LINE.match(source, position)
        if empty:
            return fields, empty.end(), stray
        match = _FIELD.match(source, position)
        if match:
            fields.append((match.group(1).lower(), match.group(2)))
            position = match.end()
            continue
        line_end = _end_of_line(source, position)
        follows = source[line_end : line_end + 1]
        if not fields or (follows not in (b" ", b"\t") and not _FIELD.match(source, line_end)):
            return fields, position, stray or bool(fields)
        stray, position = True, line_end
    return fields, end, stray


def _end_of_line(source: bytes, position: int) -> int:
    match = _LINE.match(source, position)
    return match.end() if match else len(source)


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


def _content_type(fields: list[tuple[bytes, bytes]], default: str) -> tuple[str, dict[str, str]]:
    raw = next((value for name, value in fields if name == b"content-type"), None)
    if raw is None:
        return default, {}
    content_type, parameters = read_parameters(raw)
    return (content_type if _TOKEN.fullmatch(content_type) else "text/plain"), parameters


def read_parameters(raw: bytes) -> tuple[str, dict[str, str]]:
    """A value with parameters (Content-Type, Content-Disposition): the value in lower case, the parameters.

    Parameters in pieces and with a charset (RFC 2231) are put together; encoded words (RFC 2047) are left
    to the caller. The first of two with one name counts.
    """
    text = decode_raw(raw).replace("\r", "").replace("\n", "")
    parser = HeaderParser()
    parser.add_header("Content-Type", text)
    try:
        pairs = parser.get_params([], unquote=True)
    except (ValueError, LookupError, IndexError, TypeError):  # what the standard library raises on RFC 2231
        pairs = [(text.partition(";")[0].strip(), "")]
    if not pairs:
        return "", {}
    parameters: dict[str, str] = {}
    for name, value in pairs[1:]:
        parameters.setdefault(name.lower(), _joined(value))
    return pairs[0][0].strip().lower(), parameters


def _joined(value: str | tuple[str | None, str | None, str]) -> str:
    if isinstance(value, str):
        return value
    charset, _, text = value
    try:
        return text.encode("latin-1").decode(charset or "utf-8", "replace")
    except (LookupError, UnicodeError):
        return text
