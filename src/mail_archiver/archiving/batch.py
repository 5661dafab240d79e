"""One batch of one mailbox: fetched, read, stored, recorded. One bad message costs the others nothing."""

from collections.abc import Sequence

from mail_archiver.archiving.fetching import Failure, Fetched, account_for_missing, fetch_drafts
from mail_archiver.archiving.ports import MailSource, UnitOfWork
from mail_archiver.archiving.work import AccountPlan, Parts, Tally
from mail_archiver.domain.draft import Draft, Recorded
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.domain.outcome import Outcome
from mail_archiver.errors import RowsRefused


class BatchArchiver:
    """Archives batches of one mailbox in one epoch; what is committed is counted in `tally` at once."""

    def __init__(
        self, parts: Parts, plan: AccountPlan, source: MailSource, epoch: Epoch, tally: Tally
    ) -> None:
        self._parts = parts
        self._plan = plan
        self._source = source
        self._epoch = epoch
        self._log = parts.log.bind(account=plan.name, mailbox=epoch.key.name, uidvalidity=epoch.uidvalidity)
        self._tally = tally

    def archive(self, batch: Sequence[MessageSummary]) -> None:
        """Archive messages; each ends up in the ledger, whatever it holds.

        Raises:
            SourceError, StoreError, StorageError: The server, the database or the storage fails; what was
                not committed is as if it had never been tried.
        """
        fetched = fetch_drafts(self._source, batch, self._plan.drafter)
        self._parts.blobs.put(fetched.blobs)  # before the commit: no row names a blob that is not there
        try:
            with self._parts.store.transaction() as uow:
                recorded = self._record(uow, fetched.drafts)
                self._record_rest(uow, fetched)
        except RowsRefused:
            recorded = self._record_one_by_one(fetched)
        self._report(recorded, fetched)

    def missing(self, summaries: Sequence[MessageSummary]) -> None:
        """Record messages that the server listed and then gave no answer about."""
        fetched = Fetched()
        account_for_missing(self._source, summaries, fetched)
        with self._parts.store.transaction() as uow:
            self._record_rest(uow, fetched)
        self._report([], fetched)

    def _record(self, uow: UnitOfWork, drafts: Sequence[Draft]) -> list[Recorded]:
        if not drafts:
            return []
        contacts = uow.contacts.with_addresses({address for draft in drafts for address in draft.linkable})
        disposed = not self._plan.disposition.touches(self._epoch.key.name)
        return uow.archives.record(self._epoch, drafts, contacts, self._parts.clock(), disposed=disposed)

    def _record_rest(self, uow: UnitOfWork, fetched: Fetched) -> None:
        now = self._parts.clock()
        uow.ledger.vanish(self._epoch, fetched.vanished, now)
        for failure in fetched.failures:
            sha256 = failure.original.sha256 if failure.original else None
            uow.ledger.quarantine(self._epoch, failure.summary, failure.reason, now, source_sha256=sha256)

    def _record_one_by_one(self, fetched: Fetched) -> list[Recorded]:
        """After the database refused the batch: find the messages that are to blame."""
        recorded: list[Recorded] = []
        for draft in fetched.drafts:
            try:
                with self._parts.store.transaction() as uow:
                    recorded += self._record(uow, [draft])
            except RowsRefused as error:
                summary = MessageSummary(draft.uid, draft.message.size_octets, draft.received_at)
                # The original is stored already, with the rest of the batch.
                fetched.failures.append(
                    Failure(summary, f"the database refuses it: {error.what}", draft.blobs[0])
                )
        with self._parts.store.transaction() as uow:
            self._record_rest(uow, fetched)
        return recorded

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
        for uid in fetched.vanished:
            self._log.info("message.vanished", uid=uid)
        self._tally.quarantined += len(fetched.failures)
        self._tally.vanished += len(fetched.vanished)
