"""One message, from bytes to `Message`."""

import hashlib
import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote

from mail_archiver.domain.address import Address, Role
from mail_archiver.domain.fingerprint import LeafDigest, fingerprint, leaf_digest
from mail_archiver.domain.message import Attachment, Defect, DefectCode, Message
from mail_archiver.mime.addresses import read_addresses
from mail_archiver.mime.bodies import name_parameter, sort_parts
from mail_archiver.mime.charsets import Report, decode_text, storable
from mail_archiver.mime.filenames import safe_name
from mail_archiver.mime.headers import decode_unstructured, decode_words, read_date, read_message_id
from mail_archiver.mime.structure import Part, Structure, scan
from mail_archiver.mime.transfer import decode_transfer

T = TypeVar("T")

_WHITE_SPACE = re.compile(rb"\s+")
_CONTENT_ID_URL = re.compile(r"""cid:([^\s"'<>)]+)""", re.IGNORECASE)

_ROLES = {
    b"from": Role.SENDER,
    b"reply-to": Role.REPLY_TO,
    b"to": Role.TO,
    b"cc": Role.CC,
    b"bcc": Role.BCC,
    b"resent-to": Role.RESENT,
    b"resent-cc": Role.RESENT,
    b"resent-bcc": Role.RESENT,
    b"delivered-to": Role.DELIVERED,
    b"x-original-to": Role.DELIVERED,
}


def parse_message(source: bytes) -> Message:
    """Read a message. Any bytes give one: what is broken is in its `defects`.

    Args:
        source: As fetched (RFC 5322), CRLF, LF or CR line ends.
    """
    return _Reader(source, scan(source)).read()


class _Reader:
    def __init__(self, source: bytes, structure: Structure) -> None:
        self.source = source
        self.structure = structure
        self.root = structure.root
        self.defects: dict[Defect, None] = dict.fromkeys(structure.defects)
        self.contents: dict[int, bytes] = {}

    def read(self) -> Message:
        source_sha256 = hashlib.sha256(self.source).hexdigest()
        bodies = sort_parts(self.root)
        html = [part for part in bodies.html if part.content_type == "text/html"]
        text = [part for part in bodies.text if part.content_type != "text/html"]
        body_html = self.join_texts(html)
        leaves = [self.digest(part) for part in self.root.leaves()]
        header = self.source[: self.structure.header_end].rstrip(b"\r\n")
        return Message(
            message_id=self.header(b"message-id", read_message_id),
            subject=self.header(b"subject", decode_unstructured),
            sent_at=self.header(b"date", read_date),
            addresses=tuple(self.addresses()),
            body_text=self.join_texts(text),
            body_html=body_html,
            attachments=tuple(self.attachments(bodies.attachments, body_html or "")),
            fingerprint=fingerprint(self.root.fields, leaves, source_sha256=source_sha256),
            source_sha256=source_sha256,
            header_sha256=hashlib.sha256(header).hexdigest(),
            size_octets=len(self.source),
            defects=tuple(self.defects),
        )

    def report_at(self, where: str) -> Report:
        def report(code: DefectCode, action: str) -> None:
            self.defects[Defect(code, where, action)] = None

        return report

    def header(self, name: bytes, read: Callable[[bytes, Report], T]) -> T | None:
        raw = self.root.value(name)
        return None if raw is None else read(raw, self.report_at(name.decode()))

    def addresses(self) -> list[Address]:
        found: list[Address] = []
        for name, raw in self.root.fields:
            role = _ROLES.get(name)
            if role is not None:
                found.extend(read_addresses(raw, role, self.report_at(name.decode())))
        if not any(address.role is Role.SENDER for address in found):
            found.extend(self.header(b"sender", _read_senders) or ())
        return found

    def content(self, part: Part) -> bytes:
        """A leaf's bytes, transfer encoding removed; decoded once."""
        if part.start not in self.contents:
            encoding = (part.value(b"content-transfer-encoding") or b"").decode("latin-1")
            encoding = encoding.partition(";")[0].partition("(")[0].strip().strip("\"'").lower()
            encoded = self.structure.source[part.start : part.end]
            report = self.report_at(part.number or "1")
            self.contents[part.start] = decode_transfer(encoded, encoding, report)
        return self.contents[part.start]

    def join_texts(self, parts: list[Part]) -> str | None:
        if not parts:
            return None
        return "\n".join(self.text(part) for part in parts)

    def text(self, part: Part) -> str:
        report = self.report_at(part.number or "1")
        charset = part.parameters.get("charset")
        text = decode_text(self.content(part), charset.text if charset else None, report)
        return storable(text.replace("\r\n", "\n").replace("\r", "\n"), report)

    def digest(self, part: Part) -> LeafDigest:
        parameter = name_parameter(part)
        name = _WHITE_SPACE.sub(b" ", parameter.octets) if parameter else b""  # it may be folded anew
        return leaf_digest(part.content_type.encode(), name, self.content(part))

    def attachments(self, parts: list[Part], body_html: str) -> list[Attachment]:
        taken: dict[str, int] = {}
        shown = {unquote(content_id) for content_id in _CONTENT_ID_URL.findall(body_html)}
        return [self.attachment(part, nth, shown, taken) for nth, part in enumerate(parts, start=1)]

    def attachment(self, part: Part, nth: int, shown: set[str], taken: dict[str, int]) -> Attachment:
        content, name = self.content(part), name_parameter(part)
        filename = decode_words(name.text, self.report_at(part.number or "1")) if name else None
        return Attachment(
            filename=filename,
            safe_name=safe_name(filename, part.content_type, nth, taken),
            content_type=part.content_type,
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            inline=part.content_type.startswith("image/") and _content_id(part) in shown,
        )


def _read_senders(raw: bytes, report: Report) -> list[Address]:
    return list(read_addresses(raw, Role.SENDER, report))


def _content_id(part: Part) -> str:
    """By which the HTML may show this part (RFC 2392); "" when it has none."""
    return (part.value(b"content-id") or b"").decode("latin-1").strip().strip("<>")
