"""Names that are safe in a folder, in a zip and in a browser."""

import mimetypes
import re
import unicodedata

MAX_NAME_OCTETS = 150

_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]')
# Windows drops spaces before a dot, as before the end, and so do we.
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)", re.IGNORECASE)
_TYPES = mimetypes.MimeTypes()  # built-in table only: the machine's own would make names depend on it
_TYPES.add_type("text/calendar", ".ics")


def safe_name(filename: str | None, content_type: str, nth: int, taken: dict[str, int]) -> str:
    """A safe, distinct name for an attachment.

    No path, no control or direction-changing character, no name that Windows reserves, at most
    `MAX_NAME_OCTETS` in UTF-8 with the ending kept. Names that differ only in case count as the same.

    Args:
        filename: As the sender wrote it, or None.
        nth: Position in the message from 1: names what has no name.
        taken: Names given already, case-folded, and how many wanted each; the new one is added.
    """
    name = _clean(filename or "")
    if not name:
        name = f"part-{nth}{_guess_ending(content_type)}"
    stem, ending = _split(name)
    candidate = _fit(stem, ending)
    wanted = candidate.casefold()
    while candidate.casefold() in taken:
        taken[wanted] += 1
        candidate = _fit(stem, f" ({taken[wanted]}){ending}")
    taken[candidate.casefold()] = 1
    return candidate


def _guess_ending(content_type: str) -> str:
    readable = content_type.startswith(("text/", "message/"))
    return _TYPES.guess_extension(content_type, strict=False) or (".txt" if readable else ".bin")


def _clean(filename: str) -> str:
    base = re.split(r"[/\\]", filename.rstrip("/\\ "))[-1]
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", base)).strip(" .")
    name = "".join(c if c.isprintable() else "_" for c in name)
    return f"_{name}" if _RESERVED.match(name) else name


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if stem and len(ending) <= 16 else (name, "")


def _fit(stem: str, ending: str) -> str:
    room = MAX_NAME_OCTETS - len(ending.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + ending
