"""Small messages, as drafts that the store is given, and what tests say around them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from mail_archiver.archiving.batch import record_drafts
from mail_archiver.archiving.drafting import Drafter
from mail_archiver.domain.address import OwnAddresses
from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.draft import Draft, Recorded, RecordedMeanwhile
from mail_archiver.domain.limits import Limits
from mail_archiver.domain.linking import LinkingRules
from mail_archiver.domain.mailbox_state import Epoch, MailboxKey, MailboxStatus
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.octets import InMemory
from mail_archiver.store.store import Store

NOW = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
RECEIVED_AT = datetime(2024, 5, 6, 7, 0, tzinfo=UTC)
KEY = MailboxKey("crm", "imap.example.com", "crm@example.com", "INBOX")
OTHER_KEY = MailboxKey("sales", "imap.example.com", "sales@example.com", "INBOX")
RULES = LinkingRules(OwnAddresses.of([], ["example.com"]))

_HEADERS = {
    "Message-ID": "<offer@example.com>",
    "Date": "Mon, 06 May 2024 09:00:00 +0200",
    "From": "Eve <eve@example.com>",
    "To": "Ann Archer <Ann@Client.example>",
    "Subject": "Offer",
}

MIXED = {"MIME-Version": "1.0", "Content-Type": 'multipart/mixed; boundary="b"'}
PARTS = """--b
Content-Type: text/html; charset=utf-8

<p>As <b>agreed</b>.</p>
--b
Content-Type: application/pdf; name="offer.pdf"
Content-Disposition: attachment; filename="offer.pdf"
Content-Transfer-Encoding: base64

JVBERi0=
--b
Content-Type: text/csv
Content-Disposition: attachment; filename="../prices.csv"

a,b
--b--"""
"""A body for `MIXED`: HTML and two attachments."""


def source(headers: Mapping[str, str] | None = None, body: str = "As agreed.") -> bytes:
    """A message; `headers` are added to the usual ones, or replace them, and "" leaves one out."""
    merged = {**_HEADERS, **(headers or {})}
    lines = [f"{name}: {value}" for name, value in merged.items() if value]
    return "\r\n".join([*lines, "", body, ""]).encode()


def draft(uid: int, headers: Mapping[str, str] | None = None, body: str = "As agreed.") -> Draft:
    """What is to be recorded of such a message."""
    return draft_bytes(uid, source(headers, body))


def draft_bytes(uid: int, content: bytes) -> Draft:
    """What is to be recorded of any message."""
    return Drafter(RULES, Limits(), zip_inline_images=False).draft(
        FetchedMessage(uid, InMemory(content), RECEIVED_AT)
    )


def numbered(uid: int, number: int) -> Draft:
    """One of many messages that differ."""
    return draft(uid, {"Message-ID": f"<{number}@example.com>", "Subject": f"Offer {number}"})


def naming(uid: int, message_id: str | None, *references: str, in_reply_to: Sequence[str] = ()) -> Draft:
    """A message that names others; one and the same message for the same Message-ID, whatever it names."""
    read = draft(uid, {"Message-ID": f"<{message_id}>" if message_id else "", "Subject": str(message_id)})
    message = replace(
        read.message, message_id=message_id, references=references, in_reply_to=tuple(in_reply_to)
    )
    return replace(read, message=message)


def status(uidvalidity: int = 1, *, highest_modseq: int | None = None) -> MailboxStatus:
    """A mailbox as the server shows it."""
    return MailboxStatus(uidvalidity, uidnext=None, exists=1, highest_modseq=highest_modseq)


def begin_epoch(store: Store, key: MailboxKey = KEY, uidvalidity: int = 1) -> Epoch:
    """Begin an epoch, and commit."""
    with store.transaction() as uow:
        return uow.ledger.begin_epoch(key, status(uidvalidity), NOW)


def record(store: Store, epoch: Epoch, *drafts: Draft, disposed: bool = True) -> list[Recorded]:
    """Record a batch as the program does: contacts looked up and rows written in one transaction."""
    while True:
        with suppress(RecordedMeanwhile), store.transaction() as uow:
            return record_drafts(uow, epoch, drafts, RULES, NOW, disposed=disposed)


def add_contact(store: Store, external_id: str, *addresses: str, organization: str | None = None) -> None:
    """Bring in a contact, or bring it up to date."""
    imported = ImportedContact(
        external_id,
        "contact",
        "Ann",
        "Archer",
        organization,
        tuple((each, each.lower()) for each in addresses),
    )
    with store.transaction() as uow:
        uow.contacts.upsert(imported, NOW)
