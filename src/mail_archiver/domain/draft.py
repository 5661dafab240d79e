"""What is about to be written about one message: everything but the database's own answers."""

from dataclasses import dataclass
from datetime import datetime

from mail_archiver.domain.embedding import Embedding
from mail_archiver.domain.linking import Direction, Mention
from mail_archiver.domain.message import Message
from mail_archiver.domain.outcome import Outcome
from mail_archiver.octets import Content


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes to be stored under their SHA-256 (lower-case hex).

    Attributes:
        is_original: A message as fetched, which is stored compressed; an attachment file is stored as it is.
        embedding: What of an original is stored with its attachment file; None for nothing.
    """

    sha256: str
    content: Content
    is_original: bool = False
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True)
class KeptOriginal:
    """What the ledger knows of a message in quarantine whose bytes were kept as a blob."""

    source_sha256: str
    size_octets: int
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Draft:
    """One message, ready to be recorded.

    Attributes:
        mentions: Normalized addresses that may link, each as it counts most.
        attachments_name, attachments_sha256: The attachment file; None when there is none.
        blobs: The original and the attachment file.
    """

    uid: int
    received_at: datetime | None
    message: Message
    direction: Direction | None
    mentions: dict[str, Mention]
    attachments_name: str | None
    attachments_sha256: str | None
    blobs: tuple[Blob, ...]


class RecordedMeanwhile(Exception):
    """Another process has recorded some of the same UIDs while we did: to be done anew, without them."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one message.

    Attributes:
        outcome: `ARCHIVED` or `DUPLICATE`.
        links: Contacts newly linked.
        reuses_message_id: Another archive has the same Message-ID and different content.
    """

    uid: int
    archive_id: int
    outcome: Outcome
    reuses_message_id: bool = False
    links: int = 0
