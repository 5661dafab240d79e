"""TNEF: what Outlook sends as `winmail.dat`, a message in one file (MS-OXTNEF).

A signature and a key, then attributes: level, id, length, octets, checksum. Attributes of attachments belong
to the attachment that the last attAttachRendData began. What has no attribute is a MAPI property in a list
that is an attribute itself. A message that is attached is TNEF again.
"""

import codecs
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from mail_archiver.mime.compressed_rtf import decompress_rtf
from mail_archiver.mime.packed_file import OCTET_STREAM, PackedFile

MAX_DEPTH = 4
"""Levels of messages in messages that are opened; one below comes out as it is."""
MAX_ATTACHMENTS = 2_000
MAX_ITEMS = 120_000
"""Attributes, properties and values of properties that are read, all levels together."""
MAX_RTF_OCTETS = 1024 * 1024
MAX_RECODED_OCTETS = 512 * 1024
MAX_NAME_OCTETS = 2_000

_SIGNATURE = b"\x78\x9f\x3e\x22"
_ATTRIBUTE = struct.Struct("<xHxxI")  # level, id, its type, length
_PADDING = b"\0\r\n\x1a "
_BODY, _MSG_PROPS, _OEM_CODEPAGE = 0x800C, 0x9003, 0x9007
_REND_DATA, _TITLE, _DATA, _ATTACHMENT = 0x9002, 0x8010, 0x800F, 0x9005

_UINT32 = struct.Struct("<I")
_PROPERTY = struct.Struct("<HH")  # type, id
_NAME = struct.Struct("<16xII")  # name space; kind, and a number or the length of a string
_NAMED = 0x8000  # properties from this id on have a name
_OBJECT, _STRING8, _UNICODE, _BINARY, _MULTI_VALUED = 0x000D, 0x001E, 0x001F, 0x0102, 0x1000
_OCTETS: dict[int, int | None] = {0x0000: 0, 0x0001: 0, 0x0048: 16}  # by type (MS-OXCDATA section 2.11.1)
_OCTETS |= dict.fromkeys((0x0002, 0x0003, 0x0004, 0x000A, 0x000B), 4)  # padded
_OCTETS |= dict.fromkeys((0x0005, 0x0006, 0x0007, 0x0014, 0x0040), 8)
_OCTETS |= dict.fromkeys((_OBJECT, _STRING8, _UNICODE, _BINARY))  # their number stands before them
_PR_BODY, _PR_RTF_COMPRESSED, _PR_HTML, _PR_INTERNET_CODEPAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_PR_DATA, _PR_MIME_TAG, _PR_CONTENT_ID = 0x3701, 0x370E, 0x3712
_NAMES = (0x3707, _TITLE, 0x3704, 0x3001)  # the long name of a file, the short ones, and that to be shown
_TEXTS = {_PR_BODY, _PR_RTF_COMPRESSED, _PR_HTML, _PR_DATA, _PR_MIME_TAG, _PR_CONTENT_ID, *_NAMES} - {_TITLE}
_IID_OCTETS = 16
_CONTENT_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")

_UTF_16 = "utf-16-le"
_CODE_PAGES = (437, 850, 852, 855, 857, 862, 866, 874, 932, 936, 949, 950, *range(1250, 1259), 1361)
_CHARSETS = {number: f"cp{number}" for number in _CODE_PAGES}
_CHARSETS |= {28590 + n: f"iso-8859-{n}" for n in (*range(1, 12), 13, 14, 15, 16)}
_CHARSETS |= {1200: _UTF_16, 10000: "mac-roman", 20127: "us-ascii", 20866: "koi8-r", 21866: "koi8-u"}
_CHARSETS |= dict.fromkeys((50220, 50221, 50222), "iso-2022-jp")
_CHARSETS |= {51932: "euc-jp", 51936: "gb2312", 51949: "euc-kr", 54936: "gb18030", 65001: "utf-8"}

Text = tuple[bytes, str | None]
"""Octets, and the charset they are in, under a name that Python knows; None where nothing says which."""


@dataclass(frozen=True, slots=True)
class Tnef:
    """What a TNEF stream holds.

    Attributes:
        files: In order; those of an attached message stand where it stood, after its body as a file.
        broken: Something was damaged or left out; the rest is what could be read.
    """

    files: list[PackedFile]
    body_html: Text | None
    body_text: Text | None
    broken: bool


def read_tnef(content: bytes, *, max_octets: int = MAX_RTF_OCTETS) -> Tnef:
    """Read a TNEF stream. Any bytes give a `Tnef`; what is none gives an empty one that is broken.

    RTF is read only where there is no other body, and comes out as the file `body.rtf`.

    Args:
        max_octets: RTF is never expanded to more, nor to more than `MAX_RTF_OCTETS`.
    """
    message = _Message(memoryview(content), _Room(min(max_octets, MAX_RTF_OCTETS)))
    html, text = message.html(), message.text()
    files = message.files if html or text else message.rtf_file("body.rtf") + message.files
    return Tnef(files, html, text, message.own.broken)


@dataclass(slots=True)
class _Room:
    """What may still be read, all levels together."""

    rtf_octets: int
    recoded_octets: int = MAX_RECODED_OCTETS
    attachments: int = MAX_ATTACHMENTS
    items: int = MAX_ITEMS


@dataclass(slots=True)
class _Item:
    """A message or an attachment: type and octets of what is read of it, by id; and whether it is damaged."""

    values: dict[int, tuple[int, memoryview]] = field(default_factory=dict)
    broken: bool = False

    def value(self, number: int) -> tuple[int, memoryview]:
        return self.values.get(number) or (_STRING8, memoryview(b""))

    def text(self, number: int, charset: str | None) -> Text | None:
        """None when there is none, or an empty one; `charset` is that of what is not in Unicode."""
        kind, value = self.value(number)
        charset = _UTF_16 if kind == _UNICODE else charset
        octets = bytes(value).rstrip(b"\0")
        if charset == _UTF_16 and len(octets) % 2:
            octets += b"\0"
        return (octets, charset) if octets else None

    def string(self, number: int, charset: str | None) -> str:
        octets, charset = self.text(number, charset) or (b"", None)
        return _decode(octets[:MAX_NAME_OCTETS], charset).partition("\0")[0].strip()


class _Message:
    """One level: the message, or one that is attached.

    Args:
        charset: Of strings that are not in Unicode, where the stream does not say.
    """

    def __init__(self, stream: memoryview, room: _Room, depth: int = 1, charset: str | None = None) -> None:
        self.room, self.depth, self.charset = room, depth, charset
        self.files: list[PackedFile] = []
        self.own, attachment = _Item(), _Item()
        try:
            for number, value, is_sound in _attributes(stream):
                room.items -= 1
                if number == _REND_DATA:
                    self._close(attachment)
                    attachment = _Item()
                    room.attachments -= 1
                if room.items < 0 or room.attachments < 0:
                    raise ValueError
                item = attachment if number in (_REND_DATA, _TITLE, _DATA, _ATTACHMENT) else self.own
                item.broken |= not is_sound
                if number in (_MSG_PROPS, _ATTACHMENT):
                    self._read_properties(value, item)
                elif number == _OEM_CODEPAGE and (name := _charset(value)) != _UTF_16:
                    self.charset = name
                elif number in (_BODY, _TITLE, _DATA):
                    item.values[number] = _STRING8, value
                self.own.broken |= item.broken
        except (ValueError, struct.error):  # no TNEF, or too much; cut off
            self.own.broken = True
        self._close(attachment)

    def html(self) -> Text | None:
        charset = _charset(self.own.value(_PR_INTERNET_CODEPAGE)[1])
        return self.own.text(_PR_HTML, charset or self.charset)

    def text(self) -> Text | None:
        return self.own.text(_PR_BODY, self.charset) or self.own.text(_BODY, self.charset)

    def rtf_file(self, name: str) -> list[PackedFile]:
        kind, value = self.own.value(_PR_RTF_COMPRESSED)
        if kind != _BINARY:
            return []
        rtf, is_broken = decompress_rtf(value, max_octets=self.room.rtf_octets)
        self.room.rtf_octets -= len(rtf)
        self.own.broken |= is_broken
        return [PackedFile(name, "application/rtf", rtf, is_broken)] if rtf else []

    def body_file(self, name: str) -> list[PackedFile]:
        """The body of an attached message. A text is recoded, as long as that does not take much memory."""
        html = self.html()
        body = html or self.text()
        if body is None:
            return self.rtf_file(f"{name}.rtf")
        octets = codecs.BOM_UTF16_LE + body[0] if body[1] == _UTF_16 else body[0]
        if html:
            return [PackedFile(f"{name}.html", "text/html", octets, self.own.broken)]
        if len(octets) <= self.room.recoded_octets:
            self.room.recoded_octets -= len(octets)
            octets = _decode(*body).encode()
        return [PackedFile(f"{name}.txt", "text/plain", octets, self.own.broken)]

    def _close(self, attachment: _Item) -> None:
        """Add its file; for an attached message, the body and the files in it."""
        name = next(filter(None, (attachment.string(number, self.charset) for number in _NAMES)), "")
        content_type = attachment.string(_PR_MIME_TAG, self.charset).lower()
        content_id = attachment.string(_PR_CONTENT_ID, self.charset).strip(" <>")
        kind, packed = attachment.value(_PR_DATA)
        if kind == _OBJECT:
            packed = packed[_IID_OCTETS:]
        content = attachment.value(_DATA)[1] or packed
        if kind == _OBJECT and packed[:4] == _SIGNATURE:
            if self.depth < MAX_DEPTH:
                message = _Message(packed, self.room, self.depth + 1, self.charset)
                files = message.body_file(re.sub(r"[/\\]", "-", name) or "message") + message.files
                self.own.broken |= message.own.broken
                if files:
                    self.files += files
                    return
            content, content_type = packed, "application/ms-tnef"
        if content or name:
            content_type = content_type if _CONTENT_TYPE.fullmatch(content_type) else OCTET_STREAM
            file = PackedFile(name or None, content_type, bytes(content), attachment.broken, content_id)
            self.files.append(file)

    def _read_properties(self, encoded: memoryview, item: _Item) -> None:
        """Add the first value of each property; the item is broken where the list is, or too long."""
        position = _UINT32.size
        try:
            for _ in range(*_UINT32.unpack_from(encoded)):
                kind, number = _PROPERTY.unpack_from(encoded, position)
                position += _PROPERTY.size
                if number >= _NAMED:
                    name_kind, octets = _NAME.unpack_from(encoded, position)
                    position += _NAME.size + (octets + -octets % 4 if name_kind == 1 else 0)
                values, size = 1, _OCTETS[kind & ~_MULTI_VALUED]
                if size is None or kind & _MULTI_VALUED:
                    (values,) = _UINT32.unpack_from(encoded, position)
                    position += _UINT32.size
                self.room.items -= 1
                for _ in range(values):
                    octets = size
                    if octets is None:
                        (octets,) = _UINT32.unpack_from(encoded, position)
                        position += _UINT32.size
                    end = position + octets
                    if number in (_TEXTS if size is None else (_PR_INTERNET_CODEPAGE,)):
                        item.values.setdefault(number, (kind & ~_MULTI_VALUED, encoded[position:end]))
                    self.room.items -= 1
                    if end > len(encoded) or values > len(encoded) or self.room.items < 0:
                        raise ValueError
                    position = end + -octets % 4
        except (struct.error, KeyError, ValueError):
            item.broken = True


def _attributes(stream: memoryview) -> Iterator[tuple[int, memoryview, bool]]:
    """Id and octets of each, and whether their checksum is right.

    Raises:
        ValueError: This is no TNEF.
        struct.error: It is cut off.
    """
    if stream[:4] != _SIGNATURE or len(stream) < 6:
        raise ValueError
    position = 6
    while bytes(stream[position : position + _ATTRIBUTE.size]).strip(_PADDING):
        number, octets = _ATTRIBUTE.unpack_from(stream, position)
        start = position + _ATTRIBUTE.size
        position = start + octets + 2
        value, checksum = stream[start : start + octets], stream[start + octets : position]
        # The lower half of Adler-32 is the sum of so few octets, and one more.
        sums = ((zlib.adler32(value[i : i + 256]) & 0xFFFF) - 1 for i in range(0, len(value), 256))
        yield number, value, checksum == (sum(sums) & 0xFFFF).to_bytes(2, "little")


def _charset(codepage: memoryview) -> str | None:
    """Of a little-endian number; None for 0, and for what no mail is written in."""
    return _CHARSETS.get(int.from_bytes(codepage[:4], "little"))


def _decode(octets: bytes, charset: str | None) -> str:
    """Decode a text; what is not in its charset is UTF-8, or broken."""
    for codec in (charset, "utf-8") if charset != _UTF_16 else ():
        try:
            return octets.decode(codec or "utf-8")
        except UnicodeError:
            pass
    return octets.decode(charset or "cp1252", "replace")
