"""Blobs that were lost, got back: originals from the servers, attachment files from the originals."""

from collections.abc import Callable, Collection, Iterator, Sequence

from mail_archiver.archiving.fetching import LARGE_OCTETS
from mail_archiver.archiving.ports import MailSource
from mail_archiver.archiving.work import AccountPlan, Parts
from mail_archiver.domain.draft import Blob
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.errors import BlobLost, MailboxUnavailable, MessageRefused, SourceError
from mail_archiver.octets import Spool, sha256_of


def restore(
    parts: Parts, plans: Sequence[AccountPlan], lost: Sequence[str], failed: Callable[[SourceError], None]
) -> set[str]:
    """Store again what can be had of these blobs; each only as what its hash says.

    Args:
        failed: Told what keeps an account, or one of its mailboxes, from being asked.

    Returns:
        The hashes of those that are there again.

    Raises:
        StoreError, StorageError: The database or the storage fails.
    """
    restored: set[str] = set()
    for plan in plans if lost else ():
        try:
            for blob in _originals(parts, plan, set(lost), failed):
                parts.blobs.put([blob])
                restored.add(blob.sha256)
        except SourceError as error:  # another account may have it too
            failed(error)
    for sha256 in lost:
        if sha256 not in restored and (file := _attachment_file(parts, plans[0], sha256)):
            parts.blobs.put([file])
            restored.add(sha256)
    return restored


def _originals(
    parts: Parts, plan: AccountPlan, wanted: Collection[str], failed: Callable[[SourceError], None]
) -> Iterator[Blob]:
    """Those of the wanted originals that an account's mailboxes still hold."""
    with plan.log_in() as source:
        for mailbox in plan.mailboxes:
            try:
                yield from _originals_in(parts, plan, source, mailbox, wanted)
            except MailboxUnavailable as error:
                failed(error)


def _originals_in(
    parts: Parts, plan: AccountPlan, source: MailSource, mailbox: str, wanted: Collection[str]
) -> Iterator[Blob]:
    status = source.examine(mailbox)
    with parts.store.reading() as uow:
        epoch = uow.ledger.find_epoch(plan.key(mailbox), status)
        uids = uow.blob_names.uids_of_originals(epoch, wanted) if epoch else []
    for uid, summary in source.summaries(uids).items():
        try:
            is_large = summary.size_octets >= LARGE_OCTETS
            messages = source.fetch_large(uid, Spool()) if is_large else source.fetch([uid])
        except MessageRefused:
            continue
        if uid in messages:
            original = messages[uid].source
            blob = Blob(sha256_of(original), original, is_original=True)
            if blob.sha256 in wanted:
                yield blob


def _attachment_file(parts: Parts, plan: AccountPlan, sha256: str) -> Blob | None:
    """An attachment file made anew, if it comes out the same."""
    with parts.store.reading() as uow:
        originals = uow.blob_names.originals_of_attachments(sha256)
    for original in originals:
        try:
            source = Spool().keep(parts.blobs.pieces(original))
        except BlobLost:
            continue
        draft = plan.drafter.draft(FetchedMessage(0, source, None))
        for blob in draft.blobs:
            if blob.sha256 == sha256:
                return blob
    return None
