"""Names that are safe in a folder, in a zip and in a browser."""

import mimetypes
import re
import unicodedata

MAX_NAME_OCTETS = 150

_UNSAFE = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_TYPES = mimetypes.MimeTypes()  # built-in table only: the machine's own would make names depend on it


def safe_name(filename: str | None, content_type: str, nth: int, taken: set[str]) -> str:
    """A safe, distinct name for an attachment.

    No path, no control or direction-changing character, no name that Windows reserves, at most
    `MAX_NAME_OCTETS` in UTF-8 with the ending kept. Names that differ only in case count as the same.

    Args:
        filename: As the sender wrote it, or None.
        nth: Position in the message from 1: names what has no name.
        taken: Names given already, case-folded; the new one is added.
    """
    name = _clean(filename or "")
    if not name:
        name = f"part-{nth}{_TYPES.guess_extension(content_type) or '.bin'}"
    stem, ending = _split(name)
    candidate, twin = _fit(stem, ending), 1
    while candidate.casefold() in taken:
        twin += 1
        candidate = _fit(stem, f" ({twin}){ending}")
    taken.add(candidate.casefold())
    return candidate


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
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip() + ending
