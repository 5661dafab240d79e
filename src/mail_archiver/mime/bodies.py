"""Which parts are what a reader sees, and which are attachments (RFC 8621 section 4.1.4)."""

from dataclasses import dataclass, field

from mail_archiver.mime.parameters import Parameter
from mail_archiver.mime.structure import Part

_MEDIA = ("image/", "audio/", "video/")


@dataclass(slots=True)
class Sorted:
    """The leaves of a message by what they are to a reader; a part may be in both bodies."""

    text: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    attachments: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class _Level:
    """A multipart on the way down, with what it found when it was entered."""

    part: Part
    next_child: int
    in_alternative: bool
    shows_text: bool
    shows_html: bool
    text_before: int
    html_before: int


def sort_parts(root: Part) -> Sorted:
    """Tell bodies from attachments.

    Unlike the RFC, which lets pictures be part of a body, every part that is no text is an attachment: one
    that is sent `inline` must not vanish.
    """
    found = Sorted()
    if not root.is_multipart:
        _sort_leaf(root, "mixed", _Level(root, 0, False, True, True, 0, 0), found, is_first=True)
        return found
    levels = [_Level(root, 0, _is_alternative(root), True, True, 0, 0)]
    while levels:
        level = levels[-1]
        if level.next_child == len(level.part.children):
            levels.pop()
            if _is_alternative(level.part):
                _fill_missing_alternative(level, found)
            continue
        child = level.part.children[level.next_child]
        level.next_child += 1
        if child.is_multipart:
            levels.append(
                _Level(
                    child,
                    0,
                    level.in_alternative or _is_alternative(child),
                    level.shows_text,
                    level.shows_html,
                    len(found.text),
                    len(found.html),
                )
            )
        else:
            subtype = level.part.content_type.partition("/")[2]
            _sort_leaf(child, subtype, level, found, is_first=child is _first_shown(level.part))
    return found


def _sort_leaf(part: Part, subtype: str, level: _Level, found: Sorted, *, is_first: bool) -> None:
    readable = part.content_type in ("text/plain", "text/html") or part.content_type.startswith("multipart/")
    is_body = (
        readable
        and part.disposition != "attachment"
        and (is_first or (subtype != "related" and not name_parameter(part)))
    )
    if not is_body:
        found.attachments.append(part)
        return
    is_html = part.content_type == "text/html"
    if subtype == "alternative":
        (found.html if is_html else found.text).append(part)
        return
    if level.in_alternative:
        # Inside one alternative of several, text belongs to that alternative alone.
        level.shows_html, level.shows_text = level.shows_html and is_html, level.shows_text and not is_html
    if level.shows_text:
        found.text.append(part)
    if level.shows_html:
        found.html.append(part)


def _fill_missing_alternative(level: _Level, found: Sorted) -> None:
    has_text, has_html = len(found.text) > level.text_before, len(found.html) > level.html_before
    if has_html and not has_text:
        found.text.extend(found.html[level.html_before :])
    if has_text and not has_html:
        found.html.extend(found.text[level.text_before :])


def _first_shown(multipart: Part) -> Part:
    """The part that a reader is shown before the others, or instead of them (RFC 2387 section 3.2)."""
    start = multipart.parameters.get("start")
    named = (child for child in multipart.children if start and content_id(child) == start.text.strip(" <>"))
    return next(named, multipart.children[0])


def _is_alternative(part: Part) -> bool:
    return part.content_type == "multipart/alternative"


def content_id(part: Part) -> str:
    """By which other parts refer to this one (RFC 2392), without brackets; "" when it has none."""
    return (part.value(b"content-id") or b"").decode("latin-1").strip().strip("<>")


def name_parameter(part: Part) -> Parameter | None:
    """The file name that the sender gave; None when there is none, or an empty one."""
    candidates = (part.disposition_parameters.get("filename"), part.parameters.get("name"))
    return next((name for name in candidates if name and name.octets), None)
