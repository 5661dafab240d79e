"""Blobs that were lost, got back: originals from the servers, attachment files from the originals."""

from collections.abc import Collection, Iterator, Sequence

from mail_archiver.archiving.fetching import LARGE_OCTETS
from mail_archiver.archiving.ports import MailSource
from mail_archiver.archiving.work import AccountPlan, Parts
from mail_archiver.domain.draft import Blob
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.errors import MessageRefused, StorageError
from mail_archiver.octets import Spool, sha256_of


def restore(parts: Parts, plans: Sequence[AccountPlan], lost: Sequence[str]) -> set[str]:
    """Store again what can be had of these blobs; each only as what its hash says.

    Returns:
        The hashes of those that are there again.

    Raises:
        SourceError, StoreError, StorageError: A server, the database or the storage fails.
    """
    restored: set[str] = set()
    for plan in plans if lost else ():
        with plan.log_in() as source:
            for mailbox in plan.mailboxes:
                for blob in _originals(parts, plan, source, mailbox, set(lost) - restored):
                    parts.blobs.put([blob])
                    restored.add(blob.sha256)
    for sha256 in lost:
        if sha256 not in restored and (file := _attachment_file(parts, plans[0], sha256)):
            parts.blobs.put([file])
            restored.add(sha256)
    return restored


def _originals(
    parts: Parts, plan: AccountPlan, source: MailSource, mailbox: str, wanted: Collection[str]
) -> Iterator[Blob]:
    """Those of the wanted originals that a mailbox still holds."""
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
            blob = Blob(sha256_of(messages[uid].source), messages[uid].source)
            if blob.sha256 in wanted:
                yield blob


def _attachment_file(parts: Parts, plan: AccountPlan, sha256: str) -> Blob | None:
    """An attachment file made anew, if it comes out the same."""
    with parts.store.reading() as uow:
        originals = uow.blob_names.originals_of_attachments(sha256)
    for original in originals:
        try:
            source = Spool().keep(parts.blobs.pieces(original))
        except StorageError:
            continue
        draft = plan.drafter.draft(FetchedMessage(0, source, None))
        for blob in draft.blobs:
            if blob.sha256 == sha256:
                return blob
    return None
