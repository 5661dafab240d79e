"""TNEF: what Outlook sends as `winmail.dat`, a message in one file (MS-OXTNEF).

A signature and a key, then attributes: level, id, length, octets, checksum. Attributes of attachments belong
to the attachment that the last attAttachRendData began. What has no attribute is a MAPI property in a list
that is an attribute itself. A message attached to it is TNEF again.
"""

import re
import struct
from dataclasses import dataclass, field

from mail_archiver.mime.containers.codepages import UTF_16, Text, codepage_name, decode_name, read_text
from mail_archiver.mime.containers.compressed_rtf import decompress_rtf
from mail_archiver.mime.containers.mapi_properties import (
    BINARY,
    OBJECT,
    PR_ATTACH_CONTENT_ID,
    PR_ATTACH_DATA,
    PR_ATTACH_FILENAME,
    PR_ATTACH_LONG_FILENAME,
    PR_ATTACH_MIME_TAG,
    PR_BODY,
    PR_DISPLAY_NAME,
    PR_HTML,
    PR_INTERNET_CODEPAGE,
    PR_RTF_COMPRESSED,
    PropertiesBrokenError,
    Property,
    read_properties,
)
from mail_archiver.mime.packed_file import OCTET_STREAM, PackedFile

MAX_OCTETS = 64 * 1024 * 1024
MAX_DEPTH = 4
"""Levels of messages in messages that are opened; one below comes out as it is."""
MAX_ATTACHMENTS = 2_000
MAX_ATTRIBUTES = 20_000
MAX_PROPERTIES = 60_000
MAX_COMPRESSED_RTF_OCTETS = 256 * 1024

_SIGNATURE = (0x223E9F78).to_bytes(4, "little")
_STREAM_HEADER_OCTETS = 6
_ATTRIBUTE = struct.Struct("<xHxxI")  # level, id, its type, length
_CHECKSUM = struct.Struct("<H")
_CHECKED_AT_ONCE = 1024 * 1024
_PADDING = b"\0\r\n\x1a "
_IID_OCTETS = 16
_EMPTY = memoryview(b"")

_ATTACH_REND_DATA = 0x9002
_ATTACH_TITLE = 0x8010
_ATTACH_DATA = 0x800F
_ATTACHMENT = 0x9005
_MSG_PROPS = 0x9003
_BODY = 0x800C
_OEM_CODEPAGE = 0x9007

_READ = frozenset({PR_BODY, PR_HTML, PR_INTERNET_CODEPAGE, PR_RTF_COMPRESSED}) | {
    PR_ATTACH_CONTENT_ID,
    PR_ATTACH_DATA,
    PR_ATTACH_FILENAME,
    PR_ATTACH_LONG_FILENAME,
    PR_ATTACH_MIME_TAG,
    PR_DISPLAY_NAME,
}
_CONTENT_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
_SLASHES = re.compile(r"[/\\]")


@dataclass(frozen=True, slots=True)
class Tnef:
    """What a TNEF stream holds.

    Attributes:
        files: In order; those of an attached message stand where it stood, after its body as a file.
        codepage: What both bodies are written in, under a name that Python knows; None when nothing says.
        broken: Something was damaged or left out; the rest is what could be read.
    """

    files: list[PackedFile]
    body_html: bytes | None
    body_text: bytes | None
    codepage: str | None
    broken: bool


def read_tnef(content: bytes, *, max_octets: int = MAX_OCTETS) -> Tnef:
    """Read a TNEF stream. Any bytes give a `Tnef`; what is none gives an empty one that is broken.

    RTF is read only where there is no other body, and comes out as the file `body.rtf`.

    Args:
        max_octets: Compressed RTF is never expanded to more.
    """
    message = _Message(_Allowance(max_octets))
    message.read(memoryview(content))
    html, text = message.html(), message.text()
    if not html and not text:
        message.add_rtf("body.rtf")
    codepage = (html or text).codepage if html or text else None
    if html and text and html.codepage != text.codepage:
        codepage = "utf-8"
        html = html.recoded()
        text = text.recoded()
    return Tnef(
        message.files,
        html.octets if html else None,
        text.octets if text else None,
        codepage,
        message.broken,
    )


@dataclass(slots=True)
class _Allowance:
    """What may still be read, all levels together."""

    octets: int
    attachments: int = MAX_ATTACHMENTS
    attributes: int = MAX_ATTRIBUTES
    properties: int = MAX_PROPERTIES
    compressed_rtf_octets: int = MAX_COMPRESSED_RTF_OCTETS


@dataclass(slots=True)
class _Attachment:
    title: memoryview = _EMPTY
    content: memoryview = _EMPTY
    properties: dict[int, Property] = field(default_factory=dict)
    broken: bool = False


class _Message:
    """One level: the message itself, or one that is attached.

    Args:
        checked: A checksum around this message was right; its own need not be looked at.
    """

    def __init__(self, allowance: _Allowance, depth: int = 1, *, checked: bool = False) -> None:
        self.allowance = allowance
        self.depth = depth
        self.checked = checked
        self.files: list[PackedFile] = []
        self.broken = False
        self.codepage: str | None = None
        self.body = _EMPTY
        self.properties: dict[int, Property] = {}
        self.attachment: _Attachment | None = None

    def read(self, stream: memoryview) -> None:
        position = _STREAM_HEADER_OCTETS
        if stream[:4] != _SIGNATURE or len(stream) < position:
            self.broken = True
            return
        while position < len(stream):
            header = bytes(stream[position : position + _ATTRIBUTE.size])
            if not header.strip(_PADDING):
                break
            if len(header) < _ATTRIBUTE.size or not self.allowance.attributes:
                self.broken = True
                break
            self.allowance.attributes -= 1
            number, octets = _ATTRIBUTE.unpack(header)
            start = position + _ATTRIBUTE.size
            end = start + octets
            self.read_attribute(number, stream[start:end], sound=self.is_sound(stream, start, end))
            position = end + _CHECKSUM.size
        self.close_attachment()

    def is_sound(self, stream: memoryview, start: int, end: int) -> bool:
        if end + _CHECKSUM.size > len(stream):
            return False
        if self.checked:
            return True
        total = 0
        for position in range(start, end, _CHECKED_AT_ONCE):
            total += sum(bytes(stream[position : min(position + _CHECKED_AT_ONCE, end)]))
        (checksum,) = _CHECKSUM.unpack_from(stream, end)
        return bool(total & 0xFFFF == checksum)

    def read_attribute(self, number: int, value: memoryview, *, sound: bool) -> None:
        self.broken = self.broken or not sound
        if number == _OEM_CODEPAGE:
            name = codepage_name(value)
            self.codepage = None if name == UTF_16 else name  # it is of what is not in Unicode
        elif number == _MSG_PROPS:
            self.read_properties(value, self.properties)
        elif number == _BODY:
            self.body = value
        elif number == _ATTACH_REND_DATA:
            self.close_attachment()
            self.attachment = _Attachment(broken=not sound)
        elif number in (_ATTACH_TITLE, _ATTACH_DATA, _ATTACHMENT):
            self.attachment = attachment = self.attachment or _Attachment()
            attachment.broken = attachment.broken or not sound
            if number == _ATTACH_TITLE:
                attachment.title = value
            elif number == _ATTACH_DATA:
                attachment.content = value
            elif not self.read_properties(value, attachment.properties):
                attachment.broken = True

    def read_properties(self, value: memoryview, properties: dict[int, Property]) -> bool:
        """The first of each id that matters joins `properties`; False when not all could be read."""
        try:
            for item in read_properties(value):
                if not self.allowance.properties:
                    raise PropertiesBrokenError
                self.allowance.properties -= 1
                if item.id in _READ:
                    properties.setdefault(item.id, item)
        except PropertiesBrokenError:
            self.broken = True
            return False
        return True

    def close_attachment(self) -> None:
        attachment, self.attachment = self.attachment, None
        if attachment is None:
            return
        if not self.allowance.attachments:
            self.broken = True
            return
        self.allowance.attachments -= 1
        name, content = self.name_of(attachment), attachment.content
        content_type = self.string(attachment, PR_ATTACH_MIME_TAG).lower()
        item = attachment.properties.get(PR_ATTACH_DATA)
        if item and item.type == OBJECT and item.value[_IID_OCTETS:][:4] == _SIGNATURE:
            content, content_type = item.value[_IID_OCTETS:], "application/ms-tnef"
            if self.depth < MAX_DEPTH and self.read_attached(attachment, content, name):
                return
        elif item and not content:
            content = item.value[_IID_OCTETS:] if item.type == OBJECT else item.value
        if content or name:
            content_type = content_type if _CONTENT_TYPE.fullmatch(content_type) else OCTET_STREAM
            content_id = self.string(attachment, PR_ATTACH_CONTENT_ID).strip(" <>")
            file = PackedFile(name or None, content_type, bytes(content), attachment.broken, content_id)
            self.files.append(file)

    def read_attached(self, attachment: _Attachment, stream: memoryview, name: str) -> bool:
        """Open an attached message: its body becomes a file, its files follow. False when there are none."""
        message = _Message(self.allowance, self.depth + 1, checked=self.checked or not attachment.broken)
        message.codepage = self.codepage
        message.read(stream)
        message.add_body(_SLASHES.sub("-", name) or "message")
        self.broken = self.broken or message.broken
        self.files += message.files
        return bool(message.files)

    def add_body(self, name: str) -> None:
        html, text = self.html(), self.text()
        if html:
            mark = b"\xff\xfe" if html.codepage == UTF_16 else b""
            self.files.insert(0, PackedFile(f"{name}.html", "text/html", mark + html.octets, self.broken))
        elif text:
            self.files.insert(0, PackedFile(f"{name}.txt", "text/plain", text.recoded().octets, self.broken))
        else:
            self.add_rtf(f"{name}.rtf")

    def add_rtf(self, name: str) -> None:
        item = self.properties.get(PR_RTF_COMPRESSED)
        if item is None or item.type != BINARY:
            return
        allowance = self.allowance
        rtf, broken = decompress_rtf(
            item.value, max_octets=allowance.octets, max_coded_octets=allowance.compressed_rtf_octets
        )
        allowance.compressed_rtf_octets -= min(len(item.value), allowance.compressed_rtf_octets)
        allowance.octets -= len(rtf)
        self.broken = self.broken or broken
        if rtf:
            self.files.insert(0, PackedFile(name, "application/rtf", rtf, broken))

    def html(self) -> Text:
        item = self.properties.get(PR_HTML)
        if item is None:
            return Text(b"", None)
        internet = self.properties.get(PR_INTERNET_CODEPAGE)
        codepage = codepage_name(internet.value) if internet and item.type == BINARY else None
        return item.text(codepage or self.codepage)

    def text(self) -> Text:
        item = self.properties.get(PR_BODY)
        return (item.text(self.codepage) if item else None) or read_text(self.body, self.codepage)

    def name_of(self, attachment: _Attachment) -> str:
        """The long name before the short one; "" when there is none."""
        return (
            self.string(attachment, PR_ATTACH_LONG_FILENAME)
            or decode_name(attachment.title, self.codepage)
            or self.string(attachment, PR_ATTACH_FILENAME)
            or self.string(attachment, PR_DISPLAY_NAME)
        )

    def string(self, attachment: _Attachment, number: int) -> str:
        item = attachment.properties.get(number)
        return item.name(self.codepage) if item else ""
