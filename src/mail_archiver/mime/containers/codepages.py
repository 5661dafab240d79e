"""Text in Windows code pages, which are numbers."""

import codecs
import io
from contextlib import suppress
from dataclasses import dataclass

from mail_archiver.mime.charsets import decode_raw

MAX_NAME_OCTETS = 2_000
UTF_16 = "utf-16-le"

_NAMES = {
    1200: UTF_16,
    10000: "mac-roman",
    20127: "us-ascii",
    20866: "koi8-r",
    21866: "koi8-u",
    **{28590 + n: f"iso-8859-{n}" for n in (*range(1, 12), 13, 14, 15, 16)},
    50220: "iso-2022-jp",
    50221: "iso-2022-jp",
    50222: "iso-2022-jp",
    51932: "euc-jp",
    51936: "gb2312",
    51949: "euc-kr",
    52936: "hz",
    54936: "gb18030",
    65001: "utf-8",
    936: "gbk",
    **{
        n: f"cp{n}" for n in (437, 850, 852, 855, 857, 862, 866, 874, 932, 949, 950, *range(1250, 1259), 1361)
    },
}
_CHUNK_OCTETS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Text:
    """A long text as it stands in a container; false when it is empty.

    Attributes:
        octets: Without the NUL at its end.
        codepage: Python's name; None where nothing says which.
    """

    octets: bytes
    codepage: str | None

    def __bool__(self) -> bool:
        return bool(self.octets)

    def recoded(self) -> "Text":
        """In UTF-8. The code page is checked, not believed: what is broken in it, and is UTF-8, was UTF-8."""
        for codec in (self.codepage, "utf-8"):
            if codec:
                try:
                    return Text(_recode(self.octets, codec, "strict"), "utf-8")
                except UnicodeError:
                    pass
        if self.codepage:
            with suppress(UnicodeError):  # an escape sequence that does not end is too long for the decoder
                return Text(_recode(self.octets, self.codepage, "replace"), "utf-8")
        return Text(_recode(self.octets, "cp1252", "replace"), "utf-8")


def codepage_name(value: memoryview) -> str | None:
    """Python's name for a little-endian number; None for 0 and for what no mail is written in."""
    return _NAMES.get(int.from_bytes(value[:4], "little"))


def read_text(value: memoryview, codepage: str | None) -> Text:
    """A text up to the NULs at its end."""
    octets = bytes(value).rstrip(b"\0")
    if codepage == UTF_16 and len(octets) % 2:
        octets += b"\0"
    return Text(octets, codepage)


def decode_name(value: memoryview, codepage: str | None) -> str:
    """A short string up to its first NUL, cut at `MAX_NAME_OCTETS`."""
    octets = bytes(value[:MAX_NAME_OCTETS])
    if codepage == UTF_16:
        return octets.decode(UTF_16, "replace").partition("\0")[0].strip()
    octets = octets.partition(b"\0")[0]
    try:
        return octets.decode(codepage or "utf-8").strip()
    except UnicodeError:
        return decode_raw(octets).strip()


def _recode(octets: bytes, codec: str, errors: str) -> bytes:
    """In pieces, so that a text never stands there with four octets a character."""
    decoder = codecs.getincrementaldecoder(codec)(errors)
    buffer = io.BytesIO()  # gives its octets away without a copy
    for start in range(0, len(octets), _CHUNK_OCTETS):
        buffer.write(decoder.decode(octets[start : start + _CHUNK_OCTETS]).encode())
    buffer.write(decoder.decode(b"", final=True).encode())
    return buffer.getvalue()
