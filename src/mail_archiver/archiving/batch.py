"""One batch of one mailbox: fetched, read, stored, recorded. One bad message costs the others nothing."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from mail_archiver.archiving.fetching import Failure, Fetched
from mail_archiver.archiving.linking import link_archives
from mail_archiver.archiving.patience import Patience
from mail_archiver.archiving.ports import UnitOfWork
from mail_archiver.archiving.work import AccountPlan, Parts, Tally
from mail_archiver.domain.draft import Draft, Recorded, RecordedMeanwhile
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.linking import LinkingRules, together
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.domain.outcome import Outcome
from mail_archiver.errors import MailArchiverError, RowsRefused, StorageError, places
from mail_archiver.octets import Spool


class BatchArchiver:
    """Records batches of one mailbox in one epoch; what is committed is counted in `tally` at once."""

    def __init__(
        self, parts: Parts, plan: AccountPlan, epoch: Epoch, tally: Tally, patience: Patience
    ) -> None:
        self._parts = parts
        self._plan = plan
        self._epoch = epoch
        self._log = parts.log.bind(account=plan.name, mailbox=epoch.key.name, uidvalidity=epoch.uidvalidity)
        self._tally = tally
        self._patience = patience

    def record(self, fetched: Fetched) -> None:
        """Record messages; each ends up in the ledger, whatever it holds.

        Raises:
            StoreError, StorageError: The database or the storage fails; what was not committed is as if it
                had never been tried.
        """
        self._take_originals(fetched)
        try:
            recorded = self._record_together(fetched.drafts, fetched)
        except Exception as error:
            if not _is_about_a_message(error):
                raise
            recorded = self._record_one_by_one(fetched)
        self._patience.moved()
        self._report(recorded, fetched)

    def _take_originals(self, fetched: Fetched) -> None:
        """Of messages that have been tried before and are gone by now, read what was kept of them."""
        if not fetched.vanished:
            return
        with self._parts.store.reading() as uow:
            originals = uow.ledger.originals(self._epoch, [summary.uid for summary in fetched.vanished])
        gone, fetched.vanished = fetched.vanished, []
        for each in gone:
            original = originals.get(each.uid)
            if original is None:
                fetched.vanished.append(each)
                continue
            summary = MessageSummary(each.uid, original.size_octets, original.received_at)
            try:
                source = Spool().keep(self._parts.blobs.pieces(original.source_sha256))
            except StorageError as error:
                fetched.failures.append(Failure(summary, f"its original cannot be read: {error.what}"))
            else:
                message = FetchedMessage(each.uid, source, original.received_at)
                fetched.read(message, summary, self._plan.drafter)

    def _record_together(self, drafts: Sequence[Draft], fetched: Fetched) -> list[Recorded]:
        blobs = fetched.blobs
        storing = (lambda: self._parts.blobs.put(blobs)) if blobs else None
        disposed = not self._plan.disposition.touches(self._epoch.key.name)
        rules, now = self._plan.drafter.rules, self._parts.clock()
        while True:  # each time without what another process has recorded, so not for ever
            with suppress(RecordedMeanwhile), self._parts.store.transaction(storing) as uow:
                recorded = record_drafts(uow, self._epoch, drafts, rules, now, disposed=disposed)
                self._record_rest(uow, fetched)
                break
        return recorded

    def _record_one_by_one(self, fetched: Fetched) -> list[Recorded]:
        """After a batch could not be recorded: find the messages that are to blame."""
        recorded: list[Recorded] = []
        for draft in fetched.drafts:
            try:
                recorded += self._record_together([draft], Fetched(drafts=[draft]))
            except Exception as error:
                if not _is_about_a_message(error):
                    raise
                summary = MessageSummary(draft.uid, draft.message.size_octets, draft.received_at)
                fetched.failures.append(Failure(summary, _reason(error), draft.blobs))
        self._record_together([], Fetched(failures=fetched.failures, vanished=fetched.vanished))
        return recorded

    def _record_rest(self, uow: UnitOfWork, fetched: Fetched) -> None:
        now = self._parts.clock()
        uow.ledger.vanish(self._epoch, [summary.uid for summary in fetched.vanished], now)
        for failure in fetched.failures:
            source, file, *_ = (*(blob.sha256 for blob in failure.blobs), None, None)
            uow.ledger.quarantine(
                self._epoch,
                failure.summary,
                failure.reason,
                now,
                source_sha256=source,
                attachments_sha256=file,
            )

    def _report(self, recorded: Sequence[Recorded], fetched: Fetched) -> None:
        """Count and log what is committed."""
        drafts = {draft.uid: draft for draft in fetched.drafts}
        for each in recorded:
            message = drafts[each.uid].message
            self._log.info(
                f"message.{each.outcome}",
                uid=each.uid,
                archive_id=each.archive_id,
                links=each.links,
                attachments=len(message.attachments),
                defects=len(message.defects),
                size_octets=message.size_octets,
            )
            if each.reuses_message_id:
                self._log.warning("message.id_reused", uid=each.uid, archive_id=each.archive_id)
            if each.outcome is Outcome.ARCHIVED:
                self._tally.archived += 1
            else:
                self._tally.duplicate += 1
            self._tally.links += each.links
        for failure in fetched.failures:
            self._log.warning("message.quarantined", uid=failure.summary.uid, reason=failure.reason)
        for summary in fetched.vanished:
            self._log.info("message.vanished", uid=summary.uid)
        self._tally.quarantined += len(fetched.failures)
        self._tally.vanished += len(fetched.vanished)


def record_drafts(
    uow: UnitOfWork,
    epoch: Epoch,
    drafts: Sequence[Draft],
    rules: LinkingRules,
    now: datetime,
    *,
    disposed: bool,
) -> list[Recorded]:
    """Record messages, link them, and put them into their threads (see `ports.Archives.record`)."""
    recorded = uow.archives.record(epoch, drafts, now, disposed=disposed)
    by_uid, copies = {draft.uid: draft for draft in drafts}, defaultdict(list)
    for each in recorded:
        copies[each.archive_id].append(by_uid[each.uid].mentions)
    links = link_archives(uow, rules, {each: together(copies[each]) for each in copies}, now)
    uow.archives.thread([(by_uid[each.uid], each) for each in recorded])
    # Of two copies in one batch, the first made the links.
    return [replace(each, links=links.pop(each.archive_id, 0)) for each in recorded]


def _is_about_a_message(error: Exception) -> bool:
    """Whether a message is to blame: the database refuses its rows, or it meets a bug of ours."""
    return isinstance(error, RowsRefused) or not isinstance(error, MailArchiverError)


def _reason(error: Exception) -> str:
    if isinstance(error, RowsRefused):
        return f"the database refuses it: {error.what}"
    return f"cannot be recorded: {type(error).__name__} at {places(error)[-1]}"
