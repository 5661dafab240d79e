"""One archive record as it stands in the archive, with all that hangs on it."""

from dataclasses import dataclass
from datetime import datetime

from mail_archiver.domain.address import Role
from mail_archiver.domain.kind import DeliveryReport, Kind
from mail_archiver.domain.linking import Direction
from mail_archiver.domain.outcome import Outcome


@dataclass(frozen=True, slots=True)
class RecordedAddress:
    """An address of a message.

    Attributes:
        display_name: "" when there is none.
        normalized: The form that is compared; None where there is nothing to compare.
        epoch_id, uid: The road that brought it (see `Road`).
    """

    role: Role
    display_name: str
    address: str
    normalized: str | None
    epoch_id: int
    uid: int


@dataclass(frozen=True, slots=True)
class LinkedContact:
    """A contact that an archive is linked to, or was until a person unlinked it.

    Attributes:
        role, address, rule: Why; None where a person linked it and did not say.
        origin: "auto" or "manual".
        ambiguous: The address belongs to several contacts.
        unlinked_at: None while the link stands.
    """

    contact_id: int
    external_id: str | None
    kind: str
    first_name: str | None
    last_name: str | None
    role: Role | None
    address: str | None
    rule: str | None
    origin: str
    ambiguous: bool
    linked_at: datetime
    unlinked_at: datetime | None

    @property
    def name(self) -> str:
        """First and last name, or ""."""
        return " ".join(filter(None, (self.first_name, self.last_name)))


@dataclass(frozen=True, slots=True)
class LinkedAssociation:
    """An organization or opportunity that an archive is linked to, or was until a person unlinked it.

    Attributes:
        role, address: Of the organization's own address in the message; None where there is none.
        contact_id: The contact that it is linked through, if any.
        origin, ambiguous, unlinked_at: As of `LinkedContact`.
    """

    id: int
    external_id: str | None
    name: str
    role: Role | None
    address: str | None
    rule: str | None
    origin: str
    ambiguous: bool
    contact_id: int | None
    linked_at: datetime
    unlinked_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordedAttachment:
    """An attachment without its bytes; the other fields as in `domain.message.Attachment`.

    Attributes:
        position: Its place in the message, from 0.
        within: Position of the attachment that it was found in, or None.
    """

    position: int
    filename: str | None
    safe_name: str
    content_type: str
    size_octets: int
    sha256: str
    inline: bool
    within: int | None


@dataclass(frozen=True, slots=True)
class RecordedDefect:
    """As `domain.message.Defect`; the code may be one of another release."""

    code: str
    where: str
    action: str


@dataclass(frozen=True, slots=True)
class Road:
    """A UID that brought the message.

    Attributes:
        source_sha256: Of the original as this road brought it; trace headers differ.
        received_at: INTERNALDATE there; None when the server gave none.
        disposed_at: When the disposition was done on the server; None while it is not.
    """

    account: str
    host: str
    username: str
    mailbox: str
    uidvalidity: int
    epoch_id: int
    uid: int
    outcome: Outcome
    source_sha256: str | None
    size_octets: int | None
    received_at: datetime | None
    processed_at: datetime
    disposed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ArchiveRecord:
    """One archive; fields that are columns of `archive` mean what they mean there.

    Attributes:
        message_id: Without brackets; None when absent.
        thread_archive_ids: The other archives of its thread, ascending.
        addresses: By role, the strongest first, and then as they stand in the message.
        attachments: In the order of the message.
        attachments_name, attachments_sha256: The attachment file; None when there is none.
        source_sha256: Of the original as the first road brought it.
        roads: The one that brought it first stands first.
    """

    id: int
    fingerprint: str
    message_id: str | None
    thread_id: str | None
    thread_archive_ids: tuple[int, ...]
    kind: Kind
    list_id: str | None
    auto_submitted: str | None
    direction: Direction | None
    subject: str | None
    sent_at: datetime | None
    received_at: datetime | None
    archived_at: datetime
    addresses: tuple[RecordedAddress, ...]
    contacts: tuple[LinkedContact, ...]
    organizations: tuple[LinkedAssociation, ...]
    opportunities: tuple[LinkedAssociation, ...]
    attachments: tuple[RecordedAttachment, ...]
    attachments_name: str | None
    attachments_sha256: str | None
    delivery_reports: tuple[DeliveryReport, ...]
    defects: tuple[RecordedDefect, ...]
    roads: tuple[Road, ...]
    size_octets: int
    source_sha256: str
    body_text: str | None
    body_html: str | None


@dataclass(frozen=True, slots=True)
class Namesake:
    """One of several archives with the same Message-ID: enough to choose from."""

    id: int
    received_at: datetime | None
    subject: str | None
