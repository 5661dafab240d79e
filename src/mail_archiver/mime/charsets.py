"""From bytes to text that every database can hold."""

import codecs
import re
from collections.abc import Callable

from mail_archiver.domain.message import DefectCode

# Names that mail uses and Python does not know.
_ALIASES = {
    "windows-874": "cp874",
    "x-windows-874": "cp874",
    "windows-949": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "iso-8859-6-e": "iso-8859-6",
    "x-sjis": "shift_jis",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gbk",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-user-defined": "latin-1",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "ansi_x3.110-1983": "latin-1",
}
# What senders call these, in Python's names, is what Windows calls them: a superset.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
}
# What Python calls a codec and nobody a charset; some take quadratic time, or decode to no text.
_NO_CHARSETS = frozenset(
    {"base64", "bz2", "hex", "quopri", "rot13", "uu", "zlib", "idna", "punycode", "mbcs", "oem"}
    | {"raw-unicode-escape", "unicode-escape", "undefined"}
)
_NOT_ASCII_BASED = ("hz", "iso2022", "utf-7", "utf-16", "utf-32")
_CHARSET_NAME = re.compile(r"[a-z0-9][a-z0-9_.:+-]*")

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
    name = _charset_name(charset)
    codec = _codec(name)
    if content.isascii() and not (codec or "").startswith(_NOT_ASCII_BASED):
        return content.decode("ascii")
    if codec is None:
        report(DefectCode.CHARSET_UNKNOWN, f"charset {name[:40]} unknown, detected instead")
    elif name not in ("us-ascii", "ascii"):
        try:
            return content.decode(codec)
        except UnicodeError:
            report(DefectCode.CHARSET_WRONG, f"not {name[:40]}, detected instead")
    elif charset:
        report(DefectCode.CHARSET_WRONG, "not us-ascii, detected instead")
    return _detect(content, codec)


def _charset_name(declared: str | None) -> str:
    # Comments and quotation marks may stand around it.
    name = _CHARSET_NAME.search((declared or "us-ascii").lower())
    return name[0] if name else "unnamed"


def _codec(name: str) -> str | None:
    try:
        codec = codecs.lookup(_ALIASES.get(name, name)).name
    except LookupError:
        return None
    return None if codec in _NO_CHARSETS else _SUPERSETS.get(codec, codec)


def _detect(content: bytes, declared: str | None) -> str:
    """UTF-8 if it is; as declared if only few characters are broken; else what Western mail is written in."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode(declared or "cp1252", "replace")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    few_broken = 2 * text.count("\ufffd") < beyond_ascii
    return text if few_broken else content.decode("cp1252", "replace")


def storable(text: str, report: Report) -> str:
    """Text without NUL and without lone surrogates: PostgreSQL refuses both."""
    if "\0" in text:
        report(DefectCode.NUL_REMOVED, f"{text.count(chr(0))} NUL removed")
        text = text.replace("\0", "")
    if _SURROGATE.search(text):
        report(DefectCode.SURROGATE_REPLACED, "lone surrogates replaced by U+FFFD")
        text = _SURROGATE.sub("\ufffd", text)
    return text
