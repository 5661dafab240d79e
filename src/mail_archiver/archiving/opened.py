"""A mailbox that is open: its messages brought into the archive over one connection."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from mail_archiver.archiving.batch import BatchArchiver
from mail_archiver.archiving.fetching import Fetched, Fetcher
from mail_archiver.archiving.interruptions import Interruptions
from mail_archiver.archiving.patience import Patience
from mail_archiver.archiving.ports import MailSource, Team
from mail_archiver.archiving.recognition import record_known
from mail_archiver.archiving.work import AccountPlan, Parts, Tally
from mail_archiver.domain.fetch_plan import MessageSummary, Window, chunks, plan_batches
from mail_archiver.domain.mailbox_state import Epoch, MailboxStatus
from mail_archiver.domain.start import RULE_PREFIX

PORTION = 200
"""UIDs that are looked up, sized and archived at a time; between two portions a backfill gives way."""

SHARED_FROM = 1_000
"""So many messages are shared with workers: by fewer, what it takes to start them is not earned."""

PORTIONS_A_TURN = 4
"""Of each worker in a backfill, which gives way when they have ended."""

UIDS_A_LOOKUP = 10_000

Selection = Callable[[Sequence[MessageSummary]], Sequence[MessageSummary]]
Turn = Callable[[], AbstractContextManager[None]]


class OpenedMailbox:
    """One mailbox in one epoch, as one connection sees it; `open` makes one."""

    def __init__(
        self,
        parts: Parts,
        plan: AccountPlan,
        source: MailSource,
        status: MailboxStatus,
        epoch: Epoch,
        tally: Tally,
        patience: Patience,
        interruptions: Interruptions,
    ) -> None:
        self.status = status
        self.epoch = epoch
        self.interruptions = interruptions
        self._parts = parts
        self._plan = plan
        self._source = source
        self._tally = tally
        self._patience = patience
        self._log = parts.log.bind(account=plan.name, mailbox=epoch.key.name)
        self._fetcher = Fetcher(source, plan.drafter, interruptions, patience)
        first = None
        if plan.start.only_new:
            with parts.store.reading() as uow:
                first = uow.ledger.first_polled(epoch.key)
        self.starts_now = plan.start.only_new and first is None
        """Whether what the mailbox holds is to be left out: the account starts with new mail."""
        self._start = plan.start.in_epoch(epoch.id, first)

    @classmethod
    def open(
        cls,
        parts: Parts,
        plan: AccountPlan,
        source: MailSource,
        mailbox: str,
        tally: Tally,
        patience: Patience,
        interruptions: Interruptions,
    ) -> "OpenedMailbox":
        """Open a mailbox for reading, in its current epoch or the next.

        Args:
            interruptions: Of the attempt before; forgotten where they are of another epoch.

        Raises:
            SourceError, StoreError: It cannot be opened.
        """
        status, key = source.examine(mailbox), plan.key(mailbox)
        log = parts.log.bind(account=plan.name, mailbox=mailbox, uidvalidity=status.uidvalidity)
        with parts.store.transaction() as uow:
            epoch = uow.ledger.find_epoch(key, status)
            begun = epoch is None
            epoch = epoch or uow.ledger.begin_epoch(key, status, parts.clock())
        if begun:
            log.info("mailbox.epoch_started")
        log.info("mailbox.selected", uidnext=status.uidnext, exists=status.exists)
        if interruptions.epoch_id != epoch.id:
            interruptions = Interruptions(epoch.id)
        interruptions.connected()
        patience.begun()
        return cls(parts, plan, source, status, epoch, tally, patience, interruptions)

    def archive_new(self, uids: Sequence[int]) -> None:
        """Archive messages, ascending, and move the watermark behind them, as far as was seen.

        Not to UIDNEXT: a server may count a message before it shows it.
        """

        def done(portion: Sequence[int]) -> None:
            with self._parts.store.transaction() as uow:
                uow.ledger.advance(self.epoch, portion[-1])
            self._patience.moved()

        self._archive_portions(uids, None, done)

    def archive_window(self, uids: Sequence[int], window: Window, turn: Turn) -> None:
        """Archive what of `uids` was received in a window, also what `run` left out at its start."""
        looked_at = 0

        def done(portion: Sequence[int]) -> None:
            nonlocal looked_at
            looked_at += len(portion)
            self._parts.progress(looked_at, len(uids))

        self._archive_portions(uids, window, done, turn)

    def archive_portion(self, uids: Sequence[int], window: Window | None) -> None:
        """Archive what of `uids` is not known yet.

        Args:
            window: Only what was received in it, also what `run` left out at its start; None for what the
                account's start does not leave out.
        """

        def inside(found: Sequence[MessageSummary]) -> Sequence[MessageSummary]:
            return [summary for summary in found if window is None or summary.received_at in window]

        if window is None:
            self._archive(self.unknown(uids), self._since_start)
        else:
            self._archive(self.unknown(uids, also_filtered_by=RULE_PREFIX), inside)

    def archive_again(self, uids: Sequence[int]) -> None:
        """Archive messages that are in quarantine."""
        for portion in chunks(uids, PORTION):
            self._archive(portion, None)

    def archive_originals(self, messages: Sequence[tuple[Epoch, int]]) -> None:
        """Archive quarantined messages of epochs that have ended, from what was kept of them."""
        for epoch, uid in messages:
            self._archiver(epoch).record(Fetched(vanished=[MessageSummary(uid, 0, None)]))

    def leave_out(self, uids: Sequence[int]) -> None:
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
                added += uow.ledger.filter(self.epoch, messages, self._start.rule, self._parts.clock())
            uow.ledger.advance(self.epoch, uids[-1])
        self._count_filtered(added)

    def dispose(self) -> None:
        """Do on the server what the account asks for, to all that is safe; what was cut short, again."""
        disposition = self._plan.disposition
        if not disposition.touches(self.epoch.key.name):
            return
        while True:
            with self._parts.store.reading() as uow:
                uids = uow.ledger.undisposed(self.epoch, PORTION)
            if not uids:
                return
            self._source.dispose(self.epoch.key.name, self.epoch.uidvalidity, uids, disposition)
            with self._parts.store.transaction() as uow:
                uow.ledger.dispose(self.epoch, uids, self._parts.clock())
            self._patience.moved()
            self._log.info("messages.disposed", messages=len(uids), disposition=disposition.action)

    def unknown(self, uids: Sequence[int], *, also_filtered_by: str | None = None) -> list[int]:
        """Those of `uids` that are not in the ledger (see `Ledger.known`)."""
        found: list[int] = []
        with self._parts.store.reading() as uow:
            for some in chunks(uids, UIDS_A_LOOKUP):
                known = uow.ledger.known(self.epoch, some, also_filtered_by=also_filtered_by)
                found += [uid for uid in some if uid not in known]
        return found

    def _archive_portions(
        self,
        uids: Sequence[int],
        window: Window | None,
        done: Callable[[Sequence[int]], None],
        turn: Turn | None = None,
    ) -> None:
        """Archive many messages, portion by portion, or several at a time where it pays; `done` in order.

        Args:
            turn: Takes the account for a few portions; None where it is ours already.
        """
        portions = list(chunks(uids, PORTION))
        if self._parts.open_workers is None or len(uids) < SHARED_FROM:
            for portion in portions:
                with turn() if turn else nullcontext():
                    self.archive_portion(portion, window)
                done(portion)
            return
        with self._parts.open_workers().at(self.epoch) as team:
            for some in chunks(portions, PORTIONS_A_TURN * team.size if turn else len(portions)):
                with turn() if turn else nullcontext():
                    self._share(team, some, window, done)

    def _share(
        self,
        team: Team,
        portions: Sequence[Sequence[int]],
        window: Window | None,
        done: Callable[[Sequence[int]], None],
    ) -> None:
        ended: set[int] = set()
        first = 0
        for number, tally in team.archive(portions, window):
            if tally is None:
                self.archive_portion(portions[number], window)
            else:
                self._tally.add(tally)
            ended.add(number)
            while first in ended:
                done(portions[first])
                first += 1

    def _archive(self, uids: Sequence[int], select: Selection | None) -> None:
        """Archive those that are selected and not known from elsewhere; None: all of them, known or not."""
        archiver = self._archiver(self.epoch)
        for some in self.interruptions.in_order(uids):
            absent = Fetched()
            summaries: Sequence[MessageSummary] = self._fetcher.summaries(some, absent)
            if absent.failures or absent.vanished:
                archiver.record(absent)
            if select is not None:
                summaries = record_known(
                    self._parts, self._plan, self._source, self.epoch, select(summaries), self._tally
                )
            for batch in plan_batches(summaries, alone=self.interruptions.suspects):
                archiver.record(self._fetcher.fetch(batch))

    def _since_start(self, found: Sequence[MessageSummary]) -> Sequence[MessageSummary]:
        """Leave out what the account's start leaves out, and record it."""
        left_out = [summary for summary in found if self._start.leaves_out(summary.received_at)]
        if left_out:
            with self._parts.store.transaction() as uow:
                added = uow.ledger.filter(self.epoch, left_out, self._start.rule, self._parts.clock())
            self._count_filtered(added)
        return [summary for summary in found if not self._start.leaves_out(summary.received_at)]

    def _count_filtered(self, messages: int) -> None:
        self._tally.filtered += messages
        self._log.info("messages.filtered", messages=messages, rule=self._start.rule)

    def _archiver(self, epoch: Epoch) -> BatchArchiver:
        return BatchArchiver(self._parts, self._plan, epoch, self._tally, self._patience)
