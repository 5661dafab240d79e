"""What the use cases need from outside. The edges implement these; `app` puts them together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # they are named here, and loaded by whoever makes or reads them
    from mail_archiver.archiving.crm_ports import (
        Associations,
        Contacts,
        Latecomers,
        Links,
        Opportunities,
        Organizations,
    )
    from mail_archiver.archiving.work import Tally
    from mail_archiver.domain.disposition import Disposition
    from mail_archiver.domain.draft import Blob, Draft, KeptOriginal, Recorded
    from mail_archiver.domain.fetch_plan import MessageSummary, Window
    from mail_archiver.domain.mailbox_state import Epoch, MailboxKey, MailboxStatus
    from mail_archiver.domain.message import FetchedMessage
    from mail_archiver.domain.recognition import LedgerCopy
    from mail_archiver.domain.stored_blob import StoredBlob
    from mail_archiver.octets import Spool

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

    def fetch_large(self, uid: int, download: Spool) -> Mapping[int, FetchedMessage]:
        """As `fetch`, for one message that should not be in memory as a whole.

        Args:
            download: What is there of it already; gets the rest, also when the connection is lost meanwhile.
        """

    def header_hashes(self, uids: Sequence[int]) -> Mapping[int, str]:
        """The hash of each message's header (see `Message.header_sha256`); what is gone is missing."""

    def dispose(self, mailbox: str, uidvalidity: int, uids: Sequence[int], disposition: Disposition) -> None:
        """Do what the account asks for; doing it twice is harmless. Opens the mailbox for writing.

        Raises:
            ServerUnavailable: Also when UIDVALIDITY is no longer the one given: nothing is done then.
        """


class Ledger(Protocol):
    """Mailboxes, their epochs, and what became of each UID."""

    def find_epoch(self, key: MailboxKey, status: MailboxStatus) -> Epoch | None:
        """The current epoch, if the mailbox as it is now continues it."""

    def begin_epoch(self, key: MailboxKey, status: MailboxStatus, now: datetime) -> Epoch:
        """End the current epoch of this account and mailbox name, if any, and begin the next."""

    def first_polled(self, key: MailboxKey) -> tuple[int, datetime] | None:
        """The first epoch of this account's mailbox of that name that a `run` has finished with.

        Returns:
            Its id and when it began; None where there is none.
        """

    def known(self, epoch: Epoch, uids: Sequence[int], *, also_filtered_by: str | None = None) -> set[int]:
        """Those of `uids` that are in the ledger.

        Args:
            also_filtered_by: Prefix of rules whose filtered rows do not count as known.
        """

    def copies_received_at(self, epoch: Epoch, moments: Collection[datetime]) -> list[LedgerCopy]:
        """The account's messages, of all its epochs, that are safe and have one of these INTERNALDATEs.

        None where the account has no other epoch.
        """

    def recognized(
        self, epoch: Epoch, known: Mapping[int, LedgerCopy], now: datetime, *, disposed: bool
    ) -> None:
        """Record UIDs as duplicates of the archives that copies of theirs are in.

        Args:
            disposed: Nothing is to be done on the server.
        """

    def due(self, epoch: Epoch, now: datetime | None) -> list[int]:
        """Quarantined UIDs whose next attempt is due, ascending; `now` None for all of them."""

    def due_in_ended_epochs(self, key: MailboxKey, now: datetime | None) -> list[tuple[Epoch, int]]:
        """The same of earlier epochs of this account's mailbox of that name."""

    def originals(self, epoch: Epoch, uids: Sequence[int]) -> dict[int, KeptOriginal]:
        """What was kept of quarantined messages; those of which nothing was are missing."""

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
        attachments_sha256: str | None = None,
    ) -> int:
        """Record a failed attempt, with its next one; returns the attempts so far.

        Args:
            source_sha256: The original, where it could be had; None leaves the one of an earlier attempt.
            attachments_sha256: The attachment file that it is stored with.
        """

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
        now: datetime,
        *,
        disposed: bool,
    ) -> list[Recorded]:
        """Write archives, their addresses and attachments, and their ledger rows.

        Messages that another process has recorded meanwhile are left out of the answer.

        Args:
            disposed: Nothing is to be done on the server.

        Raises:
            RowsRefused: The database rejects one of them; which, trying them alone tells.
            RecordedMeanwhile: Another process was a moment earlier; to be tried again in a new transaction.
        """

    def thread(self, recorded: Sequence[tuple[Draft, Recorded]]) -> None:
        """Put what was recorded into its threads, and let archives say what all their copies tell.

        The last that a transaction does: others wait for it from here to the commit.
        """


class BlobNames(Protocol):
    """Which blobs the rows name."""

    def all(self) -> Iterator[str]:
        """Each hash, ascending, as of the moment the first one is asked for."""

    def missing(self, sha256s: Collection[str]) -> list[str]:
        """Those of some hashes that no row names."""

    def archives(self, sha256: str) -> list[int]:
        """The archives whose original, by any of their roads, or attachment file it is, ascending."""

    def uids_of_originals(self, epoch: Epoch, sha256s: Collection[str]) -> list[int]:
        """The UIDs of an epoch that brought these originals, ascending."""

    def originals_of_attachments(self, sha256: str) -> list[str]:
        """The originals, of any road, out of which this attachment file can be made."""


class UnitOfWork(Protocol):
    """One transaction."""

    @property
    def blob_names(self) -> BlobNames: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def archives(self) -> Archives: ...

    @property
    def contacts(self) -> Contacts: ...

    @property
    def organizations(self) -> Organizations: ...

    @property
    def opportunities(self) -> Opportunities: ...

    @property
    def links(self) -> Links: ...

    @property
    def associations(self) -> Associations: ...

    @property
    def latecomers(self) -> Latecomers: ...


class Store(Protocol):
    """The database. Every method raises `StoreError`."""

    def blobs_alone(self) -> AbstractContextManager[None]:
        """For a clean-up: while the block lasts, nobody is about to name a blob that no row names yet."""

    def transaction(self, storing: Callable[[], None] | None = None) -> AbstractContextManager[UnitOfWork]:
        """Commits when its block ends well, else leaves nothing behind.

        Args:
            storing: Stores the blobs that the block is going to name. Done before the block; from then until
                the commit no clean-up removes one of them, be it new or an old one that nobody named.
        """

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Writes nothing, and locks nothing."""

    def sync_lease(self) -> AbstractContextManager[None]:
        """The right to bring the contacts up to date.

        Raises:
            SyncBusy: Another process holds it.
        """

    def run_lease(self, account: str, *, patiently: bool = True) -> AbstractContextManager[None]:
        """The right to run for an account, held for the whole run.

        Args:
            patiently: Wait for a backfill's batch to end, and for who only looks whether it is held.

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


class Team(Protocol):
    """Processes at one mailbox: this one and others that archive as it does."""

    @property
    def size(self) -> int:
        """How many, this one included."""

    def archive(
        self, portions: Sequence[Sequence[int]], window: Window | None
    ) -> Iterator[tuple[int, Tally | None]]:
        """Have portions of UIDs archived side by side.

        Args:
            window: As in `OpenedMailbox.archive_portion`.

        Returns:
            The number of each portion, as they come to their end, and what became of it; None where the
            caller is to archive it before it asks for the next.
        """


class Workers(Protocol):
    """Other processes that archive as this one does."""

    def at(self, epoch: Epoch) -> AbstractContextManager[Team]:
        """Put them to work at a mailbox; they have ended when the block has."""


class Glance(Protocol):
    """What a poll needs to know of the ledger as long as nothing is new: it costs far less than the store.

    Attributes:
        unmatched: Something of the CRM's side has not been looked up in the archive yet.
        links_opportunities: Opportunities are linked by rule, as far as the database knows.
    """

    unmatched: bool
    links_opportunities: bool

    def epoch_at_rest(self, key: MailboxKey, *, disposes: bool) -> Epoch | None:
        """The current epoch of a mailbox in which, and in those before, nothing waits to be done.

        Args:
            disposes: Whether messages that are safe in the archive have to be disposed of.

        Returns:
            None also where only the store can tell.
        """

    def is_unused(self, epoch: Epoch) -> bool:
        """Whether no UID of an epoch that is at rest is in the ledger."""

    def note_polled(self, epoch: Epoch, status: MailboxStatus, now: datetime) -> bool:
        """As `Ledger.polled`; False when the database fails, which the store can explain."""


class Blobs(Protocol):
    """Bytes by their SHA-256. Every method raises `StorageError`."""

    def put(self, blobs: Iterable[Blob]) -> None:
        """Store them; on return they survive a power cut."""

    def pieces(self, sha256: str) -> Iterator[bytes]:
        """A blob's bytes, a few MiB at a time at most; not compared with the hash."""

    def stored(self) -> Iterator[StoredBlob]:
        """All that is stored, ascending by hash."""

    def remove(self, sha256s: Iterable[str]) -> None:
        """Remove blobs; those that are gone already are no error."""

    def remove_leftovers(self, older_than: datetime) -> int:
        """Remove what writers that were killed have left half-written; returns how many files."""
