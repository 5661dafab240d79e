"""What mail calls charsets, and what Python does."""

import codecs
import re

# Names that mail uses and Python does not know.
_ALIASES = {
    "logical": "iso-8859-8",
    "visual": "iso-8859-8",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "iso-8859-6-e": "iso-8859-6",
    "sjis-win": "shift_jis",
    "windows-31j": "shift_jis",
    "cp50220": "iso-2022-jp",
    "cp50221": "iso-2022-jp",
    "iso-2022-jp-ms": "iso-2022-jp",
    "cp51932": "euc_jp",
    "eucjp-ms": "euc_jp",
    "gb_2312-80": "gb2312",
    "gb-18030": "gb18030",
    "big5-eten": "big5",
    "x-big5": "big5",
    "x-x-big5": "big5",
    "ksc_5601": "euc_kr",
    "koi8-ru": "koi8-u",
    "koi": "koi8-r",
    "koi8": "koi8-r",
    "mac": "mac_roman",
    "x-mac-ce": "mac_latin2",
    "x-mac-centraleurroman": "mac_latin2",
    "x-mac-icelandic": "mac_iceland",
    "x-mac-ukrainian": "mac_cyrillic",
    "x-mac-japanese": "shift_jis",
    "x-mac-chinesetrad": "big5",
    "x-mac-chinesesimp": "gb2312",
    "x-mac-korean": "euc_kr",
    "x-user-defined": "latin-1",
    "unicode": "utf-16",
    "ucs-2": "utf-16",
    "iso-10646-ucs-2": "utf-16",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-2-0-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "ansi_x3.110-1983": "latin-1",
}
_CODE_PAGE = re.compile(r"(?:x-)?(?:windows|win|ms|microsoft|cp|dos|ibm)[-_]?(?:cp)?[-_]?([0-9]{3,4})")
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
# These say that the sender did not know (unknown-8bit: RFC 1428).
_NO_DECLARATIONS = frozenset(
    {
        "unknown-8bit",
        "x-unknown",
        "unknown",
        "default",
        "default_charset",
        "x-default",
        "none",
        "null",
        "auto",
    }
    | {"7bit", "8bit", "binary", "ansi", "charset", "undefined"}
)
_CHARSET_NAME = re.compile(r"(?:charset\s*+=\W*+)?+(?:3d\W++)?+([a-z0-9][a-z0-9_.:+-]*)")


def charset_name(declared: str | None) -> str:
    """The name in a declaration, "" where it declares nothing, "unnamed" where it is no name."""
    if not declared:
        return ""
    # Comments and quotation marks may stand around it, and what a broken quoted-printable left before it.
    found = _CHARSET_NAME.search(declared.lower())
    if found is None:
        return "unnamed"
    name = found[1]
    if name.startswith("3d") and python_codec(name[2:]):
        name = name[2:]
    return "" if name in _NO_DECLARATIONS else name


def python_codec(name: str) -> str | None:
    """Python's codec for a charset's name, or for the superset that is meant by it; None for none."""
    page = _CODE_PAGE.fullmatch(name)
    for candidate in (_ALIASES.get(name, name), f"cp{page[1]}" if page else name.removeprefix("x-")):
        try:
            codec = codecs.lookup(candidate.replace("x-mac-", "mac_")).name
        except (LookupError, ValueError):
            continue
        return None if codec in _NO_CHARSETS else _SUPERSETS.get(codec, codec)
    return None
