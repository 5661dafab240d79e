"""Whether anything is missing: each mailbox beside its ledger, each blob beside its hash."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256 as new_hash

from mail_archiver.archiving.ports import MailSource
from mail_archiver.archiving.restoring import restore
from mail_archiver.archiving.work import AccountPlan, Parts
from mail_archiver.domain.fetch_plan import chunks
from mail_archiver.domain.stored_blob import ORPHAN_AGE, StoredBlob, side_by_side
from mail_archiver.errors import BlobLost, MailboxUnavailable, SourceError
from mail_archiver.octets import Spool

A_LOOKUP = 10_000
"""UIDs that are looked up at a time."""

A_REMOVAL = 1_000
"""Orphans that are removed at a time: every run waits meanwhile."""

SUSPICIOUS_ORPHANS = 100


@dataclass(frozen=True, slots=True)
class MailboxAudit:
    """One mailbox.

    Attributes:
        on_server: UIDs that the server lists.
        missing: Those of them that the ledger lacks, ascending.
    """

    account: str
    mailbox: str
    uidvalidity: int
    on_server: int
    missing: tuple[int, ...]


@dataclass(slots=True)
class BlobAudit:
    """The storage.

    Attributes:
        named: Blobs that a row names; all of them were read.
        missing, damaged: Hashes of named blobs that are not there, or are not what their hash says.
        orphans: Hashes that no row has named for a day or more.
    """

    named: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def is_suspicious(self) -> bool:
        """There are so many orphans that this may be another database's storage."""
        return len(self.orphans) > max(self.named, SUSPICIOUS_ORPHANS)

    @property
    def lost(self) -> list[str]:
        """What cannot be read any more."""
        return [*self.missing, *self.damaged]


def audit_account(
    parts: Parts, plan: AccountPlan, failed: Callable[[SourceError], None]
) -> Iterator[MailboxAudit]:
    """Compare an account's mailboxes with their ledger; nothing is written.

    Args:
        failed: Told what keeps the account, or one of its mailboxes, from being looked at.

    Raises:
        StoreError: The database cannot be read.
    """
    try:
        with plan.log_in() as source:
            for mailbox in plan.mailboxes:
                try:
                    yield _audit_mailbox(parts, plan, source, mailbox)
                except MailboxUnavailable as error:  # the account's other mailboxes are there all the same
                    failed(error)
    except SourceError as error:
        failed(error)


def _audit_mailbox(parts: Parts, plan: AccountPlan, source: MailSource, mailbox: str) -> MailboxAudit:
    status = source.examine(mailbox)
    uids = source.uids_after(0, status)
    with parts.store.reading() as uow:
        epoch = uow.ledger.find_epoch(plan.key(mailbox), status)
        missing: list[int] = []
        for some in chunks(uids, A_LOOKUP):
            known = uow.ledger.known(epoch, some) if epoch else set()
            missing += [uid for uid in some if uid not in known]
    return MailboxAudit(plan.name, mailbox, status.uidvalidity, len(uids), tuple(missing))


def audit_blobs(parts: Parts) -> BlobAudit:
    """Read every blob that a row names, and find those that none does; nothing is written.

    Raises:
        StoreError, StorageError: The database or the storage cannot be read.
    """
    found, oldest_orphan = BlobAudit(), parts.clock() - ORPHAN_AGE
    names = _Names(parts)
    for sha256, is_named, stored in side_by_side(iter(names), parts.blobs.stored()):
        if not is_named:
            if stored is not None and stored.stored_at < oldest_orphan:
                found.orphans.append(sha256)
            continue
        found.named += 1
        if stored is None:
            found.missing.append(sha256)
        elif not _is_whole(parts, stored):
            found.damaged.append(sha256)
        parts.progress(found.named, len(names))
    return found


def restore_blobs(
    parts: Parts, plans: Sequence[AccountPlan], found: BlobAudit, failed: Callable[[SourceError], None]
) -> int:
    """Get back what was lost, from the servers and from the originals.

    Args:
        found: What is restored is taken out of it.
        failed: Told what keeps an account, or one of its mailboxes, from being asked.

    Returns:
        How many blobs are there again.

    Raises:
        StoreError, StorageError: The database or the storage fails.
    """
    restored = restore(parts, plans, found.lost, failed)
    found.missing = [sha256 for sha256 in found.missing if sha256 not in restored]
    found.damaged = [sha256 for sha256 in found.damaged if sha256 not in restored]
    return len(restored)


def remove_orphans(parts: Parts, found: BlobAudit) -> int:
    """Remove blobs that nobody names, and what writers that were killed have left; returns how many.

    One that a live run is about to name stays: whoever stores a blob keeps clean-ups away until it is named.

    Args:
        found: What is removed, or named by now, is taken out of it.

    Raises:
        StoreError, StorageError: The database or the storage fails.
    """
    removed = 0
    while found.orphans:
        some = found.orphans[:A_REMOVAL]
        with parts.store.blobs_alone(), parts.store.reading() as uow:
            orphans = uow.blob_names.missing(some)
            parts.blobs.remove(orphans)
        removed += len(orphans)
        del found.orphans[:A_REMOVAL]
    return removed + parts.blobs.remove_leftovers(parts.clock() - ORPHAN_AGE)


class _Names:
    """The hashes that the rows name, ascending, in a temporary file.

    So that they need no memory, and no transaction stays open for as long as it takes to read the blobs:
    administrators end those, and they keep a database from cleaning up.
    """

    def __init__(self, parts: Parts) -> None:
        self._spool, self._number = Spool(), 0
        with parts.store.reading() as uow:
            self._spool.keep(self._lines(uow.blob_names.all()))

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[str]:
        self._spool.file.seek(0)
        for line in self._spool.file:
            yield line.decode().removesuffix("\n")

    def _lines(self, names: Iterator[str]) -> Iterator[bytes]:
        for name in names:
            self._number += 1
            yield f"{name}\n".encode()


def _is_whole(parts: Parts, stored: StoredBlob) -> bool:
    digest = new_hash()
    try:
        for piece in parts.blobs.pieces(stored.sha256):
            digest.update(piece)
    except BlobLost:
        return False
    return digest.hexdigest() == stored.sha256
