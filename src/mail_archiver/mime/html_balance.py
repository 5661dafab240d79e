"""HTML rewritten so that a tree builder has nothing to repair: balanced, shallow, in short tags and texts.

lexbor and html5ever, like all that follow the standard, take quadratic time or hundreds of megabytes for what
is nested deep, never closed, stands between the cells of a table, or has attributes without end.
"""

import re
from collections.abc import Container
from io import StringIO
from itertools import islice

MAX_DEPTH = 128  # elements open at a time; the tags of those deeper are dropped
_MAX_ATTRIBUTES = 32  # nh3 and lexbor compare each with each; a tag with more loses all
_MAX_TEXT = 4_000  # characters; nh3 takes quadratic time for a text, or value, full of "&" or no-break spaces

# By the rules of the standard (section 13.2.5): an element that is there for programs alone, a tag (groups
# 2 to 4: "/" of an end tag, name, attributes), or a comment; and the text up to the next (group 5). Each ends
# at the end of the HTML at the latest, so nothing is read twice.
_ATTRIBUTE = r"""[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+
    (?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\f\r>"'][^ \t\n\f\r>]*+)?+)?+"""
_ATTRIBUTES = rf"(?:[ \t\n\f\r/](?:[ \t\n\f\r/]++|{_ATTRIBUTE})*+)?+"
_TOKEN = re.compile(
    rf"""(?:<(?:
        (?=[nistNIST])(?i:(noembed|noframes|iframe|script|style|template|title))(?=[ \t\n\f\r/>])
            {_ATTRIBUTES}(?:>|\Z)(?s:.*?)(?:</(?i:\1)(?=[ \t\n\f\r/>])[^>]*+(?:>|\Z)|\Z)
      | (/?+)([a-zA-Z][^ \t\n\f\r/>]*+)({_ATTRIBUTES})(?:>|\Z)
      | !--(?:-?>|(?s:.*?)(?:--!?>|\Z))
      | [!?/][^>]*+(?:>|\Z)
    ))?+([^<]*+(?:<(?![a-zA-Z/!?])[^<]*+)*+)""",
    re.VERBOSE,
)
_ONE_ATTRIBUTE = re.compile(_ATTRIBUTE, re.VERBOSE)
_PICTURE = re.compile(r"""src[ \t\n\f\r]*+=[ \t\n\f\r]*+["']?data:[a-z0-9+/=;:,-]*+["']?""", re.IGNORECASE)
_LONG_TEXT = re.compile(rf"(?s:.{{{_MAX_TEXT}}})[#\w]{{0,40}}+;?")  # no character reference is cut in two


def names(text: str) -> frozenset[str]:
    """Names of elements, in a sentence."""
    return frozenset(text.split())


BLOCKS = names(
    """address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hgroup hr li main menu nav ol p pre search section summary table
    ul"""
)
# Elements that the tree builder opens by itself, or whose content it reads by other rules.
_DROPPED = names(
    """applet base basefont bgsound body button caption col colgroup frame frameset head html image input
    keygen link listing marquee math meta noscript object plaintext selectedcontent svg textarea xmp"""
)
_VOID = names("area br embed hr img param source track wbr")
_TABLE = names("table")
_ROWS = names("table tbody tfoot thead")
_ROW = _ROWS | {"tr"}
_PARENTS = {"td": _ROW, "th": _ROW, "tr": _ROWS, "tbody": _TABLE, "tfoot": _TABLE, "thead": _TABLE}
_SCOPE = names("table td th")  # nothing inside closes what is outside
_LIST_SCOPE = _SCOPE | names("dl ol ul")
_END_EACH_OTHER = {name: names(name) for name in ("a", "li", "nobr", "option")}
_END_EACH_OTHER |= dict.fromkeys(("dd", "dt"), names("dd dt"))


class _Balance:
    def __init__(self, kept: Container[str] | None) -> None:
        self.kept = kept
        self.out = StringIO()
        self.open = [""]  # names of elements, the outermost first, below a root
        self.length = 0  # of text since it was last cut

    def start(self, name: str, attributes: str) -> None:
        if name in _DROPPED or (self.kept is not None and name not in self.kept) or not self.admits(name):
            return
        if len(attributes) > 10 * _MAX_ATTRIBUTES:
            attributes = _bounded(attributes)
        if name in _VOID:
            self.out.write(f"<{name}{attributes}>")
        elif len(self.open) <= MAX_DEPTH:
            self.push(name, attributes)

    def admits(self, name: str) -> bool:
        """Close and open around an element what its start implies; whether it has a place there."""
        if name in _PARENTS:
            if not self.close_to(_PARENTS[name], ()):
                return False
            if _PARENTS[name] is _ROW and self.open[-1] != "tr":
                self.push("tr")
            return True
        if self.open[-1] in _ROW:
            self.enter_cell()
        if len(self.open) <= MAX_DEPTH:
            if name in BLOCKS and self.close_to(("p",), _SCOPE):
                self.pop()
            if name in _END_EACH_OTHER and self.close_to(_END_EACH_OTHER[name], _LIST_SCOPE):
                self.pop()
        return True

    def end(self, name: str) -> None:
        scope = _TABLE if name in _ROW else _SCOPE
        if name == self.open[-1] or self.close_to((name,), scope):
            self.pop()

    def text(self, text: str) -> None:
        if self.open[-1] in _ROW and not text.isspace():
            self.enter_cell()
        if "<" in text:  # beside a tag that was dropped, it would begin another
            text = text.replace("<", "&lt;")
        self.length += len(text)
        if self.length > _MAX_TEXT:
            text = _LONG_TEXT.sub(r"\g<0><!---->", text) + "<!---->"
            self.length = 0
        self.out.write(text)

    def enter_cell(self) -> None:
        if self.open[-1] != "tr":
            self.push("tr")
        self.push("td")

    def push(self, name: str, attributes: str = "") -> None:
        self.open.append(name)
        self.out.write(f"<{name}{attributes}>")

    def pop(self) -> None:
        self.out.write(f"</{self.open.pop()}>")

    def close_to(self, wanted: Container[str], scope: Container[str]) -> bool:
        """Close what is open inside the innermost of these elements; False when the scope has none."""
        for level in range(len(self.open) - 1, 0, -1):
            if self.open[level] in wanted:
                while len(self.open) > level + 1:
                    self.pop()
                return True
            if self.open[level] in scope:
                break
        return False


def balanced(html: str, kept: Container[str] | None = None) -> str:
    """The same HTML, each element closed inside its container, and what is in a table in a cell.

    Left out are comments, and what is there for programs alone (scripts, style sheets, titles).

    Args:
        kept: The elements whose tags stay; None for all.
    """
    balance = _Balance(kept)
    start, end, write = balance.start, balance.end, balance.text
    for token in _TOKEN.finditer(html.replace("\0", "")):
        _, slash, name, attributes, text = token.groups()
        if slash:
            end(name.lower())
        elif name:
            start(name.lower(), attributes)
        if text:
            write(text)
    return balance.out.getvalue()


def _bounded(attributes: str) -> str:
    """The attributes of a tag without those that are too long, unless they are pictures."""
    found = [each[0] for each in islice(_ONE_ATTRIBUTE.finditer(attributes), _MAX_ATTRIBUTES + 1)]
    if len(found) > _MAX_ATTRIBUTES:
        return ""
    return " ".join(["", *(each for each in found if len(each) <= _MAX_TEXT or _PICTURE.fullmatch(each))])
