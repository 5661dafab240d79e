"""One mailbox: what `run`, `backfill` and `retry` do with it, in as many attempts as it takes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from mail_archiver.archiving.interruptions import Interruptions
from mail_archiver.archiving.work import AccountPlan, Parts, Tally
from mail_archiver.domain.mailbox_state import holds_nothing_new, may_hold_new_messages
from mail_archiver.errors import MailboxUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mail_archiver.archiving.opened import OpenedMailbox
    from mail_archiver.archiving.patience import Patience
    from mail_archiver.archiving.ports import MailSource
    from mail_archiver.domain.fetch_plan import Window
    from mail_archiver.domain.mailbox_state import Epoch


class MailboxWork:
    """Brings one mailbox of one account into the archive."""

    def __init__(self, parts: Parts, plan: AccountPlan, mailbox: str, patience: Patience) -> None:
        self._parts = parts
        self._plan = plan
        self._mailbox = mailbox
        self._patience = patience
        self._interruptions = Interruptions(0)
        self.tally = Tally()

    @property
    def may_be_at_rest(self) -> bool:
        """Whether there is nothing to do, as far as a glance at the ledger tells."""
        return self._epoch_at_rest is not None

    def is_at_rest(self, source: MailSource) -> bool:
        """Whether a glance at the ledger and at the mailbox tells that there is nothing to do.

        Needs no lease: nothing is archived, and what another process does meanwhile only adds to the ledger.

        Raises:
            SourceError: The mailbox cannot be looked at.
        """
        glance, key, epoch = self._parts.glance, self._plan.key(self._mailbox), self._epoch_at_rest
        if glance is None or epoch is None:
            return False
        try:
            status = source.examine(self._mailbox)
        except MailboxUnavailable:  # to be told when it is worked on
            return False
        if not holds_nothing_new(epoch, key, status, unused=glance.is_unused(epoch)):
            return False
        if not glance.note_polled(epoch, status, self._parts.clock()):
            return False
        log = self._parts.log.bind(account=key.account, mailbox=key.name, uidvalidity=status.uidvalidity)
        log.info("mailbox.selected", uidnext=status.uidnext, exists=status.exists)
        return True

    def run(self, source: MailSource) -> None:
        """Archive what the ledger does not have yet, try again what is due, do what is left to be done.

        Raises:
            SourceError, StoreError, StorageError: What was committed stays; the rest comes with the next
                attempt, or the next run.
        """
        opened = self._open(source)
        status, epoch = opened.status, opened.epoch
        now = self._parts.clock()
        with self._parts.store.reading() as uow:
            due = uow.ledger.due(epoch, now)
            due_before = uow.ledger.due_in_ended_epochs(epoch.key, now)
        new: Sequence[int] = []
        if may_hold_new_messages(epoch.last_uid, status):
            new = source.uids_after(epoch.last_uid, status)
        if opened.starts_now:
            opened.leave_out(new)
        else:
            opened.archive_originals(due_before)
            opened.archive_again(due)
            opened.archive_new(new)
        opened.dispose()
        with self._parts.store.transaction() as uow:
            uow.ledger.polled(epoch, status, self._parts.clock())

    def backfill(self, source: MailSource, window: Window) -> None:
        """Archive what the ledger does not have among the messages received in a window.

        Raises:
            SourceError, StoreError, StorageError: As in `run`.
        """

        def turn() -> AbstractContextManager[None]:
            return self._parts.store.backfill_turn(self._plan.name)

        with turn():
            opened = self._open(source)
        opened.archive_window(source.uids_received(window, opened.status), window, turn)
        with turn():
            opened.dispose()

    def retry(self, source: MailSource, uids: Sequence[int]) -> None:
        """Try quarantined messages again at once.

        Args:
            uids: Only these; empty for all.

        Raises:
            SourceError, StoreError, StorageError: As in `run`.
        """
        opened = self._open(source)
        with self._parts.store.reading() as uow:
            quarantined = uow.ledger.due(opened.epoch, None)
            before = uow.ledger.due_in_ended_epochs(opened.epoch.key, None)
        opened.archive_originals([(epoch, uid) for epoch, uid in before if not uids or uid in uids])
        opened.archive_again([uid for uid in quarantined if not uids or uid in uids])
        opened.dispose()

    def complete(self, source: MailSource) -> None:
        """Archive whatever the server lists and the ledger lacks, also below the watermark.

        Raises:
            SourceError, StoreError, StorageError: As in `run`.
        """
        opened = self._open(source)
        missing = opened.unknown(source.uids_after(0, opened.status))
        if opened.starts_now:
            opened.leave_out(missing)
        else:
            opened.archive_new(missing)
        opened.dispose()
        with self._parts.store.transaction() as uow:  # what comes from now on is new mail
            uow.ledger.polled(opened.epoch, opened.status, self._parts.clock())

    @property
    def _epoch_at_rest(self) -> Epoch | None:
        glance, key = self._parts.glance, self._plan.key(self._mailbox)
        disposes = self._plan.disposition.touches(self._mailbox)
        return glance.epoch_at_rest(key, disposes=disposes) if glance else None

    def _open(self, source: MailSource) -> OpenedMailbox:
        from mail_archiver.archiving.opened import OpenedMailbox  # not for a poll that finds nothing new

        opened = OpenedMailbox.open(
            self._parts, self._plan, source, self._mailbox, self.tally, self._patience, self._interruptions
        )
        self._interruptions = opened.interruptions
        return opened
