"""From bytes to text that every database can hold."""

import re
from collections.abc import Callable

from mail_archiver.domain.message import DefectCode

# Names that mail uses and Python does not know.
_ALIASES = {
    "windows-874": "cp874",
    "x-windows-874": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "iso-8859-6-e": "iso-8859-6",
    "x-sjis": "shift_jis",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gbk",
    "x-user-defined": "latin-1",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
    "ansi_x3.110-1983": "latin-1",
    # What senders call these is what Windows calls them, a superset.
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
}

_SURROGATE = re.compile("[\ud800-\udfff]")

Report = Callable[[DefectCode, str], None]
"""Takes a defect's code and what was done."""


def decode_raw(raw: bytes) -> str:
    """Undeclared bytes: UTF-8 where they are, else one character a byte."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def decode_text(content: bytes, charset: str | None, report: Report) -> str:
    """Text in a declared charset; the declaration is checked, not believed.

    Args:
        charset: As declared; None or "" where nothing is.
    """
    name = (charset or "us-ascii").strip().strip("'\"").lower()
    if content.isascii() and not name.startswith(
        ("utf-7", "unicode-1-1", "utf-16", "utf-32", "iso-2022", "hz")
    ):
        return content.decode("ascii")
    declared_ascii = name in ("us-ascii", "ascii")
    try:
        codec = _ALIASES.get(name, name)
        if not declared_ascii:
            return content.decode(codec)
    except LookupError:
        report(DefectCode.CHARSET_UNKNOWN, f"charset {_shown(name)} unknown, detected instead")
    except (UnicodeError, ValueError):
        report(DefectCode.CHARSET_WRONG, f"not {_shown(name)}, detected instead")
    else:
        if charset:
            report(DefectCode.CHARSET_WRONG, "not us-ascii, detected instead")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def storable(text: str, report: Report) -> str:
    """Text without NUL and without lone surrogates: PostgreSQL refuses both."""
    if "\0" in text:
        report(DefectCode.NUL_REMOVED, f"{text.count(chr(0))} NUL removed")
        text = text.replace("\0", "")
    if _SURROGATE.search(text):
        report(DefectCode.SURROGATE_REPLACED, "lone surrogates replaced by U+FFFD")
        text = _SURROGATE.sub("\ufffd", text)
    return text


def _shown(name: str) -> str:
    return re.sub(r"[^a-z0-9_.:+-]", "?", name)[:40]
