"""From bytes to text that every database can hold, whatever the sender calls the charset."""

import codecs
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import product

from mail_archiver.domain.message import DefectCode

# The codec that is meant by another one's name, where Windows writes a superset of the charset that it names,
# or by a name that Python does not know.
_NAMES = """
    cp1252          iso8859-1 ansi_x3.110-1983 x-user-defined
    cp1254          iso8859-9
    cp874           iso8859-11 tis-620
    cp932           shift_jis sjis-win windows-31j
    cp949           euc_kr ksc_5601
    cp950           big5 big5-eten chinesebig5 big5_tw cn-big5 x-x-big5 x-mac-chinesetrad
    gb18030         gb2312 gbk gb-18030 gb_2312-80 x-mac-chinesesimp
    euc_jp          cp51932 eucjp-ms
    iso2022_jp_ext  iso2022_jp iso-2022-jp-ms cp50220 cp50221
    iso8859-8       logical visual
    koi8-r          koi koi8
    koi8-u          koi8-ru
    mac-roman       mac
    mac-latin2      x-mac-ce x-mac-centraleurroman
    mac-cyrillic    x-mac-ukrainian
    utf-8           utf8mb4 unicode-1-1-utf-8 unicode-2-0-utf-8
    utf-16          unicode ucs-2 iso-10646-ucs-2
"""
_MEANT = {name: codec for codec, *names in map(str.split, _NAMES.strip().splitlines()) for name in names}
_NOT_IN_NAME = re.compile(r"^x-|-[ei]$")  # "experimental"; how Hebrew runs (RFC 1556)
_CODE_PAGE = re.compile(r"(?:x-)?(?:windows|win|ms|microsoft|cp|dos|ibm)[-_]?(?:cp)?[-_]?([0-9]{3,4})")
# fmt: off
# What Python calls a codec and nobody a charset: some take quadratic time, or decode to no text.
_NO_CHARSETS = frozenset({
    "base64", "bz2", "hex", "quopri", "rot-13", "uu", "zlib",
    "idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined",
})
# These say that the sender did not know (unknown-8bit: RFC 1428).
_NO_DECLARATIONS = frozenset({
    "unknown-8bit", "x-unknown", "unknown", "default", "default_charset", "x-default", "none", "null", "auto",
    "7bit", "8bit", "binary", "ansi", "charset", "undefined",
})
# What is looked for where nothing (true) is declared, and what Windows or the web calls it.
_DETECTED = {
    "cp1250": "windows-1250", "cp1251": "windows-1251", "cp1252": "windows-1252", "cp1253": "windows-1253",
    "cp1254": "windows-1254", "cp1255": "windows-1255", "cp1256": "windows-1256", "cp1257": "windows-1257",
    "iso8859-2": "iso-8859-2", "iso8859-5": "iso-8859-5", "iso8859-6": "iso-8859-6",
    "iso8859-7": "iso-8859-7", "iso8859-8": "iso-8859-8", "koi8-r": "koi8-r", "koi8-u": "koi8-u",
    "cp866": "ibm866", "cp874": "windows-874", "cp932": "shift_jis", "cp949": "euc-kr",
    "euc_jis_2004": "euc-jp", "gb18030": "gb18030", "big5hkscs": "big5",
}
# fmt: on
_LATIN = ("cp1250", "cp1254", "cp1257", "iso8859-2")  # where few characters are beyond ASCII
# Comments and quotation marks may stand around a name, and what a broken quoted-printable left before it.
_CHARSET_NAME = re.compile(r"(?:charset\s*+=\W*+)?+(?:3d\W++)?+([a-z0-9][a-z0-9_.:+-]{0,39})")
_MAX_DECLARED = 100

_NOT_ASCII_BASED = ("hz", "iso2022", "utf-7", "utf-16", "utf-32")
_WIDE = ("utf-16", "utf-32")
_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ISO_2022 = {"iso2022_jp_ext": "iso-2022-jp", "iso2022_kr": "iso-2022-kr"}

_MIN_BYTES = 4  # beyond ASCII: with fewer there is nothing to go by
_MIN_VARIETY = 3  # different ones: ornaments have fewer
_MIN_RUN = 2  # of them side by side, as in any word without Latin letters
_MIN_LEAD = 2.0  # how many times likelier than Western European the find must be
_SAMPLE_OCTETS = 32 * 1024

_WORDS_BEYOND_ASCII = re.compile(rb"[\xc0-\xff]{5,}+|[\xa1-\xff]{8,}+")  # no dashes, no no-break spaces
_BUT_ASCII_LETTERS = re.compile(rb"[^A-Za-z]++")
_MIN_IN_WORDS = 20  # octets
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]++")
_SURROGATE_PAIR = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
# ISO-2022-JP runs from an escape sequence to the next, or to the end of the line.
_JIS_RUN = re.compile(rb"\x1b(\$[@B]|\([BIJ])([^\x1b\n]*+)")
_MAX_ESCAPES = 50_000
_HALF_WIDTH_KATAKANA = bytes(range(0x80, 0x100)) * 2  # in Shift_JIS, with the high bit

Report = Callable[[DefectCode, str], None]
"""Takes a defect's code and what was done."""


def unreported(_code: DefectCode, _action: str) -> None:
    """A `Report` for what is read twice, or reported where it belongs."""


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
    name = charset_name(charset)
    codec = python_codec(name) if name else None
    if _is_plain(content, codec or ""):
        return content.decode("ascii")
    believed = None if codec is None or _is_plainly_other(content, codec) else codec
    text = _attempt(content, believed) if believed else None
    if text is not None:
        return text
    text, found = _detect(content, believed)
    if codec is None and name:
        report(DefectCode.CHARSET_UNKNOWN, f"charset {name} unknown, read as {found}")
    elif name:
        broken = " as far as it goes" if found == codec else ""
        report(DefectCode.CHARSET_WRONG, f"not {name}, read as {found}{broken}")
    else:
        report(DefectCode.CHARSET_MISSING, f"no charset, read as {found}")
    return text


def read_undeclared(raw: bytes, *, detects: bool = True) -> tuple[str, str]:
    """Bytes in whatever they are likely in, and the name of that charset.

    UTF-8 where they are (or "us-ascii"), else what is detected in them, else Windows-1252.

    Args:
        detects: Look for likely charsets, which takes milliseconds however short a text is.
    """
    if _is_plain(raw):
        return raw.decode("ascii"), "us-ascii"
    return _detect(raw, None, detects=detects)


def storable(text: str, report: Report) -> str:
    """Text without NUL and without lone surrogates: PostgreSQL refuses both."""
    if "\0" in text:
        report(DefectCode.NUL_REMOVED, f"{text.count(chr(0))} NUL removed")
        text = text.replace("\0", "")
    try:
        if not text.isascii():
            text.encode()  # to find that there is none takes an expression ten times as long
    except UnicodeEncodeError:
        report(DefectCode.SURROGATE_REPLACED, "lone surrogates replaced by U+FFFD")
        text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return text


def charset_name(declared: str | None) -> str:
    """The name in a declaration, "" where it declares nothing, "unnamed" where it is no name."""
    if not declared:
        return ""
    found = _CHARSET_NAME.search(declared[:_MAX_DECLARED].lower())
    name = found[1] if found else "unnamed"
    if name.startswith("3d") and python_codec(name[2:]):
        name = name[2:]
    return "" if name in _NO_DECLARATIONS else name


@lru_cache(maxsize=256)
def python_codec(name: str) -> str | None:
    """Python's codec for a charset's name, or for the superset that is meant by it; None for none."""
    page = _CODE_PAGE.fullmatch(name)
    for candidate in (name, f"cp{page[1]}" if page else _NOT_IN_NAME.sub("", name)):
        try:
            codec = codecs.lookup(_MEANT.get(candidate, candidate)).name
        except LookupError:
            continue
        return None if codec in _NO_CHARSETS else _MEANT.get(codec, codec)
    return None


def _is_plain(content: bytes, codec: str = "") -> bool:
    """Whether it is ASCII text, and no other that only looks like it."""
    if not content.isascii() or codec.startswith(_NOT_ASCII_BASED):
        return not content
    return b"\x1b$" not in content or all(_attempt(content, codec) is None for codec in _ISO_2022)


def _is_plainly_other(content: bytes, codec: str) -> bool:
    """Whether these bytes, which are not plain ASCII, are something else than declared, though they decode.

    Any bytes are characters of a Western charset, and nearly any of UTF-16; the escape sequences of
    ISO-2022-JP are ASCII.
    """
    if content.isascii() and not codec.startswith(_NOT_ASCII_BASED):
        return True
    if codec in ("cp1252", "iso8859-15"):
        return _attempt(content, "utf-8") is not None or _is_of_another_alphabet(content)
    is_unmarked = codec.startswith(_WIDE) and b"\0" not in content and not content.startswith(_BOMS)
    return is_unmarked and _attempt(content, "utf-8") is not None


def _is_of_another_alphabet(content: bytes) -> bool:
    """Whether most of it is words of letters beyond ASCII alone, which speak clearly for an alphabet.

    "Bitte einfügen: äöüÄÖÜß" is what it is declared to be.
    """
    sample = content[:_SAMPLE_OCTETS]
    words = _WORDS_BEYOND_ASCII.findall(sample)
    if sum(map(len, words)) < max(_MIN_IN_WORDS, len(_BUT_ASCII_LETTERS.sub(b"", sample))):
        return False
    likely = _likely_codec(sample[sample.index(words[0]) :], 2 * _MIN_LEAD)
    return likely != "cp1252" and likely not in _LATIN


def _attempt(content: bytes, codec: str) -> str | None:
    """The text, None where not all of it is in that codec."""
    try:
        return _decode(content, codec)
    except UnicodeError:
        return None


def _decode(content: bytes, codec: str, errors: str = "strict") -> str:
    if codec == "utf-16" and not content.startswith(_BOMS):
        # The upper byte is often 0, and always the one with less variety.
        even, odd = content[:_SAMPLE_OCTETS:2], content[1:_SAMPLE_OCTETS:2]
        zeros = even.count(0) - odd.count(0) or len(set(odd)) - len(set(even))
        codec = "utf-16-be" if zeros > 0 else "utf-16-le"
    try:
        return content.decode(codec, errors).removeprefix("\ufeff")
    except UnicodeError:
        if codec != "iso2022_jp_ext":
            raise
        return _decode_windows_jis(content)


def _decode_windows_jis(content: bytes) -> str:
    """ISO-2022-JP with what Windows adds to it (as charset CP50220), such as "①" and "㈱": by way of CP932.

    Raises:
        UnicodeError: It is not that either.
    """
    if content.count(b"\x1b") > _MAX_ESCAPES or not content.isascii():
        raise UnicodeError
    shift_jis = _JIS_RUN.sub(_to_shift_jis, content)
    if b"\x1b" in shift_jis:
        raise UnicodeError
    return shift_jis.decode("cp932")


def _to_shift_jis(found: re.Match[bytes]) -> bytes:
    escape, run = found.groups()
    if escape.startswith(b"$"):
        return run.decode("utf-16-be").translate(_shift_jis_pairs()).encode("utf-16-be")
    return run.translate(_HALF_WIDTH_KATAKANA) if escape == b"(I" else run


@lru_cache(maxsize=1)
def _shift_jis_pairs() -> dict[int, int]:
    """Of each pair of bytes in JIS X 0208 that in Shift_JIS: both write the same 94 rows of 94 in order."""
    leads = *range(0x81, 0xA0), *range(0xE0, 0xF0)
    trails = *range(0x40, 0x7F), *range(0x80, 0xFD)
    pairs = zip(product(range(0x21, 0x7F), repeat=2), product(leads, trails), strict=True)
    return {row << 8 | cell: lead << 8 | trail for (row, cell), (lead, trail) in pairs}


def _detect(content: bytes, declared: str | None, *, detects: bool = True) -> tuple[str, str]:
    """The text, and the name of what it was read as.

    UTF-8 if it is, but for a few octets; as declared if only few characters are broken; else what looks like
    it; else what Western mail is written in.
    """
    fewer, more = sorted((content[::2].count(0), content[1::2].count(0)))
    is_wide = more * 8 > len(content) and fewer * 16 < more  # every other byte is mostly 0
    if is_wide or content.startswith(_BOMS):
        return _decode(content, "utf-16", "replace"), "utf-16"
    escaping = _ISO_2022 if b"\x1b$" in content else {}
    for codec, name in {**escaping, "utf-8": "utf-8"}.items():
        text = _attempt(content, codec)
        if text is not None:
            return text, name
    text = _SURROGATE_PAIR.sub(_joined_pair, content).decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if _beyond_ascii(text) - broken >= broken * (1 if declared == "utf-8" else 2):
        return text, "utf-8"
    if declared and not (declared == "utf-7" or (declared.startswith(_WIDE) and b"\0" not in content)):
        text = _decode(content, declared, "replace")
        if _has_few_broken(text):
            return text, declared
    codec = _likely_codec(content) if detects else "cp1252"
    text = content.decode(codec, "replace")
    if not _has_few_broken(text):
        codec, text = "cp1252", content.decode("cp1252", "replace")
    return text, _DETECTED[codec]


def _joined_pair(found: re.Match[bytes]) -> bytes:
    """The character of a surrogate pair, each half of which was made UTF-8 (CESU-8, Unicode TR 26)."""
    pair = found[0].decode("utf-8", "surrogatepass")
    return pair.encode("utf-16", "surrogatepass").decode("utf-16").encode()


def _has_few_broken(text: str) -> bool:
    return 3 * text.count("\ufffd") < _beyond_ascii(text)


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _likely_codec(content: bytes, min_lead: float = _MIN_LEAD) -> str:
    """One of `_DETECTED`: "cp1252" unless there is enough to go by, and it speaks clearly for another."""
    first = _BEYOND_ASCII.search(content)
    sample = content[first.start() : first.start() + _SAMPLE_OCTETS] if first else b""
    runs = _BEYOND_ASCII.findall(sample)
    if sum(map(len, runs)) < _MIN_BYTES or len(set(b"".join(runs))) < _MIN_VARIETY:
        return "cp1252"
    from chardet import detect_all

    found = detect_all(sample, ignore_threshold=True, compat_names=False, include_encodings=_DETECTED)
    likeliness = {result["encoding"]: result["confidence"] for result in found}
    best = found[0]["encoding"]
    if best not in _DETECTED or likeliness[best] < min_lead * likeliness.get("cp1252", 0):
        return "cp1252"
    if best not in _LATIN and max(map(len, runs)) < _MIN_RUN:
        return "cp1252"
    if best == "koi8-u" and sample.decode("koi8-u") == sample.decode("koi8-r"):
        return "koi8-r"
    return best
