"""Names that are safe in a folder, in a zip and in a browser."""

import mimetypes
import re
import unicodedata

MAX_NAME_OCTETS = 150

_PATH = re.compile(r"(?:[a-zA-Z]:|~[^/\\]*|\.\.?|file:)?[/\\]")
"""How a path begins; a slash that stands elsewhere is a part of a name, as in "invoice 12345/17.pdf"."""
_UNSAFE = re.compile(r'[/\\<>:"|?*\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]')
# Windows drops spaces before a dot, as before the end, and so do we.
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)", re.IGNORECASE)
_TYPES = mimetypes.MimeTypes()  # built-in table only: the machine's own would make names depend on it
_OFFICE = "application/vnd.openxmlformats-officedocument."
_ENDINGS = {
    "text/calendar": ".ics",
    f"{_OFFICE}wordprocessingml.document": ".docx",
    f"{_OFFICE}spreadsheetml.sheet": ".xlsx",
    f"{_OFFICE}presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.presentation": ".odp",
    "application/x-zip-compressed": ".zip",
    "application/x-pdf": ".pdf",
    "application/rtf": ".rtf",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/webp": ".webp",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
}
"""Of what Python 3.11 does not know."""
for _type, _ending in _ENDINGS.items():
    _TYPES.add_type(_type, _ending)


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
    base = filename.rstrip("/\\ ")
    if _PATH.match(base):
        base = re.split(r"[/\\]", base)[-1]
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", base)).strip(" .")
    name = "".join(c if c.isprintable() else "_" for c in name)
    return f"_{name}" if _RESERVED.match(name) else name


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if stem and len(ending) <= 16 else (name, "")


def _fit(stem: str, ending: str) -> str:
    room = MAX_NAME_OCTETS - len(ending.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + ending
