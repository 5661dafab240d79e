"""Where the parts of a message begin and end (RFC 2045, 2046), without decoding anything.

One pass from delimiter line to delimiter line, no recursion: a thousand nested parts cost no stack, and the
bodies in between are never looked at line by line, nor held in memory.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mail_archiver.domain.limits import MAX_DEPTH, MAX_HEADER_OCTETS, MAX_PARTS
from mail_archiver.domain.message import Defect, DefectCode
from mail_archiver.mime.header_block import Field, read_header_block
from mail_archiver.mime.parameters import Parameter, read_parameters
from mail_archiver.octets import Octets, Spool

MAX_KEPT_OCTETS = 8 * 1024 * 1024
"""Of what is decoded of one message, that stay in memory to be stored; the rest is decoded once more then."""

MAX_DASHED_LINES = 300_000
"""Lines beginning with "--" that are looked at, and one more for each 100 octets: of more, none is."""

_MAX_DELIMITER_OCTETS = 4_096
_TOP = re.compile(
    rb"(?:>?From (?![ \t]*:)[^\n]*\n)?(?:[ \t]++(?=[!-9;-~]++:))?"
)  # of an mbox; a stray indent
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`{|}~-]+/[a-z0-9!#$%&'*+.^_`{|}~-]+")


@dataclass(slots=True)
class Part:
    """One node of the tree.

    Attributes:
        number: As IMAP counts parts ("1", "2.1"); "" for a multipart at the top.
        fields: Header fields in order.
        start, end: Where the body lies in the source; `end` excludes the line end before a delimiter.
        content_type: Lower case, "text/plain" where none is given or it is not one (RFC 2045 section 5.2).
        parameters: Of Content-Type, names in lower case.
        disposition, disposition_parameters: Content-Disposition (RFC 2183) likewise; "" where absent.
        first: The first field of each name.
    """

    number: str
    fields: list[Field]
    start: int
    end: int
    content_type: str
    parameters: Mapping[str, Parameter]
    disposition: str = ""
    disposition_parameters: Mapping[str, Parameter] = field(default_factory=dict)
    children: list["Part"] = field(default_factory=list)
    first: dict[bytes, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.first = dict(reversed(self.fields))

    def value(self, name: bytes) -> bytes | None:
        """The raw value of the first field of that name (lower case), or None."""
        return self.first.get(name)

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
        source: What the offsets refer to; bare CR line ends are LF here.
        header_end: Where the header block ends, its closing empty line included.
        epilogue: Where text begins that follows the last delimiter of the outermost multipart, and its end;
            None where that is no text.
    """

    source: Octets
    root: Part
    header_end: int
    epilogue: tuple[int, int] | None
    defects: tuple[Defect, ...]


@dataclass(slots=True)
class Effort:
    """How much may still be read of a message and of what it encloses, so that no mail takes for ever."""

    parts: int
    header_octets: int
    dashed_lines: int
    kept_octets: int

    @classmethod
    def for_message(cls, size_octets: int) -> "Effort":
        """For one message."""
        return cls(
            parts=MAX_PARTS,
            header_octets=MAX_HEADER_OCTETS + size_octets // 16,
            dashed_lines=MAX_DASHED_LINES + size_octets // 100,
            kept_octets=min(size_octets, MAX_KEPT_OCTETS),
        )

    def keep(self, octets: int) -> bool:
        """Whether so much more may be kept in memory; if so, it counts."""
        may_keep = octets <= self.kept_octets
        self.kept_octets -= octets if may_keep else 0
        return may_keep


def scan(source: Octets, start: int = 0, end: int | None = None, effort: Effort | None = None) -> Structure:
    """Find the parts of a message. Any bytes are a message; at worst one text part.

    Args:
        start, end: Where the message lies in the source; end is None for all the rest.
        effort: What may be spent; what is spent is taken from it.
    """
    end = len(source) if end is None else end
    if source.find(b"\n", start, end) < 0 and source.find(b"\r", start, end) >= 0:
        # Classic Mac OS line ends.
        source = Spool().keep(piece.replace(b"\r", b"\n") for piece in source.pieces(start, end))
        start, end = 0, len(source)
    return _Scanner(source, end, effort or Effort.for_message(end - start)).scan(start)


class _Delimiter(NamedTuple):
    """A line "--boundary": from the LF before it up to its own line end, which may be the next one's LF."""

    start: int
    end: int
    boundary: bytes
    closes: bool


class _Scanner:
    def __init__(self, source: Octets, end: int, effort: Effort) -> None:
        self.source = source
        self.end = end
        self.effort = effort
        self.defects: list[Defect] = []
        self.open: list[tuple[Part, bytes]] = []  # multiparts not yet closed, with their boundaries
        self.boundaries: set[bytes] = set()

    def scan(self, start: int) -> Structure:
        top = _TOP.match(self.source.read(start, min(start + 1024, self.end)))
        root = self.read_part(start + (top.end() if top else 0), parent=None)
        header_end, current, position, epilogue = root.start, root, max(root.start - 1, start), None
        while self.open:
            delimiter = self.next_delimiter(position)
            if delimiter is None:
                break
            current.end = min(current.end, self.before_line_end(delimiter.start, current.start))
            self.close_down_to(delimiter.boundary)
            parent, _ = self.open[-1]
            if delimiter.closes:
                self.pop_open()
                current, position = parent, delimiter.end
                current.end = delimiter.end
                epilogue = delimiter.end
            elif self.delimiter_at(delimiter.end):
                position = delimiter.end  # written twice: there is no part between the two
            elif self.effort.parts <= 0:
                self.read_rest(
                    delimiter.end + 1, parent, f"all after the first {MAX_PARTS} parts kept as one"
                )
            else:
                current = self.read_part(min(delimiter.end + 1, self.end), parent)
                parent.children.append(current)
                position = max(current.start - 1, start)
        for part, _ in self.open:
            self.defect(DefectCode.MULTIPART_UNCLOSED, part, "read to the end")
        after = (
            None
            if epilogue is None or self.open or not root.children
            else (min(epilogue + 1, self.end), self.end)
        )
        return Structure(self.source, root, header_end, after, tuple(self.defects))

    def read_part(self, start: int, parent: Part | None) -> Part:
        """Read a part's header; open it if it is a multipart that can be taken apart."""
        self.effort.parts -= 1
        header = read_header_block(self.source, start, self.end, self.effort.header_octets)
        self.effort.header_octets -= header.octets_read
        default = "message/rfc822" if _is_digest(parent) else "text/plain"
        content_type, parameters = _content_type(header.fields, default)
        part = Part(_number(parent), header.fields, header.end, self.end, content_type, parameters)
        disposition = part.value(b"content-disposition")
        if disposition is not None:
            part.disposition, part.disposition_parameters = read_parameters(disposition)
        if header.is_broken:
            self.defect(DefectCode.HEADERS_BROKEN, part, "read as far as its fields go")
        if header.is_cut:
            self.defect(DefectCode.HEADERS_TOO_LONG, part, "only the first fields are read")
        if content_type.startswith("multipart/"):
            boundary = parameters.get("boundary", Parameter(b"")).octets.rstrip()
            if not boundary:
                self.defect(DefectCode.BOUNDARY_MISSING, part, "read as text")
            elif len(self.open) >= MAX_DEPTH:
                self.defect(DefectCode.TOO_DEEP, part, f"kept whole below {MAX_DEPTH} levels")
            else:
                self.open.append((part, boundary))
                self.boundaries.add(boundary)
        return part

    def read_rest(self, start: int, parent: Part, action: str) -> None:
        """Keep what follows the last part that is read as one more, so that it counts and is not lost."""
        rest = Part(_number(parent), [], start, self.end, "application/octet-stream", {})
        parent.children.append(rest)
        self.defect(DefectCode.TOO_MANY_PARTS, rest, action)
        self.open.clear()

    def next_delimiter(self, position: int) -> _Delimiter | None:
        find, end = self.source.find, self.end
        dash = find(b"-", position, end)  # base64 has none, and one octet is found 50 times as fast as three
        start = find(b"\n--", max(dash - 1, position), end) if dash >= 0 else -1
        while start >= 0 and self.effort.dashed_lines > 0:
            delimiter = self.delimiter_at(start)
            if delimiter:
                return delimiter
            start = find(b"\n--", start + 1, end)
        if start >= 0:
            part, _ = self.open[-1]
            self.defect(DefectCode.TOO_MANY_PARTS, part, "not taken apart further: too many lines of dashes")
        return None

    def delimiter_at(self, start: int) -> _Delimiter | None:
        """The delimiter of an open multipart that begins at this LF, if one does."""
        self.effort.dashed_lines -= 1
        first = self.source.read(start, start + 3)
        if first != b"\n--":
            return None
        end = self.source.find(b"\n", start + 1, self.end)
        end = self.end if end < 0 else end
        line = self.source.read(start + 3, min(end, start + _MAX_DELIMITER_OCTETS)).rstrip(b" \t\r")
        if line in self.boundaries:
            return _Delimiter(start, end, line, closes=False)
        if line.endswith(b"--") and line[:-2] in self.boundaries:
            return _Delimiter(start, end, line[:-2], closes=True)
        return None

    def close_down_to(self, boundary: bytes) -> None:
        while self.open[-1][1] != boundary:
            part = self.pop_open()
            self.defect(DefectCode.MULTIPART_UNCLOSED, part, "read up to the delimiter around it")

    def pop_open(self) -> Part:
        part, _ = self.open.pop()
        self.boundaries = {boundary for _, boundary in self.open}
        return part

    def before_line_end(self, position: int, start: int) -> int:
        """`position` points at the LF before a delimiter; a CR before it belongs to it."""
        if position > start and self.source.read(position - 1, position) == b"\r":
            position -= 1
        return max(position, start)

    def defect(self, code: DefectCode, part: Part, action: str) -> None:
        in_header = code in (DefectCode.HEADERS_BROKEN, DefectCode.HEADERS_TOO_LONG)
        self.defects.append(Defect(code, part.number or ("header" if in_header else "message"), action))


def _number(parent: Part | None) -> str:
    if parent is None:
        return ""
    nth = str(len(parent.children) + 1)
    return f"{parent.number}.{nth}" if parent.number else nth


def _is_digest(parent: Part | None) -> bool:
    return parent is not None and parent.content_type == "multipart/digest"  # RFC 2046 section 5.1.5


def _content_type(fields: list[Field], default: str) -> tuple[str, Mapping[str, Parameter]]:
    raw = next((value for name, value in fields if name == b"content-type"), None)
    if raw is None:
        return default, {}
    content_type, parameters = read_parameters(raw)
    return (content_type if _TOKEN.fullmatch(content_type) else "text/plain"), parameters
