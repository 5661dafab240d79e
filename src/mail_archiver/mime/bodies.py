"""Which parts are what a reader sees, and which are attachments (RFC 8621 section 4.1.4)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mail_archiver.mime.parameters import Parameter
from mail_archiver.mime.structure import Part

_FOR_OTHER_READERS = frozenset({"text/x-amp-html", "text/watch-html"})
"""Alternatives that say the same once more, to Gmail and to a watch."""


@dataclass(slots=True)
class Sorted:
    """The leaves of a message by what they are to a reader; a part may be in both bodies."""

    text: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    attachments: list[Part] = field(default_factory=list)


def sort_parts(root: Part, says_nothing: Callable[[Part], bool] = lambda _part: False) -> Sorted:
    """Tell bodies from attachments.

    Unlike the RFC, which lets pictures be part of a body, every part that is no text is an attachment: one
    that is sent `inline` must not vanish.

    Args:
        says_nothing: Of a text beside its alternative in HTML: the HTML is to be read instead.
    """
    found = Sorted()
    if root.children:
        _Sorting(found, says_nothing).sort(root, is_alternative=False, shows_text=True, shows_html=True)
    elif _is_body(root, "mixed", is_first=True):
        found.text.append(root)
        found.html.append(root)
    else:
        found.attachments.append(root)
    return found


class _Sorting:
    """The recursion of the RFC; the depth of a structure is bounded."""

    def __init__(self, found: Sorted, says_nothing: Callable[[Part], bool]) -> None:
        self.found = found
        self.says_nothing = says_nothing

    def sort(self, multipart: Part, *, is_alternative: bool, shows_text: bool, shows_html: bool) -> None:
        """Sort the parts of a multipart.

        Args:
            is_alternative: It is inside of a multipart/alternative, or one itself.
        """
        found, subtype = self.found, multipart.content_type.partition("/")[2]
        is_alternative = is_alternative or subtype == "alternative"
        first, text_before, html_before = _first_shown(multipart), len(found.text), len(found.html)
        for part in multipart.children:
            is_html = part.content_type == "text/html"
            if part.children:
                self.sort(part, is_alternative=is_alternative, shows_text=shows_text, shows_html=shows_html)
            elif not _is_body(part, subtype, is_first=part is first):
                if subtype != "alternative" or part.content_type not in _FOR_OTHER_READERS:
                    found.attachments.append(part)
            elif subtype == "alternative":
                (found.html if is_html else found.text).append(part)
            else:
                if is_alternative:  # of several, text belongs to that alternative alone
                    shows_html, shows_text = shows_html and is_html, shows_text and not is_html
                if shows_text:
                    found.text.append(part)
                if shows_html:
                    found.html.append(part)
        if subtype == "alternative":
            self.fill_in(text_before, html_before)

    def fill_in(self, text_before: int, html_before: int) -> None:
        """Have each body show the alternative that there is, where its own is missing or says nothing."""
        found = self.found
        text, html = found.text[text_before:], found.html[html_before:]
        if html and all(map(self.says_nothing, text)):
            found.text[text_before:] = html
        found.html += text if not html else []


def _is_body(part: Part, subtype: str, *, is_first: bool) -> bool:
    readable = part.content_type in ("text/plain", "text/html") or part.content_type.startswith("multipart/")
    is_named = subtype == "related" or (subtype != "alternative" and name_parameter(part))
    return readable and part.disposition[0] != "attachment" and (is_first or not is_named)


def _first_shown(multipart: Part) -> Part:
    """The part that a reader is shown before the others, or instead of them (RFC 2387 section 3).

    A multipart/related names its Content-ID or its type.
    """
    first = multipart.children[0]
    if multipart.content_type != "multipart/related":
        return first
    start, kind = (multipart.parameters.get(name) for name in ("start", "type"))
    named = [child for child in multipart.children if start and content_id(child) == start.text.strip(" <>")]
    named += [child for child in multipart.children if kind and child.content_type == kind.text.lower()]
    return next(iter(named), first)


def content_id(part: Part) -> str:
    """By which other parts refer to this one (RFC 2392), without brackets; "" when it has none."""
    return (part.raw("content-id") or "").strip("<>")


def name_parameter(part: Part) -> Parameter | None:
    """The file name that the sender gave; None when there is none, or an empty one."""
    candidates = (part.disposition[1].get("filename"), part.parameters.get("name"))
    return next((name for name in candidates if name and name.octets), None)
