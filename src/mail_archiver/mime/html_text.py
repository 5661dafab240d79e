"""The text that a person reads in HTML."""

import re
from typing import TYPE_CHECKING

from mail_archiver.mime.html_balance import BLOCKS, names

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    Attributes = dict[str, str | None]

_MAX_LEVELS = 5  # of "> " before a line, and of a list's indent

# Line ends around an element: 2 are an empty line. Around others there are none.
_GAPS = dict.fromkeys(BLOCKS | names("caption option select tbody tfoot thead tr"), 1)
_GAPS |= dict.fromkeys(names("blockquote h1 h2 h3 h4 h5 h6 hr p pre"), 2)
_HIDDEN = re.compile(r"display\s*+:\s*+none", re.IGNORECASE)
_NO_MARGIN = re.compile(r"margin:\s*+0[a-z]*+\s*+(?:;|\Z|0[a-z]*+\s++0)")
# What senders pad the preview of a mail list with. The non-joiner has a meaning between letters.
_JUNK = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]++|(?<!\\w)\u200c++|\u200c++(?!\\w)")
_BLANKS_BEFORE_LINE_END = re.compile(r"(?<![ \t])[ \t]++(?=\n|\Z)")
_EMPTY_LINES = re.compile(r"\n{3,}+")
FOLLOWED_LINK = re.compile(r"(?:https?|ftp|mailto|tel):", re.IGNORECASE)
_IN_ADDRESS = str.maketrans({" ": "%20", "<": "%3C", ">": "%3E", "\t": None, "\n": None, "\r": None})
_ADDRESS_FRAME = re.compile(r"\A(?:https?://|ftp://|mailto:|tel:)?+(?:www\.)?+|/\Z")


class Reader:
    """What was written so far, and what is due before the next word.

    Calls nest no deeper than the elements, of which there are at most `html_balance.MAX_DEPTH`.
    """

    def __init__(self, *, hides: bool) -> None:
        self.hides = hides
        self.out: list[str] = []
        self.gap = 0  # line ends due
        self.space = self.bullet = ""  # due as well
        self.quotes = self.line_quotes = self.pre = 0
        self.lists: list[int | None] = []  # those open: the number of the last item, None for bullets

    def read(self, parent: "LexborNode", _attributes: "Attributes | None" = None) -> None:
        """Write what is in an element."""
        node = parent.first_child
        while node is not None:
            tag = node.tag or ""
            if tag == "-text":
                self.text(node.text_content or "")
            elif tag != "-comment":
                self.element(node, tag, node.attributes)
            node = node.next

    def element(self, node: "LexborNode", tag: str, attributes: "Attributes") -> None:
        style = attributes.get("style") or ""
        if style and self.hides and _HIDDEN.search(style):
            return
        gap = _GAPS.get(tag, 0)
        if (
            tag == "p"
            and attributes
            and ("Mso" in (attributes.get("class") or "") or _NO_MARGIN.search(style))
        ):
            gap = 1  # Outlook's paragraphs are lines
        if gap > self.gap:
            self.gap = gap
        if tag == "br":
            self.gap = min(2, self.gap + 1)
        elif tag in ("td", "th"):
            self.space = "  "
        self.quotes += tag == "blockquote"
        self.pre += tag == "pre"
        _READ.get(tag, Reader.read)(self, node, attributes)
        self.quotes -= tag == "blockquote"
        self.pre -= tag == "pre"
        if gap > self.gap:
            self.gap = gap

    def link(self, node: "LexborNode", attributes: "Attributes") -> None:
        begin = len(self.out)
        self.read(node)
        address = (attributes.get("href") or "").strip()
        if FOLLOWED_LINK.match(address):
            text, address = "".join(self.out[begin:]).strip(), address.translate(_IN_ADDRESS)
            if text and _bare(text) != _bare(address):
                self.out.append(f" <{address.removeprefix('mailto:')}>")

    def image(self, _node: "LexborNode", attributes: "Attributes") -> None:
        if attributes.get("alt"):
            self.space = self.space or " "
            self.text(attributes["alt"] or "")
            self.space = " "

    def list(self, node: "LexborNode", attributes: "Attributes") -> None:
        start = attributes.get("start") or ""
        first = int(start) if start.isdecimal() and len(start) < 6 else 1
        self.lists.append(first - 1 if node.tag == "ol" else None)
        self.read(node)
        self.lists.pop()

    def item(self, node: "LexborNode", _attributes: "Attributes") -> None:
        self.bullet = "  " * min(len(self.lists) - 1, _MAX_LEVELS)
        number = self.lists[-1] if self.lists else None
        if number is None:
            self.bullet += "- "
        else:
            self.lists[-1] = number + 1
            self.bullet += f"{number + 1}. "
        self.read(node)
        self.bullet = ""

    def text(self, raw: str) -> None:
        """Write the text between two tags; white space collapses but in <pre>."""
        if not raw.isascii():
            raw = _JUNK.sub("", raw)
        if self.pre:
            self.verbatim(raw)
            return
        words = raw.split()
        if words:
            line = " ".join(words)
            if self.gap or self.bullet:
                self.begin_line()
            elif self.space or raw[0].isspace():
                line = (self.space or " ") + line
            self.out.append(line)
            self.space = " " if raw[-1].isspace() else ""
        elif self.gap and "\xa0" in raw:  # how editors write an empty line
            self.gap = 2
        elif raw:
            self.space = self.space or " "

    def verbatim(self, raw: str) -> None:
        raw = raw.replace("\r", "\n").replace("\xa0", " ")
        lines = raw.rstrip("\n")
        if lines:
            self.begin_line()
            lines = _EMPTY_LINES.sub("\n\n", _BLANKS_BEFORE_LINE_END.sub("", lines))
            self.out.append(lines.replace("\n", "\n" + _quotation(self.quotes)))
        self.gap = min(2, self.gap + len(raw) - len(lines)) if lines != raw else self.gap

    def begin_line(self) -> None:
        """Write what is due before a word."""
        if self.quotes:
            empty_line = "\n" + _quotation(min(self.quotes, self.line_quotes)).rstrip(" ")
            before = empty_line * (self.gap - 1) + "\n" * (self.gap > 0) if self.out else ""
            if before or not self.out:
                before += _quotation(self.quotes)
        else:
            before = "\n" * self.gap if self.out else ""
        self.out.append(before + self.bullet)
        self.gap, self.space, self.bullet, self.line_quotes = 0, "", "", self.quotes


_READ = {"a": Reader.link, "img": Reader.image, "li": Reader.item, "ol": Reader.list, "ul": Reader.list}


def _quotation(levels: int) -> str:
    return "> " * min(levels, _MAX_LEVELS)


def _bare(address: str) -> str:
    """What two ways to write an address have in common."""
    return _ADDRESS_FRAME.sub("", address.lower())
