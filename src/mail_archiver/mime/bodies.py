"""Which parts are what a reader sees, and which are attachments (RFC 8621 section 4.1.4)."""

from dataclasses import dataclass, field

from mail_archiver.mime.parameters import Parameter
from mail_archiver.mime.structure import Part


@dataclass(slots=True)
class Sorted:
    """The leaves of a message by what they are to a reader; a part may be in both bodies."""

    text: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    attachments: list[Part] = field(default_factory=list)


def sort_parts(root: Part) -> Sorted:
    """Tell bodies from attachments.

    Unlike the RFC, which lets pictures be part of a body, every part that is no text is an attachment: one
    that is sent `inline` must not vanish.
    """
    found = Sorted()
    if root.children:
        _sort_children(root, found, in_alternative=_is_alternative(root), shows_text=True, shows_html=True)
    elif _is_body(root, "mixed", is_first=True):
        found.text.append(root)
        found.html.append(root)
    else:
        found.attachments.append(root)
    return found


def _sort_children(
    multipart: Part, found: Sorted, *, in_alternative: bool, shows_text: bool, shows_html: bool
) -> None:
    """The recursion of the RFC; the depth of a structure is bounded."""
    subtype = multipart.content_type.partition("/")[2]
    first, text_before, html_before = _first_shown(multipart), len(found.text), len(found.html)
    for part in multipart.children:
        is_html = part.content_type == "text/html"
        if part.children:
            is_inside = in_alternative or _is_alternative(part)
            _sort_children(
                part, found, in_alternative=is_inside, shows_text=shows_text, shows_html=shows_html
            )
        elif not _is_body(part, subtype, is_first=part is first):
            found.attachments.append(part)
        elif subtype == "alternative":
            (found.html if is_html else found.text).append(part)
        else:
            if in_alternative:  # of several, text belongs to that alternative alone
                shows_html, shows_text = shows_html and is_html, shows_text and not is_html
            if shows_text:
                found.text.append(part)
            if shows_html:
                found.html.append(part)
    if subtype == "alternative":
        text, html = found.text[text_before:], found.html[html_before:]
        found.text += html if not text else []
        found.html += text if not html else []


def _is_body(part: Part, subtype: str, *, is_first: bool) -> bool:
    readable = part.content_type in ("text/plain", "text/html") or part.content_type.startswith("multipart/")
    is_named = subtype == "related" or name_parameter(part)
    return readable and part.disposition[0] != "attachment" and (is_first or not is_named)


def _first_shown(multipart: Part) -> Part:
    """The part that a reader is shown before the others, or instead of them (RFC 2387 section 3.2)."""
    start = multipart.parameters.get("start")
    named = (child for child in multipart.children if start and content_id(child) == start.text.strip(" <>"))
    return next(named, multipart.children[0])


def _is_alternative(part: Part) -> bool:
    return part.content_type == "multipart/alternative"


def content_id(part: Part) -> str:
    """By which other parts refer to this one (RFC 2392), without brackets; "" when it has none."""
    return (part.raw("content-id") or "").strip("<>")


def name_parameter(part: Part) -> Parameter | None:
    """The file name that the sender gave; None when there is none, or an empty one."""
    candidates = (part.disposition[1].get("filename"), part.parameters.get("name"))
    return next((name for name in candidates if name and name.octets), None)
