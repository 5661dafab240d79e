"""What the use cases need from outside. The edges implement these; `app` puts them together."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.disposition import Disposition
from mail_archiver.domain.draft import Blob, Draft, Recorded
from mail_archiver.domain.fetch_plan import MessageSummary, Window
from mail_archiver.domain.linking import ContactAddress
from mail_archiver.domain.mailbox_state import Epoch, MailboxKey, MailboxStatus
from mail_archiver.domain.message import FetchedMessage

Clock = Callable[[], datetime]
"""The present moment, aware."""


class MailSource(Protocol):
    """A connection to one account's IMAP server, logged in. Every method raises `SourceError`."""

    def examine(self, mailbox: str) -> MailboxStatus:
        """Open a mailbox for reading only; the other methods are about the one opened last."""

    def uids_after(self, uid: int, status: MailboxStatus) -> Sequence[int]:
        """The UIDs above `uid`, ascending."""

    def uids_received(self, window: Window, status: MailboxStatus) -> Sequence[int]:
        """UIDs that may lie in the window, ascending: servers search by day, in their own zone."""

    def present(self, uids: Collection[int]) -> set[int]:
        """Those of `uids` that the mailbox still holds."""

    def summaries(self, uids: Sequence[int]) -> Mapping[int, MessageSummary]:
        """Size and INTERNALDATE of each; what is gone, or not answered, is missing."""

    def fetch(self, uids: Sequence[int]) -> Mapping[int, FetchedMessage]:
        """The messages themselves, no flag changed; what is gone, or not answered, is missing.

        Raises:
            MessageRefused: The server refuses; among several UIDs, one of them is to blame.
        """

    def fetch_large(self, uid: int) -> Mapping[int, FetchedMessage]:
        """As `fetch`, for one message that should not be in memory as a whole."""

    def dispose(self, mailbox: str, uidvalidity: int, uids: Sequence[int], disposition: Disposition) -> None:
        """Do what the account asks for; doing it twice is harmless. Opens the mailbox for writing.

        Raises:
            MailboxUnavailable: Also when UIDVALIDITY is no longer the one given.
        """


class Ledger(Protocol):
    """Mailboxes, their epochs, and what became of each UID."""

    def find_epoch(self, key: MailboxKey, status: MailboxStatus) -> Epoch | None:
        """The current epoch, if the mailbox as it is now continues it."""

    def begin_epoch(self, key: MailboxKey, status: MailboxStatus, now: datetime) -> Epoch:
        """End the current epoch of this account and mailbox name, if any, and begin the next."""

    def was_polled(self, key: MailboxKey) -> bool:
        """Whether a `run` has ever finished with this account's mailbox of that name, in any epoch."""

    def known(self, epoch: Epoch, uids: Sequence[int], *, also_filtered_by: str | None = None) -> set[int]:
        """Those of `uids` that are in the ledger.

        Args:
            also_filtered_by: Prefix of rules whose filtered rows do not count as known.
        """

    def due(self, epoch: Epoch, now: datetime) -> list[int]:
        """Quarantined UIDs whose next attempt is due, ascending."""

    def filter(self, epoch: Epoch, messages: Iterable[MessageSummary], rule: str, now: datetime) -> int:
        """Record messages that a rule leaves out; returns how many were new."""

    def vanish(self, epoch: Epoch, uids: Iterable[int], now: datetime) -> None:
        """Record UIDs that were gone before they could be read."""

    def quarantine(
        self,
        epoch: Epoch,
        summary: MessageSummary,
        reason: str,
        now: datetime,
        *,
        source_sha256: str | None = None,
    ) -> int:
        """Record a failed attempt, with its next one; returns the attempts so far."""

    def advance(self, epoch: Epoch, last_uid: int) -> None:
        """Move the watermark, never back."""

    def polled(self, epoch: Epoch, status: MailboxStatus, now: datetime) -> None:
        """Note that the mailbox was looked at."""

    def undisposed(self, epoch: Epoch, limit: int) -> list[int]:
        """UIDs that are safe in the archive and whose disposition is still to be done, ascending."""

    def dispose(self, epoch: Epoch, uids: Sequence[int], now: datetime) -> None:
        """Note that the disposition was done."""


class Archives(Protocol):
    """The archive records."""

    def find(self, fingerprints: Collection[str]) -> dict[str, int]:
        """The archives that are there, by fingerprint."""

    def record(
        self,
        epoch: Epoch,
        drafts: Sequence[Draft],
        contacts: Collection[ContactAddress],
        now: datetime,
        *,
        disposed: bool,
    ) -> list[Recorded]:
        """Write archives, their addresses, attachments and links, and their ledger rows.

        Messages that another process has recorded meanwhile are left out of the answer.

        Args:
            disposed: Nothing is to be done on the server.

        Raises:
            RowsRefused: The database rejects one of them; which, trying them alone tells.
        """


class Contacts(Protocol):
    """The CRM's contacts."""

    def with_addresses(self, normalized: Collection[str]) -> list[ContactAddress]:
        """The contacts, not deleted, that have one of these addresses."""

    def has(self, external_id: str) -> bool:
        """Whether a contact of that id is there, deleted or not."""

    def upsert(self, imported: ImportedContact, now: datetime) -> None:
        """Insert a contact, or bring the one with its `external_id` up to date.

        Addresses that the contact no longer has are removed; the ones it keeps stay as they are, so that
        what was looked up for them is not looked up again.
        """


class UnitOfWork(Protocol):
    """One transaction."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def archives(self) -> Archives: ...

    @property
    def contacts(self) -> Contacts: ...


class Store(Protocol):
    """The database. Every method raises `StoreError`."""

    def transaction(self) -> AbstractContextManager[UnitOfWork]:
        """Commits when its block ends well, else leaves nothing behind."""

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Writes nothing, and locks nothing."""

    def run_lease(self, account: str) -> AbstractContextManager[None]:
        """The right to run for an account, held for the whole run; waits for a backfill's batch to end.

        Raises:
            AccountBusy: Another run holds it.
        """

    def backfill_lease(self, account: str) -> AbstractContextManager[None]:
        """The right to backfill an account, held to its end.

        Raises:
            AccountBusy: Another backfill holds it.
        """

    def backfill_turn(self, account: str) -> AbstractContextManager[None]:
        """The right to work one batch of a backfill: gives way to every run that wants to work."""


class Blobs(Protocol):
    """Bytes by their SHA-256. Every method raises `StorageError`."""

    def put(self, blobs: Iterable[Blob]) -> None:
        """Store them; on return they survive a power cut."""
