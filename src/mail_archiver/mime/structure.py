"""The parts of a message (RFC 2045, 2046), found by the standard library's `email`.

Its parser is fed the headers and the delimiters, and nothing of what stands between them: bodies are neither
held in memory nor looked at line by line. Where the content of a part lies in the source is noted beside.
Delimiters are fed under names of our own, which no mail can forge. `attach`, `get_content_type` and
`get_boundary` of a `Message` are the hooks: they bound the depth, and leave enclosed messages to whoever
opens them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import errors
from email.feedparser import FeedParser
from email.message import Message
from email.policy import Compat32
from functools import cached_property
from typing import NamedTuple

from mail_archiver.domain.limits import MAX_DEPTH, MAX_PARTS, Effort
from mail_archiver.domain.message import Defect, DefectCode
from mail_archiver.mime.header_block import KNOWN_FIELD, read_header_block
from mail_archiver.mime.parameters import RAW, Parameter, read_parameters
from mail_archiver.octets import Octets, Spool

_MAX_DELIMITER_OCTETS = 4_096
# A byte order mark, an mbox's line, blank lines or one of text before a field that is known; a stray indent.
_TOP = re.compile(
    rb"(?:\xef\xbb\xbf)?+(?:>?From (?![ \t]*:)[^\n]*\n)?+"
    rb"(?:(?:[ \t]*+\r?\n){0,5}+(?:[^\n:]{1,200}+\n)?+(?=%b))?+(?:[ \t]+(?=[!-9;-~]+:))?+" % KNOWN_FIELD
)
_NO_TEXT = ("application", "audio", "font", "image", "model", "video")
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`{|}~-]+/[a-z0-9!#$%&'*+.^_`{|}~-]+")

_DEFECTS: Mapping[type[Exception], tuple[DefectCode, str]] = {
    errors.NoBoundaryInMultipartDefect: (DefectCode.BOUNDARY_MISSING, "read as text"),
    errors.StartBoundaryNotFoundDefect: (DefectCode.MULTIPART_UNCLOSED, "no part in it, read as text"),
    errors.CloseBoundaryNotFoundDefect: (
        DefectCode.MULTIPART_UNCLOSED,
        "read to the end of what is around it",
    ),
}
"""What the library reports, and what is made of it; not of a multipart whose last delimiter was there."""


class Part(Message):
    """One node of the tree.

    Attributes:
        number: As IMAP counts parts ("1", "2.1"); "" for the message itself.
        depth: How many multiparts are around it.
        fields: The values of each header field by its name in lower case, unfolded, octets beyond ASCII as
            surrogates; names in the order of the header.
        children: The parts of a multipart that was taken apart.
        start, end: Where the body of a leaf lies in the source, without the line end before a delimiter.
        is_closed: Of a multipart: its last delimiter was there.
    """

    def __init__(self, policy: Compat32 = RAW) -> None:
        super().__init__(policy)
        self.number = ""
        self.depth = 0
        self.fields: dict[str, list[str]] = {}
        self.children: list[Part] = []
        self.start = self.end = 0
        self.is_closed = False

    def set_raw(self, name: str, value: str) -> None:
        """Called by the parser for each field."""
        super().set_raw(name, value)
        self.fields.setdefault(name, []).append(value)

    def attach(self, payload: "Part") -> None:  # type: ignore[override]
        """Called by the parser when a part of this one begins."""
        super().attach(payload)
        self.children.append(payload)
        payload.number = f"{self.number}.{len(self.children)}".lstrip(".")
        payload.depth = self.depth + 1

    def get_content_type(self) -> str:
        """Called by the parser: what it must not take apart, as it is enclosed or too deep, is a leaf."""
        is_leaf = self.is_too_deep or self.content_type.startswith("message/")
        return "application/octet-stream" if is_leaf else self.content_type

    def get_boundary(self, failobj: object = None) -> str | None:  # type: ignore[override]  # noqa: ARG002
        """Called by the parser: the name under which it is fed the delimiters; None where there are none."""
        return str(self.depth) if self.boundary else None

    @property
    def is_too_deep(self) -> bool:
        """Whether it is a multipart that is kept whole."""
        return self.depth >= MAX_DEPTH and self.content_type.startswith("multipart/")

    @property
    def boundary(self) -> bytes:
        """What stands after "--" in the delimiters of a multipart; b"" where nothing says so."""
        return self.parameters.get("boundary", Parameter(b"")).octets.rstrip()

    def raw(self, name: str) -> str | None:
        """The first of `fields` with that name; None where there is none."""
        values = self.fields.get(name)
        return values[0] if values else None

    @cached_property
    def content_type(self) -> str:
        """In lower case; "text/plain" where none is given or it is not one (RFC 2045 section 5.2).

        What names another kind of content without a subtype, such as "application-x-gzip", is no text.
        """
        raw = self.raw("content-type")
        declared = self.get_default_type() if raw is None else read_parameters(raw)[0]
        if _TOKEN.fullmatch(declared):
            return declared
        return "application/octet-stream" if declared.startswith(_NO_TEXT) else "text/plain"

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """Of Content-Type, by their names in lower case."""
        return read_parameters(self.raw("content-type") or "")[1]

    @cached_property
    def disposition(self) -> tuple[str, Mapping[str, Parameter]]:
        """Content-Disposition (RFC 2183) in lower case, "" where there is none, and its parameters."""
        return read_parameters(self.raw("content-disposition") or "")

    @property
    def parts(self) -> list["Part"]:
        """This one and all below it, in order; an enclosed message is one part."""
        parts = [self]
        for child in self.children:
            parts += child.parts if child.children else [child]
        return parts

    @property
    def leaves(self) -> list["Part"]:
        """The parts that hold content, in order."""
        return [part for part in self.parts if not part.children]


@dataclass(frozen=True, slots=True)
class Structure:
    """A message taken apart.

    Attributes:
        source: What the offsets refer to; bare CR line ends are LF here.
        header_end: Where the header block ends, its closing empty line included.
        epilogue: Where text begins that follows the last delimiter of the outermost multipart, and its end;
            None where there is none.
    """

    source: Octets
    root: Part
    header_end: int
    epilogue: tuple[int, int] | None
    defects: tuple[Defect, ...]


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
    return _Feed(source, end, effort or Effort.for_message(end - start)).read(start)


class _Delimiter(NamedTuple):
    """A line "--boundary" of the multipart at a level: from the LF before it up to its own line end."""

    start: int
    end: int
    level: int
    closes: bool


class _Feed:
    """Feeds the library's parser what it needs to see of one message."""

    def __init__(self, source: Octets, end: int, effort: Effort) -> None:
        self.source = source
        self.end = end
        self.effort = effort
        self.defects: list[Defect] = []
        self.open: list[Part] = []  # multiparts, the outermost first
        self.delimiters: frozenset[bytes] = frozenset()  # what stands after "--" in those that may come
        self.parser: FeedParser[Part] = FeedParser(self.new_part, policy=RAW)  # type: ignore[arg-type]
        self.part = Part(RAW)

    def new_part(self, policy: Compat32) -> Part:
        """Called by the parser for each part that begins."""
        self.part = Part(policy)
        return self.part

    def read(self, start: int) -> Structure:
        """Feed the message that begins there, and give what the parser makes of it."""
        top = _TOP.match(self.source.read(start, min(start + 1024, self.end)))
        position = self.feed_header(start + (top.end() if top else 0))
        header_end, epilogue = position, None
        while self.open and (delimiter := self.next_delimiter(max(position - 1, start))):
            self.part.end = min(self.part.end, self.before_line_end(delimiter.start, self.part.start))
            self.open[delimiter.level].is_closed = delimiter.closes
            self.open_only(self.open[: delimiter.level + (not delimiter.closes)])
            position = min(delimiter.end + 1, self.end)
            if delimiter.closes:
                self.parser.feed(f"--{delimiter.level}--\n")
                epilogue = None if self.open else position
            elif self.source.read(position, position + 2) == b"--" and self.delimiter_at(delimiter.end):
                position = delimiter.end  # written twice: there is no part between the two
            elif self.effort.parts > 0:
                position = self.feed_header(position, f"--{delimiter.level}\n")
            else:
                self.feed_rest(position, f"--{delimiter.level}\n")
        root = self.parser.close()
        del self.parser  # it refers to this feed: garbage that would have to be collected
        self.report_defects(root)
        after = None if epilogue is None else (epilogue, self.end)
        return Structure(self.source, root, header_end, after, tuple(self.defects))

    def feed_header(self, start: int, delimiter: str = "") -> int:
        """Feed the delimiter and the header of a part; returns where its body begins."""
        self.effort.parts -= 1
        header = read_header_block(self.source, start, self.end, self.effort.header_octets)
        self.effort.header_octets -= header.octets_read
        self.parser.feed(delimiter + header.fields.decode("ascii", "surrogateescape") + "\n")
        part = self.part
        part.start, part.end = header.end, self.end
        if header.is_broken:
            self.defect(DefectCode.HEADERS_BROKEN, part, "read as far as its fields go")
        if header.is_cut:
            self.defect(DefectCode.HEADERS_TOO_LONG, part, "only the first fields are read")
        if part.is_too_deep:
            self.defect(DefectCode.TOO_DEEP, part, f"kept whole below {MAX_DEPTH} levels")
        elif part.content_type.startswith("multipart/") and part.boundary:
            self.open_only([*self.open, part])
        return header.end

    def feed_rest(self, start: int, delimiter: str) -> None:
        """Keep what follows the last part that is read as one more, so that it counts and is not lost."""
        self.parser.feed(f"{delimiter}Content-Type: application/octet-stream\n\n")
        self.part.start, self.part.end = start, self.end
        action = f"all after the first {MAX_PARTS} parts kept as one"
        self.defect(DefectCode.TOO_MANY_PARTS, self.part, action)
        for part in self.open:
            part.is_closed = True
        self.open_only([])

    def open_only(self, multiparts: list[Part]) -> None:
        if len(multiparts) != len(self.open):
            self.open = multiparts
            boundaries = [part.boundary for part in multiparts]
            self.delimiters = frozenset(line for each in boundaries for line in (each, each + b"--"))

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
            action = "not taken apart further: too many lines of dashes"
            self.defect(DefectCode.TOO_MANY_PARTS, self.part, action)
        return None

    def delimiter_at(self, start: int) -> _Delimiter | None:
        """The delimiter of an open multipart that begins at this LF, if one does."""
        self.effort.dashed_lines -= 1
        first = self.source.read(start, start + 3)
        if first != b"\n--":
            return None
        end = self.source.find(b"\n", start + 1, self.end)
        end = self.end if end < 0 else end
        text = self.source.read(start + 3, min(end, start + _MAX_DELIMITER_OCTETS)).rstrip(b" \t\r")
        if text not in self.delimiters:
            return None
        boundaries = [part.boundary for part in self.open]
        closes = text not in boundaries
        boundary = text[:-2] if closes else text
        level = max(level for level, each in enumerate(boundaries) if each == boundary)
        return _Delimiter(start, end, level, closes)

    def before_line_end(self, position: int, start: int) -> int:
        """`position` points at the LF before a delimiter; a CR before it belongs to it."""
        if position > start and self.source.read(position - 1, position) == b"\r":
            position -= 1
        return max(position, start)

    def defect(self, code: DefectCode, part: Part, action: str) -> None:
        in_header = code in (DefectCode.HEADERS_BROKEN, DefectCode.HEADERS_TOO_LONG)
        self.defects.append(Defect(code, part.number or ("header" if in_header else "message"), action))

    def report_defects(self, root: Part) -> None:
        """Add what the library found."""
        for part in root.parts:
            for found in part.defects:
                if type(found) in _DEFECTS and not part.is_closed:
                    code, action = _DEFECTS[type(found)]
                    self.defect(code, part, action)
