"""HTML rewritten so that a tree builder has nothing to repair: balanced, shallow, in pieces.

Tree builders (lexbor and html5ever alike) take quadratic time, or hundreds of megabytes, for what is nested
deep, never closed, or stands between the cells of a table.
"""

from collections.abc import Iterator

from mail_archiver.mime.html_tokens import GAPS, TOKEN, VOID, bounded, names, slices

MAX_DEPTH = 128  # elements open at a time; the tags of those deeper are dropped
_TEXT_NODE = 4_000  # characters; nh3 takes quadratic time for a long one full of nbsp or "&"
_SHALLOW = 2
_PIECE_STRINGS, _PIECE_CHARACTERS = 60_000, 500_000  # what nh3 sees in one go

ELEMENTS_KEPT = names(
    """a abbr address article aside b big blockquote br center cite code dd del dfn div dl dt em figcaption
    figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q s samp section small
    span strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr"""
)
_CELLS = names("td th")
_TABLES_AND_ROWS = names("table tbody tfoot thead tr")
_SCOPES = {"table": "table", "td": "cell", "th": "cell"}
_ITEMS = names("dd dt li")
_LISTS = names("dl ol ul")
_INLINE = frozenset(name for name in ELEMENTS_KEPT - VOID - _CELLS - {"a"} if not GAPS.get(name))
_CLOSES = {name: "p" for name in ELEMENTS_KEPT if GAPS.get(name)} | {"a": "a"}  # when such a one is open
_SIMPLE = frozenset(_CLOSES) - _TABLES_AND_ROWS - _ITEMS - VOID


class Balanced:
    """Rewrites HTML so that each element is closed inside its container, and what is in a table is in a cell.

    Each step takes elements from a stack, never to look at them again, so the work is linear.
    """

    def __init__(self) -> None:
        self.out: list[str] = []
        # What is open, with the start tags. A table is a scope, and each cell: nothing inside closes what is
        # outside.
        self.scopes: list[list[tuple[str, str]]] = [[]]
        self.counts: list[dict[str, int]] = [{}]  # how many of each name are open, scope by scope
        self.place = ""  # what the current scope is: "table", "cell" or neither
        self.depth = 0
        self.node = 0  # characters in what may be one node of text

    def pieces(self, html: str) -> Iterator[str]:
        """Pieces of limited size; what is open at the end of one is opened again in the next."""
        end_at = _PIECE_CHARACTERS
        for token in TOKEN.finditer(html.replace("\0", "")):
            _, name, attributes, end, words, leaf = token.groups()
            if name:
                name = name.lower()
                attributes = bounded(attributes)
                if leaf and len(words) < _TEXT_NODE and self.admits_leaf(name):
                    words = words.replace("<", "&lt;") if "<" in words else words
                    self.out.append(f"<{name}{attributes}>{words}</{name}>")
                    words = leaf = None
                else:
                    self.start(name, f"<{name}{attributes}>")
            elif end:
                self.end(end.lower())
            if words and len(words) > _TEXT_NODE:
                for text in slices(words, _TEXT_NODE):
                    self.text(text)
            elif words:
                self.text(words)
            if leaf:
                self.end(name)
            is_full = token.end() > end_at or len(self.out) > _PIECE_STRINGS
            if is_full and self.may_cut(token.end() - end_at):
                end_at = token.end() + _PIECE_CHARACTERS
                yield self.cut()
        yield "".join(self.out)

    def may_cut(self, excess: int) -> bool:
        """Whether little is torn apart here, or it cannot wait for a better place."""
        if self.depth <= _SHALLOW or (self.place == "table" and not self.counts[-1].get("tr")):
            return True
        return excess > _PIECE_CHARACTERS // 2 or len(self.out) > _PIECE_STRINGS * 3 // 2

    def cut(self) -> str:
        open_now = [element for scope in self.scopes for element in scope]
        self.out.extend(f"</{name}>" for name, _ in reversed(open_now))
        piece = "".join(self.out)
        self.out = [tag if len(tag) < 500 else f"<{name}>" for name, tag in open_now]
        return piece

    def start(self, name: str, tag: str) -> None:
        if name in ELEMENTS_KEPT and self.admits(name):
            if name in VOID:
                self.out.append(tag)
            elif self.depth < MAX_DEPTH:
                self.push(name, tag)

    def end(self, name: str) -> None:
        if name in _CELLS:
            if self.place == "cell":
                self.close_scope()
        elif name in _TABLES_AND_ROWS:
            if self.leaves_cell() and name == "table":
                self.close_scope()
            elif self.counts[-1].get(name):
                self.pop_to(name)
        elif self.counts[-1].get(name):
            self.pop_to(name)

    def text(self, words: str) -> None:
        if self.place == "table" and not words.isspace():
            self.enter_cell()
        # Beside a tag that was dropped, "<" would begin another.
        self.out.append(words.replace("<", "&lt;") if "<" in words else words)
        self.node += len(words)
        if self.node > _TEXT_NODE:
            self.out.append("<!---->")
            self.node = 0

    def admits_leaf(self, name: str) -> bool:
        """The same as `admits`, for an element that holds nothing but words and is written in one go."""
        if self.depth >= MAX_DEPTH:
            return False
        counts = self.counts[-1]
        if self.place == "table":
            return name in _CELLS and counts.get("tr", 0) > 0
        return name in _INLINE or (name in _SIMPLE and not counts.get(_CLOSES[name]))

    def admits(self, name: str) -> bool:
        """Whether this element has a place here; closes and opens around it what its start implies."""
        if name in _CELLS or (name in _TABLES_AND_ROWS and name != "table"):
            return self.admits_part(name)
        self.enter_cell()
        counts = self.counts[-1]
        if name in _CLOSES and counts.get(_CLOSES[name]):
            self.pop_to(_CLOSES[name])
        if name in _ITEMS:
            for above, _ in reversed(self.scopes[-1][-8:]):
                if above in _LISTS:
                    break
                if above in _ITEMS:
                    self.pop_to(above)
                    break
        return True

    def admits_part(self, name: str) -> bool:
        """The same for a part of a table."""
        if not self.leaves_cell():
            return False
        counts = self.counts[-1]
        if name in _CELLS:
            if not counts.get("tr"):
                self.push("tr", "<tr>")
        else:
            for above in ("tr", name):
                if counts.get(above):
                    self.pop_to(above)
        return True

    def enter_cell(self) -> None:
        if self.place == "table":
            if not self.counts[-1].get("tr"):
                self.push("tr", "<tr>")
            self.push("td", "<td>")

    def leaves_cell(self) -> bool:
        """Close the cell that this is in; whether this is in a table then."""
        if self.place == "cell":
            self.close_scope()
        return self.place == "table"

    def push(self, name: str, tag: str) -> None:
        if name in _SCOPES:
            self.scopes.append([])
            self.counts.append({})
            self.place = _SCOPES[name]
        counts = self.counts[-1]
        self.scopes[-1].append((name, tag))
        counts[name] = counts.get(name, 0) + 1
        self.depth += 1
        self.out.append(tag)

    def pop_to(self, name: str) -> None:
        scope, counts = self.scopes[-1], self.counts[-1]
        above = ""
        while above != name:
            above, _ = scope.pop()
            counts[above] -= 1
            self.depth -= 1
            self.out.append(f"</{above}>")

    def close_scope(self) -> None:
        scope = self.scopes.pop()
        self.counts.pop()
        self.depth -= len(scope)
        self.out.extend([f"</{name}>" for name, _ in reversed(scope)])
        self.place = _SCOPES[self.scopes[-1][0][0]] if len(self.scopes) > 1 else ""
