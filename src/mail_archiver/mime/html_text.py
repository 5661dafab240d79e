"""The text that a person reads in HTML."""

import re

from mail_archiver.mime.html_tokens import GAPS, TOKEN, VOID, attribute, decode_references, slices

MAX_REFERENCES = 250_000  # such as "&nbsp;"; those beyond stay as they are written
MAX_LINKS = 20_000  # and images: of those beyond, the address is not written, nor the alternative text
_MAX_LEVELS = 5  # of "> " before a line, and of a list's indent
_SLICE = 50_000  # characters of text looked at in one go

_HIDDEN = re.compile(r"display\s*+:\s*+none", re.IGNORECASE)
# Outlook's paragraphs are lines.
_TIGHT = re.compile(r"\bMsoNormal\b|margin:\s*+0[a-z]*+\s*+(?:[;\"']|0[a-z]*+\s++0)")
# What senders pad the preview of a mail list with. The non-joiner has a meaning between letters.
_JUNK = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]++|(?<!\\w)\u200c++|\u200c++(?!\\w)")
_BLANKS_BEFORE_LINE_END = re.compile(r"(?<![ \t])[ \t]++(?=\n|\Z)")
_EMPTY_LINES = re.compile(r"\n{3,}+")
_FOLLOWED_LINK = re.compile(r"(?:https?|ftp|mailto|tel):", re.IGNORECASE)
_NO_ADDRESS = re.compile(r"[\s<>]")
_ESCAPED = {" ": "%20", "<": "%3C", ">": "%3E"}
_ADDRESS_FRAME = re.compile(r"\A(?:https?://|ftp://|mailto:|tel:)?+(?:www\.)?+|/\Z")


class Text:
    """What was written so far, and what is due before the next word."""

    def __init__(self, *, hides: bool) -> None:
        self.out: list[str] = []
        self.gap = 0  # line ends due
        self.space = self.bullet = ""  # due as well
        self.quotes = self.line_quotes = 0
        self.lists: list[int | None] = []  # those open: the number of the last item, None for bullets
        self.link: tuple[str, int] | None = None  # its address, and where in `out` its text begins
        self.gaps = dict(GAPS)  # that of "p" changes
        self.pre, self.pre_begins = 0, False
        self.hides, self.hidden, self.hidden_depth = hides, "", 0
        self.references = self.links = 0

    def read(self, html: str) -> None:  # noqa: C901 - the inner loop: calls would cost a third of the time
        gaps, plain = self.gaps, _PLAIN
        for token in TOKEN.finditer(html):
            _, name, attributes, end, words, leaf = token.groups()
            if name:
                if attributes or self.hidden or name not in plain:
                    self.start(name.lower(), attributes)
                else:
                    if name == "p":
                        gaps["p"] = 2
                    if self.gap < gaps[name]:
                        self.gap = gaps[name]
            elif end:
                self.end(end.lower())
            if words and not self.hidden:
                self.text(words)
            if leaf:
                if self.hidden or name not in plain:
                    self.end(name.lower())
                elif self.gap < gaps[name]:
                    self.gap = gaps[name]
        self.end_link()

    def start(self, name: str, attributes: str) -> None:
        if self.hidden:
            self.hidden_depth += name == self.hidden
            return
        if name == "p":
            is_tight = ("Mso" in attributes or "margin" in attributes) and _TIGHT.search(attributes)
            self.gaps["p"] = 1 if is_tight else 2
        gap = self.gaps.get(name, 0)
        if gap > self.gap:
            self.gap = gap
        begin = _BEGIN.get(name)
        if "none" in attributes and self.hides and _HIDDEN.search(attributes):
            if name not in VOID:
                self.hidden, self.hidden_depth = name, 1
        elif begin:
            begin(self, attributes)

    def end(self, name: str) -> None:
        if self.hidden:
            self.hidden_depth -= name == self.hidden
            if self.hidden_depth == 0:
                self.hidden = ""
            return
        gap = self.gaps.get(name, 0)
        if gap > self.gap:
            self.gap = gap
        finish = _FINISH.get(name)
        if finish:
            finish(self)

    def text(self, raw: str) -> None:
        """Write the text between two tags; white space collapses but in <pre>."""
        if len(raw) > _SLICE:
            for piece in slices(raw, _SLICE):
                self.text(piece)
            return
        if "&" in raw or not raw.isascii():
            raw = self.characters(raw)
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

    def begin_line(self) -> None:
        """Write what is due before a word."""
        if self.out and not self.quotes:
            self.out.append("\n" * self.gap)
        elif self.out:
            empty_line = "\n" + "> " * min(self.quotes, self.line_quotes)
            self.out.append(
                empty_line.rstrip(" ") * (self.gap - 1) + ("\n" + "> " * self.quotes) * (self.gap > 0)
            )
        else:
            self.out.append("> " * self.quotes)
        if self.bullet:
            self.out.append(self.bullet)
            self.bullet = ""
        self.gap, self.space, self.line_quotes = 0, "", self.quotes

    def verbatim(self, raw: str) -> None:
        raw = raw.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
        if self.pre_begins:
            raw = raw.removeprefix("\n")
        self.pre_begins = False
        lines = raw.rstrip("\n")
        if lines:
            self.begin_line()
            lines = _EMPTY_LINES.sub("\n\n", _BLANKS_BEFORE_LINE_END.sub("", lines))
            self.out.append(lines.replace("\n", "\n" + "> " * self.quotes))
        self.gap = min(2, self.gap + len(raw) - len(lines)) if lines != raw else self.gap

    def characters(self, raw: str) -> str:
        """What is seen of a text: references decoded, what pads the preview of a mail list removed."""
        self.references += raw.count("&")
        return _JUNK.sub("", decode_references(raw) if self.references <= MAX_REFERENCES else raw)

    def begin_link(self, attributes: str) -> None:
        self.end_link()
        self.links += 1
        if self.links <= MAX_LINKS:
            address = attribute(attributes, "href")
            if _FOLLOWED_LINK.match(address):
                self.link = _NO_ADDRESS.sub(lambda found: _ESCAPED.get(found[0], ""), address), len(self.out)

    def end_link(self) -> None:
        if self.link is None:
            return
        address, begin = self.link
        text, self.link = "".join(self.out[begin:]).strip(), None
        if text and _bare(text) != _bare(address):
            self.out.append(f" <{address.removeprefix('mailto:')}>")

    def image(self, attributes: str) -> None:
        self.links += 1
        alternative = attribute(attributes, "alt") if self.links <= MAX_LINKS else ""
        if alternative:
            self.space = self.space or " "
            self.text(alternative)
            self.space = " "

    def line_end(self, _attributes: str) -> None:
        self.gap = min(2, self.gap + 1)

    def cell(self, _attributes: str) -> None:
        self.space = "  "

    def begin_list(self, _attributes: str) -> None:
        self.lists.append(None)

    def begin_numbers(self, attributes: str) -> None:
        start = attribute(attributes, "start")
        self.lists.append(int(start) - 1 if start.isdecimal() and len(start) < 6 else 0)

    def end_list(self) -> None:
        if self.lists:
            self.lists.pop()

    def item(self, _attributes: str) -> None:
        self.bullet = "  " * min(len(self.lists) - 1, _MAX_LEVELS)
        number = self.lists[-1] if self.lists else None
        if number is None:
            self.bullet += "- "
        else:
            self.lists[-1] = number + 1
            self.bullet += f"{number + 1}. "

    def end_item(self) -> None:
        self.bullet = ""

    def begin_quote(self, _attributes: str) -> None:
        self.quotes = min(self.quotes + 1, _MAX_LEVELS)

    def end_quote(self) -> None:
        self.quotes = max(self.quotes - 1, 0)

    def begin_pre(self, _attributes: str) -> None:
        self.pre, self.pre_begins = self.pre + 1, True

    def end_pre(self) -> None:
        self.pre = max(self.pre - 1, 0)


_BEGIN = {
    "a": Text.begin_link,
    "blockquote": Text.begin_quote,
    "br": Text.line_end,
    "img": Text.image,
    "li": Text.item,
    "ol": Text.begin_numbers,
    "pre": Text.begin_pre,
    "td": Text.cell,
    "th": Text.cell,
    "ul": Text.begin_list,
}
_PLAIN = frozenset(GAPS) - frozenset(_BEGIN)  # nothing happens there but a gap
_FINISH = {
    "a": Text.end_link,
    "blockquote": Text.end_quote,
    "li": Text.end_item,
    "ol": Text.end_list,
    "pre": Text.end_pre,
    "ul": Text.end_list,
}


def _bare(address: str) -> str:
    """What two ways to write an address have in common."""
    return _ADDRESS_FRAME.sub("", address.lower())
