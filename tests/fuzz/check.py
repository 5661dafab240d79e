"""What must hold for any octets at all, once they are read as a message."""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from mail_archiver import octets
from mail_archiver.archiving.attachment_file import ZIP_NAME, AttachmentFile, attachment_file
from mail_archiver.archiving.embedding import find_embedding
from mail_archiver.archiving.forwarded import find_forwarded
from mail_archiver.blobs.original import pack, unpack
from mail_archiver.compression import Compressor
from mail_archiver.domain.address import OwnAddresses, normalize_address
from mail_archiver.domain.draft import Blob
from mail_archiver.domain.message import Message
from mail_archiver.mime.filenames import MAX_NAME_OCTETS
from mail_archiver.mime.html import sanitize_html
from mail_archiver.mime.parse import parse_message
from mail_archiver.octets import InMemory, Octets, Spool, whole

# Of what follows, the C decoder of quoted-printable drops the rest of the line, or of the piece.
_CUT_AT_WILL = re.compile(rb"=[ \t\r\n]*=[ \t\n]*\r(?!\n)")
_NOT_STORABLE = re.compile("[\0\ud800-\udfff]")
_ACTIVE = re.compile(r"<\s*(?:script|iframe|object|embed|form)\b|javascript:[^<]*[\"']\s*>", re.IGNORECASE)


def check(source: bytes) -> None:
    """Read a message, and fail where the parser breaks one of its promises."""
    message = parse_message(source)
    file = attachment_file(message.attachments)
    assert message.source_sha256 == hashlib.sha256(source).hexdigest()
    assert message.size_octets == len(source)
    for text in _texts(message):
        assert not _NOT_STORABLE.search(text), "NUL, or a lone surrogate"
    for address in (*message.addresses, *find_forwarded(message, OwnAddresses())):
        assert address.normalized is None or normalize_address(address.normalized) == address.normalized
    assert not _ACTIVE.search(sanitize_html(message.body_html or ""))
    _check_attachments(message)
    _check_original(source, file)
    if file and file.name == ZIP_NAME:
        with zipfile.ZipFile(io.BytesIO(whole(file.content))) as archive:
            assert archive.testzip() is None
            members = [hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()]
        assert members == [each.sha256 for each in message.attachments if not each.inline]
    if not _CUT_AT_WILL.search(source):
        with in_pieces_of(701):
            assert _seen(parse_message(_on_disk(source))) == _seen(message), "not the same in pieces"


@contextmanager
def in_pieces_of(size: int) -> Iterator[None]:
    """Read files in pieces of so many octets, as if messages were large."""
    usual, octets.PIECE_OCTETS = octets.PIECE_OCTETS, size
    try:
        yield
    finally:
        octets.PIECE_OCTETS = usual


def _check_original(source: bytes, file: AttachmentFile | None) -> None:
    """What is stored of it gives it back."""
    content = InMemory(source)
    embedding = find_embedding(content, file) if file else None
    stored = pack(Blob("", content, is_original=True, embedding=embedding), Compressor())
    assert b"".join(unpack(list(stored), lambda _: file.content.pieces() if file else iter(()))) == source


def _check_attachments(message: Message) -> None:
    names = [each.safe_name.casefold() for each in message.attachments]
    assert len(set(names)) == len(names)
    for position, each in enumerate(message.attachments):
        content = whole(each.content)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (len(each.content), each.sha256)
        assert each.within is None or each.within < position
        assert each.safe_name.isprintable()
        assert each.safe_name not in (".", "..")
        assert not set(each.safe_name) & set('/\\:*?"<>|')
        assert 0 < len(each.safe_name.encode()) <= MAX_NAME_OCTETS


def _texts(message: Message) -> list[str]:
    """Everything that goes into the database."""
    texts = [
        message.message_id, message.subject, message.body_text, message.body_html, message.list_id,
        message.auto_submitted, *message.in_reply_to, *message.references,
    ]  # fmt: skip
    for address in message.addresses:
        texts += [address.display_name, address.address, address.normalized]
    for each in message.attachments:
        texts += [each.filename, each.safe_name, each.content_type]
    for report in message.delivery_reports:
        texts += [report.recipient, report.normalized, report.action, report.status, report.message_id]
    for defect in message.defects:
        texts += [defect.where, defect.action]
    return [text for text in texts if text is not None]


def _seen(message: Message) -> tuple[object, ...]:
    """What can be compared of a message: contents by their hash."""
    files = [(each.safe_name, each.sha256, each.inline, each.within) for each in message.attachments]
    return (message.fingerprint, message.header_sha256, message.subject, message.addresses, message.body_text,
            message.body_html, message.kind, message.delivery_reports, message.defects, files)  # fmt: skip


def _on_disk(source: bytes) -> Octets:
    """The same octets, as a large message has them."""
    return Spool().keep([source])
