"""Whether anything is missing: each mailbox beside its ledger, each blob beside its hash."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256 as new_hash

from mail_archiver.archiving.ports import MailSource
from mail_archiver.archiving.restoring import restore
from mail_archiver.archiving.work import AccountPlan, Parts
from mail_archiver.domain.fetch_plan import chunks
from mail_archiver.domain.stored_blob import ORPHAN_AGE, StoredBlob, side_by_side
from mail_archiver.errors import StorageError

A_LOOKUP = 10_000
"""UIDs, or hashes, that are looked up at a time."""

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


def audit_account(parts: Parts, plan: AccountPlan) -> Iterator[MailboxAudit]:
    """Compare an account's mailboxes with their ledger; nothing is written.

    Raises:
        SourceError, StoreError: One of them cannot be looked at.
    """
    with plan.log_in() as source:
        for mailbox in plan.mailboxes:
            yield _audit_mailbox(parts, plan, source, mailbox)


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
    with parts.store.reading() as uow:
        for sha256, is_named, stored in side_by_side(uow.blob_names.all(), parts.blobs.stored()):
            found.named += is_named
            if stored is None:
                found.missing.append(sha256)
            elif not is_named:
                if stored.stored_at < oldest_orphan:
                    found.orphans.append(sha256)
            elif not _is_whole(parts, stored):
                found.damaged.append(sha256)
    return found


def restore_blobs(parts: Parts, plans: Sequence[AccountPlan], found: BlobAudit) -> BlobAudit:
    """Get back what was lost, from the servers and from the originals; returns what is left of it.

    Raises:
        SourceError, StoreError, StorageError: A server, the database or the storage fails.
    """
    restored = restore(parts, plans, found.lost)
    return BlobAudit(
        found.named,
        [sha256 for sha256 in found.missing if sha256 not in restored],
        [sha256 for sha256 in found.damaged if sha256 not in restored],
        found.orphans,
    )


def remove_orphans(parts: Parts, found: BlobAudit) -> int:
    """Remove blobs that nobody names, and what writers that were killed have left; returns how many.

    One that a live run is about to name stays: whoever stores a blob keeps clean-ups away until it is named.

    Raises:
        StoreError, StorageError: The database or the storage fails.
    """
    removed = 0
    for some in chunks(found.orphans, A_LOOKUP):
        with parts.store.blobs_alone(), parts.store.reading() as uow:
            orphans = uow.blob_names.missing(some)
            parts.blobs.remove(orphans)
        removed += len(orphans)
    return removed + parts.blobs.remove_leftovers(parts.clock() - ORPHAN_AGE)


def _is_whole(parts: Parts, stored: StoredBlob) -> bool:
    digest = new_hash()
    try:
        for piece in parts.blobs.pieces(stored.sha256):
            digest.update(piece)
    except StorageError:
        return False
    return digest.hexdigest() == stored.sha256
