"""One mailbox: what `run` and `backfill` do with it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from mail_archiver.archiving.batch import BatchArchiver
from mail_archiver.archiving.ports import MailSource
from mail_archiver.archiving.work import AccountPlan, Parts, Tally
from mail_archiver.domain.fetch_plan import MessageSummary, Window, chunks, plan_batches
from mail_archiver.domain.mailbox_state import Epoch, MailboxStatus, may_hold_new_messages
from mail_archiver.domain.start import RULE_PREFIX

PORTION = 200
"""UIDs that are looked up, sized and archived at a time; between two portions a backfill gives way."""

Turn = Callable[[], AbstractContextManager[None]]


class MailboxWork:
    """Brings one mailbox of one account into the archive."""

    def __init__(self, parts: Parts, plan: AccountPlan, source: MailSource, mailbox: str) -> None:
        self._parts = parts
        self._plan = plan
        self._source = source
        self._mailbox = mailbox
        self._log = parts.log.bind(account=plan.name, mailbox=mailbox)
        self.tally = Tally()

    def run(self) -> None:
        """Archive what the ledger does not have yet, try again what is due, do what is left to be done.

        Raises:
            SourceError, StoreError, StorageError: What was committed stays; the rest comes with the next run.
        """
        status, epoch = self._open()
        with self._parts.store.reading() as uow:
            due = uow.ledger.due(epoch, self._parts.clock())
        new: Sequence[int] = []
        if may_hold_new_messages(epoch.last_uid, status):
            new = self._source.uids_after(epoch.last_uid, status)
        if self._starts_now(epoch):
            self._leave_out(epoch, new)
        else:
            self._archive(epoch, due, again=True)
            self._archive(epoch, new, advance=True)
        self._dispose(epoch)
        with self._parts.store.transaction() as uow:
            uow.ledger.polled(epoch, status, self._parts.clock())

    def backfill(self, window: Window) -> None:
        """Archive what the ledger does not have among the messages received in a window.

        Raises:
            SourceError, StoreError, StorageError: As in `run`.
        """

        def turn() -> AbstractContextManager[None]:
            return self._parts.store.backfill_turn(self._plan.name)

        with turn():
            status, epoch = self._open()
        uids = self._source.uids_received(window, status)
        self._archive(epoch, uids, window=window, turn=turn)
        with turn():
            self._dispose(epoch)

    def _open(self) -> tuple[MailboxStatus, Epoch]:
        status = self._source.examine(self._mailbox)
        key = self._plan.key(self._mailbox)
        with self._parts.store.transaction() as uow:
            epoch = uow.ledger.find_epoch(key, status)
            begun = epoch is None
            epoch = epoch or uow.ledger.begin_epoch(key, status, self._parts.clock())
        if begun:
            self._log.info("mailbox.epoch_started", uidvalidity=status.uidvalidity)
        self._log.info(
            "mailbox.selected", uidvalidity=status.uidvalidity, uidnext=status.uidnext, exists=status.exists
        )
        return status, epoch

    def _archive(
        self,
        epoch: Epoch,
        uids: Sequence[int],
        *,
        window: Window | None = None,
        again: bool = False,
        advance: bool = False,
        turn: Turn = nullcontext,
    ) -> None:
        """Archive in portions, ascending.

        Args:
            window: Of a backfill: leave alone what lies outside, take what `run` left out at its start.
            again: The UIDs are in the ledger's quarantine.
            advance: Move the watermark behind each portion.
        """
        archiver = BatchArchiver(self._parts, self._plan, self._source, epoch, self.tally)
        done = 0
        for portion in chunks(uids, PORTION):
            with turn():
                wanted = portion if again else self._unknown(epoch, portion, in_backfill=window is not None)
                for batch in plan_batches(self._select(archiver, epoch, wanted, window)):
                    archiver.archive(batch)
                if advance:
                    # As far as was seen, and not to UIDNEXT: a server may count a message before it shows it.
                    with self._parts.store.transaction() as uow:
                        uow.ledger.advance(epoch, portion[-1])
            done += len(portion)
            self._parts.progress(done, len(uids))

    def _unknown(self, epoch: Epoch, uids: Sequence[int], *, in_backfill: bool) -> list[int]:
        with self._parts.store.reading() as uow:
            known = uow.ledger.known(epoch, uids, also_filtered_by=RULE_PREFIX if in_backfill else None)
        return [uid for uid in uids if uid not in known]

    def _select(
        self, archiver: BatchArchiver, epoch: Epoch, uids: Sequence[int], window: Window | None
    ) -> Iterator[MessageSummary]:
        """The messages to fetch among `uids`; what a rule leaves out, or what is gone, is recorded."""
        if not uids:
            return
        summaries = self._source.summaries(uids)
        absent = [MessageSummary(uid, 0, None) for uid in uids if uid not in summaries]
        if absent:
            archiver.missing(absent)
        found = [summaries[uid] for uid in uids if uid in summaries]
        if window is not None:
            yield from (summary for summary in found if summary.received_at in window)
            return
        left_out = [summary for summary in found if self._plan.start.leaves_out(summary.received_at)]
        if left_out:
            with self._parts.store.transaction() as uow:
                added = uow.ledger.filter(epoch, left_out, self._plan.start.rule, self._parts.clock())
            self._count_filtered(added)
        yield from (summary for summary in found if not self._plan.start.leaves_out(summary.received_at))

    def _starts_now(self, epoch: Epoch) -> bool:
        """Whether what the mailbox holds is to be left out: the account starts with new mail."""
        if not self._plan.start.only_new:
            return False
        with self._parts.store.reading() as uow:
            return not uow.ledger.was_polled(epoch.key)

    def _leave_out(self, epoch: Epoch, uids: Sequence[int]) -> None:
        """Of an account that starts with new mail: record what was there before, in one transaction.

        Also what the server gives no answer about: the watermark moves past all of them.
        """
        if not uids:
            return
        added = 0
        with self._parts.store.transaction() as uow:
            for portion in chunks(uids, PORTION):
                summaries = self._source.summaries(portion)
                messages = [summaries.get(uid, MessageSummary(uid, 0, None)) for uid in portion]
                added += uow.ledger.filter(epoch, messages, self._plan.start.rule, self._parts.clock())
            uow.ledger.advance(epoch, uids[-1])
        self._count_filtered(added)

    def _count_filtered(self, messages: int) -> None:
        self.tally.filtered += messages
        self._log.info("messages.filtered", messages=messages, rule=self._plan.start.rule)

    def _dispose(self, epoch: Epoch) -> None:
        """Do on the server what the account asks for, to all that is safe; what was cut short, again."""
        if not self._plan.disposition.touches(self._mailbox):
            return
        while True:
            with self._parts.store.reading() as uow:
                uids = uow.ledger.undisposed(epoch, PORTION)
            if not uids:
                return
            self._source.dispose(self._mailbox, epoch.uidvalidity, uids, self._plan.disposition)
            with self._parts.store.transaction() as uow:
                uow.ledger.dispose(epoch, uids, self._parts.clock())
            self._log.info("messages.disposed", messages=len(uids), disposition=self._plan.disposition.action)
