"""From bytes to text that every database can hold."""

import codecs
import re
from collections.abc import Callable
from functools import lru_cache

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charset_names import charset_name, python_codec

_NOT_ASCII_BASED = ("hz", "iso2022", "utf-7", "utf-16", "utf-32")
_WIDE = ("utf-16", "utf-32")
_WESTERN = ("cp1252", "iso8859-15")
_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# What is looked for where nothing (true) is declared, as Windows or the web call it. First the alphabets of
# Latin letters, where few characters are beyond ASCII.
_LATIN = {
    "cp1250": "windows-1250",
    "cp1254": "windows-1254",
    "cp1257": "windows-1257",
    "iso8859-2": "iso-8859-2",
}
_DETECTED = _LATIN | {
    "cp1251": "windows-1251",
    "cp1252": "windows-1252",
    "cp1253": "windows-1253",
    "cp1255": "windows-1255",
    "cp1256": "windows-1256",
    "cp866": "ibm866",
    "cp874": "windows-874",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "iso8859-5": "iso-8859-5",
    "iso8859-6": "iso-8859-6",
    "iso8859-7": "iso-8859-7",
    "iso8859-8": "iso-8859-8",
    "cp932": "shift_jis",
    "euc_jis_2004": "euc-jp",
    "gb18030": "gb18030",
    "big5hkscs": "big5",
    "cp949": "euc-kr",
}
# A codec and a name each, tried one after the other.
_WITHOUT_ESCAPES = (("utf-8", "utf-8"),)
_ISO_2022 = ("iso2022_jp_ext", "iso2022_kr")
_WITH_ESCAPES = (("iso2022_jp_ext", "iso-2022-jp"), ("iso2022_kr", "iso-2022-kr"), ("utf-8", "utf-8"))
_MIN_BYTES = 4  # beyond ASCII: with fewer there is nothing to go by
_MIN_VARIETY = 3  # different ones: ornaments have fewer
_MIN_RUN = 2  # of them side by side, as in any word without Latin letters
_MIN_LEAD = 2.0  # how many times likelier than Western European the find must be
_SAMPLE_OCTETS = 32 * 1024
_MAX_KNOWN_CHARACTERS = 40

_WORD_BEYOND_ASCII = re.compile(rb"[\xc0-\xff]{5}|[\xa1-\xff]{8}")  # no dashes, no no-break spaces
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]++")
_SURROGATE = re.compile("[\ud800-\udfff]")

# ISO-2022-JP runs from an escape sequence to the next, or to the end of the line.
_JIS_RUN = re.compile(rb"\x1b(\$[@B]|\([BIJ])([^\x1b\n]*+)")
_MAX_ESCAPES = 50_000
_WITH_HIGH_BIT = bytes(octet | 0x80 for octet in range(256))
_JIS_LEAD = bytes((row + 0xE1 >> 1) + (0x40 if row > 0x5E else 0) & 0xFF for row in range(256))
_JIS_ODD_TRAIL = bytes(cell + (0x1F if cell < 0x60 else 0x20) & 0xFF for cell in range(256))
_JIS_EVEN_TRAIL = bytes(cell + 0x7E & 0xFF for cell in range(256))

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
    name, codec = (_known_charset if len(charset or "") <= _MAX_KNOWN_CHARACTERS else _charset)(charset)
    if content.isascii() and _is_plain(content, codec or ""):
        if codec and codec.startswith(_WIDE) and content:
            report(DefectCode.CHARSET_WRONG, f"not {name[:40]}, read as us-ascii")
        return content.decode("ascii")
    believed = None if name in ("us-ascii", "ascii") else codec
    if believed and _is_plainly_other(content, believed):
        believed = None
    if believed:
        try:
            return _decode(content, believed)
        except UnicodeError:
            pass
    text, found = _detect(content, believed)
    if codec is None and name:
        report(DefectCode.CHARSET_UNKNOWN, f"charset {name[:40]} unknown, read as {found}")
    elif name:
        broken = " as far as it goes" if found == codec else ""
        report(DefectCode.CHARSET_WRONG, f"not {name[:40]}, read as {found}{broken}")
    else:
        report(DefectCode.CHARSET_MISSING, f"no charset, read as {found}")
    return text


def _charset(declared: str | None) -> tuple[str, str | None]:
    """The name in a declaration, and its codec."""
    name = charset_name(declared)
    return name, python_codec(name) if name else None


_known_charset = lru_cache(maxsize=256)(_charset)


def read_undeclared(raw: bytes) -> tuple[str, str]:
    """Bytes in whatever they are likely in, and the name of that charset.

    UTF-8 where they are (or "us-ascii"), else what is detected in them, else Windows-1252.
    """
    if raw.isascii() and _is_plain(raw, ""):
        return raw.decode("ascii"), "us-ascii"
    return _detect(raw, None)


def _is_plain(content: bytes, codec: str) -> bool:
    """Whether ASCII bytes are ASCII text, not text that only looks like it."""
    if codec.startswith(_WIDE):
        return b"\0" not in content
    if codec.startswith(_NOT_ASCII_BASED):
        return False
    return b"\x1b$" not in content or not any(_is_decodable(content, jis) for jis in _ISO_2022)


def _decode(content: bytes, codec: str, errors: str = "strict") -> str:
    if codec == "utf-16" and not content.startswith(_BOMS):
        codec = _utf_16_order(content)
    if codec == "iso2022_jp_ext" and errors == "strict" and not _is_decodable(content, codec):
        return _decode_windows_jis(content)
    return content.decode(codec, errors).removeprefix("\ufeff")


def _decode_windows_jis(content: bytes) -> str:
    """ISO-2022-JP with what Windows adds to it (as charset CP50220), such as "①" and "㈱": by way of CP932.

    Raises:
        UnicodeError: It is not that either.
    """
    if content.count(b"\x1b") > _MAX_ESCAPES or not content.isascii():
        raise UnicodeError
    shift_jis = _JIS_RUN.sub(lambda run: _to_shift_jis(run[1], run[2]), content)
    if b"\x1b" in shift_jis:
        raise UnicodeError
    return shift_jis.decode("cp932")


def _to_shift_jis(escape: bytes, run: bytes) -> bytes:
    if escape in (b"(B", b"(J"):
        return run
    if escape == b"(I":  # half-width katakana
        return run.translate(_WITH_HIGH_BIT)
    rows, cells = run[::2], run[1::2]
    pairs = bytearray(len(run))
    pairs[::2] = rows.translate(_JIS_LEAD)
    trails = zip(rows, cells.translate(_JIS_ODD_TRAIL), cells.translate(_JIS_EVEN_TRAIL), strict=False)
    pairs[1::2] = bytes(odd if row % 2 else even for row, odd, even in trails)
    return bytes(pairs)


def _utf_16_order(content: bytes) -> str:
    """Which of the two: the upper byte is often 0, and always the one with less variety."""
    even, odd = content[:_SAMPLE_OCTETS:2], content[1:_SAMPLE_OCTETS:2]
    zeros = even.count(0) - odd.count(0)
    if zeros == 0:
        zeros = len(set(odd)) - len(set(even))
    return "utf-16-be" if zeros > 0 else "utf-16-le"


def _detect(content: bytes, declared: str | None) -> tuple[str, str]:
    """The text, and the name of what it was read as.

    UTF-8 if it is; as declared if only few characters are broken; else what looks like it; else what Western
    mail is written in.
    """
    if _is_utf_16(content):
        return _decode(content, "utf-16", "replace"), "utf-16"
    for codec, name in _WITH_ESCAPES if b"\x1b$" in content else _WITHOUT_ESCAPES:
        try:
            return _decode(content, codec), name
        except UnicodeError:
            pass
    if declared and _may_be_broken(content, declared):
        text = _decode(content, declared, "replace")
        if _has_few_broken(text):
            return text, declared
    codec = _likely_codec(content)
    text = content.decode(codec, "replace")
    if codec == "cp1252" or _has_few_broken(text):
        return text, _DETECTED[codec]
    return content.decode("cp1252", "replace"), _DETECTED["cp1252"]


def _is_utf_16(content: bytes) -> bool:
    """Whether it begins with the mark of UTF-16, or every other byte is mostly 0."""
    if content.startswith(_BOMS):
        return True
    zeros = sorted((content[::2].count(0), content[1::2].count(0)))
    return zeros[1] * 8 > len(content) and zeros[0] * 16 < zeros[1]


def _is_plainly_other(content: bytes, codec: str) -> bool:
    """Whether these bytes are something else, though they can be decoded as declared.

    Any bytes are characters of a Western charset, and nearly any of UTF-16; the escape sequences of
    ISO-2022-JP are ASCII.
    """
    if content.isascii() and not codec.startswith(_NOT_ASCII_BASED):
        return _is_decodable(content, "iso2022_jp_ext")
    if codec in _WESTERN:
        return _is_decodable(content, "utf-8") or _is_other_alphabet(content)
    wide = codec.startswith(_WIDE) and b"\0" not in content and not content.startswith(_BOMS)
    return wide and _is_decodable(content, "utf-8")


def _is_other_alphabet(content: bytes) -> bool:
    """Whether there are words without Latin letters, in a charset that speaks clearly for itself."""
    word = _WORD_BEYOND_ASCII.search(content)
    return word is not None and _likely_codec(content[word.start() :], 2 * _MIN_LEAD) not in (
        *_LATIN,
        "cp1252",
    )


def _is_decodable(content: bytes, codec: str) -> bool:
    try:
        content.decode(codec)
    except UnicodeError:
        return False
    return True


def _may_be_broken(content: bytes, codec: str) -> bool:
    """Whether these bytes can be text in that charset with some of it broken."""
    if codec.startswith(_WIDE):
        return b"\0" in content
    return codec != "utf-7" or content.isascii()


def _has_few_broken(text: str) -> bool:
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return 3 * text.count("\ufffd") < beyond_ascii


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


def _is_encodable(text: str) -> bool:
    """Whether there is no lone surrogate: encoding finds out in a tenth of the time of an expression."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def storable(text: str, report: Report) -> str:
    """Text without NUL and without lone surrogates: PostgreSQL refuses both."""
    if "\0" in text:
        report(DefectCode.NUL_REMOVED, f"{text.count(chr(0))} NUL removed")
        text = text.replace("\0", "")
    if not _is_encodable(text):
        report(DefectCode.SURROGATE_REPLACED, "lone surrogates replaced by U+FFFD")
        text = _SURROGATE.sub("\ufffd", text)
    return text
