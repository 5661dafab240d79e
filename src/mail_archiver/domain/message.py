"""What one message says, once read."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mail_archiver.domain.address import Address, Role
from mail_archiver.domain.kind import DeliveryReport, Kind
from mail_archiver.octets import Content, Octets


class DefectCode(StrEnum):
    """What was broken in a message, as a stable code (`archive.defects`)."""

    HEADER_UNDECODABLE = "header-undecodable"
    HEADER_8BIT = "header-8bit"
    HEADERS_BROKEN = "headers-broken"
    HEADERS_TOO_LONG = "headers-too-long"
    DATE_INVALID = "date-invalid"
    MESSAGE_ID_INVALID = "message-id-invalid"
    ADDRESS_INVALID = "address-invalid"
    TOO_MANY_ADDRESSES = "too-many-addresses"
    CHARSET_MISSING = "charset-missing"
    CHARSET_UNKNOWN = "charset-unknown"
    CHARSET_WRONG = "charset-wrong"
    TRANSFER_ENCODING_BROKEN = "transfer-encoding-broken"
    BOUNDARY_MISSING = "boundary-missing"
    MULTIPART_UNCLOSED = "multipart-unclosed"
    TOO_DEEP = "too-deep"
    TOO_MANY_PARTS = "too-many-parts"
    TOO_LARGE = "too-large"
    BODY_CUT = "body-cut"
    EPILOGUE_KEPT = "epilogue-kept"
    CONTAINER_BROKEN = "container-broken"
    NUL_REMOVED = "nul-removed"
    SURROGATE_REPLACED = "surrogate-replaced"


@dataclass(frozen=True, slots=True)
class Defect:
    """Something broken in a message, and what was made of it.

    Attributes:
        where: A header's name, a part's number as IMAP counts them (RFC 9051 section 6.4.5.1), or "header",
            "message", "epilogue" or "attachments".
        action: What was done.
    """

    code: DefectCode
    where: str
    action: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that a person would call an attachment.

    Attributes:
        filename: As the sender named it, decoded; None when it has no name.
        safe_name: A name that is safe in a folder and in a zip, distinct within the message.
        content: The bytes, transfer encoding removed.
        sha256: Of `content`, lower-case hex.
        inline: The HTML body shows it by its Content-ID; it stays out of the attachment file.
        within: Position, from 0, of the attachment that this one was found in (an enclosed message, a
            winmail.dat); None for one of the message's own.
        base64_at: Where the message has the base64 of `content`; None where it has none.
    """

    filename: str | None
    safe_name: str
    content_type: str
    content: Content
    sha256: str
    inline: bool
    within: int | None = None
    base64_at: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message, read.

    Attributes:
        message_id: Without brackets; None when absent.
        in_reply_to, references: Message-IDs without brackets, in the order of the header.
        subject: None when there is no Subject header.
        sent_at: The Date header, aware; None when absent or impossible.
        body_text: What a reader of plain text sees, lines ended by LF; None when there is no such part.
        body_html: As received, lines ended by LF; None when there is none.
        fingerprint: Same for every copy of this message (see `domain.fingerprint`).
        source_sha256: Of the bytes as fetched.
        list_id: The List-Id header as text (RFC 2919); None when absent.
        auto_submitted: The Auto-Submitted keyword in lower case (RFC 3834); None when absent.
        delivery_reports: Of a bounce: one for each recipient that it reports on.
        header_sha256: Of the header block as fetched, less the line ends that close it (servers differ).
    """

    message_id: str | None
    subject: str | None
    sent_at: datetime | None
    addresses: tuple[Address, ...]
    body_text: str | None
    body_html: str | None
    attachments: tuple[Attachment, ...]
    defects: tuple[Defect, ...]
    fingerprint: str
    source_sha256: str
    header_sha256: str
    size_octets: int
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    kind: Kind = Kind.MESSAGE
    list_id: str | None = None
    auto_submitted: str | None = None
    delivery_reports: tuple[DeliveryReport, ...] = ()

    @property
    def sender(self) -> Address | None:
        """The first address in From, or None."""
        return next((a for a in self.addresses if a.role is Role.SENDER), None)


@dataclass(frozen=True, slots=True)
class FetchedMessage:
    """One message as the server gave it.

    Attributes:
        received_at: INTERNALDATE, aware; None when the server gives none.
    """

    uid: int
    source: Octets
    received_at: datetime | None
