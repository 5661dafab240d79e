"""All accounts, one after the other: what goes wrong with one does not keep the next from its turn."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mail_archiver.archiving.mailbox import MailboxWork
from mail_archiver.archiving.patience import Patience
from mail_archiver.archiving.work import AccountPlan, Parts, Tally
from mail_archiver.errors import (
    AccountBusy,
    DatabaseUnavailable,
    MailArchiverError,
    MailboxUnavailable,
    ServerBusy,
    ServerUnavailable,
    StoreError,
    places,
)

if TYPE_CHECKING:
    from mail_archiver.archiving.ports import MailSource
    from mail_archiver.domain.fetch_plan import Window

Lease = Callable[[str, bool], AbstractContextManager[None]]
"""Of an account, by its name; whether to wait for it."""

Work = Callable[[MailboxWork, "MailSource"], None]


@dataclass(slots=True)
class Report:
    """How a command went.

    Attributes:
        failures: What stopped an account, or one of its mailboxes: ours, or a bug.
    """

    tally: Tally = field(default_factory=Tally)
    failures: list[Exception] = field(default_factory=list)


def run(parts: Parts, plans: Sequence[AccountPlan]) -> Report:
    """Archive the new messages of accounts, and link what is there to contacts that came later."""

    def link(report: Report) -> None:
        glance = parts.glance
        for rules in {plan.drafter.rules for plan in plans}:
            if glance and not glance.unmatched and glance.links_opportunities == rules.opportunities:
                continue
            from mail_archiver.archiving.later import link_later

            report.tally.links += link_later(parts, rules)

    return _each_account("run", parts, plans, _run_lease(parts), MailboxWork.run, link)


def backfill(parts: Parts, plans: Iterable[AccountPlan], window: Window) -> Report:
    """Archive the messages of accounts that were received in a window, whatever was archived before."""

    def work(mailbox: MailboxWork, source: MailSource) -> None:
        mailbox.backfill(source, window)

    def lease(account: str, _patiently: bool) -> AbstractContextManager[None]:
        return parts.store.backfill_lease(account)

    return _each_account("backfill", parts, plans, lease, work)


def retry(parts: Parts, plans: Iterable[AccountPlan], uids: Sequence[int] = ()) -> Report:
    """Try quarantined messages of accounts again, whether their time has come or not.

    Args:
        uids: Only these; empty for all of them.
    """

    def work(mailbox: MailboxWork, source: MailSource) -> None:
        mailbox.retry(source, uids)

    return _each_account("retry", parts, plans, _run_lease(parts), work)


def complete(parts: Parts, plans: Iterable[AccountPlan]) -> Report:
    """Archive whatever the servers list and the ledger lacks."""
    return _each_account("audit", parts, plans, _run_lease(parts), MailboxWork.complete)


def _run_lease(parts: Parts) -> Lease:
    def lease(account: str, patiently: bool) -> AbstractContextManager[None]:
        return parts.store.run_lease(
            account, patiently=patiently
        )  # which a poll that finds nothing does not need

    return lease


def _each_account(
    command: str,
    parts: Parts,
    plans: Iterable[AccountPlan],
    lease: Lease,
    work: Work,
    afterwards: Callable[[Report], None] | None = None,
) -> Report:
    report, started = Report(), time.monotonic()
    parts.log.info(f"{command}.started")
    accounts = [_AccountWork(parts, plan, report) for plan in plans]
    waiting = deque(accounts)
    while waiting:
        account = waiting.popleft()
        try:
            account.attempt(lease, work)
        except AccountBusy as error:
            if account.is_to_be_asked_for_again():
                waiting.append(account)
                continue
            parts.log.warning(f"{command}.skipped", account=account.name, reason=error.what)
            report.failures.append(error)
        except (ServerUnavailable, DatabaseUnavailable) as error:
            if account.is_to_be_tried_again(error):
                waiting.append(account)  # the others come first
            else:
                account.fail(error)
        except Exception as error:  # noqa: BLE001 one of the two isolation points: one account
            account.fail(error)
    for account in accounts:
        account.count_in(report.tally)
    database_failed = any(isinstance(error, StoreError) for error in report.failures)
    try:
        if afterwards and not database_failed:  # told already
            afterwards(report)
    except MailArchiverError as error:
        parts.log.error(f"{command}.failed", what=error.what, where=error.where, hint=error.hint)
        report.failures.append(error)
    duration_s = round(time.monotonic() - started, 3)
    parts.log.info(
        f"{command}.finished", **report.tally.counts(), failures=len(report.failures), duration_s=duration_s
    )
    return report


class _AccountWork:
    """One account's part of a command, from attempt to attempt."""

    def __init__(self, parts: Parts, plan: AccountPlan, report: Report) -> None:
        self._parts = parts
        self._plan = plan
        self._report = report
        self._patience = Patience(parts.patience_s)
        self._mailboxes = [MailboxWork(parts, plan, name, self._patience) for name in plan.mailboxes]
        self._left = deque(self._mailboxes)
        self._not_before_s = 0.0
        self._was_busy = False

    @property
    def name(self) -> str:
        return self._plan.name

    def attempt(self, lease: Lease, work: Work) -> None:
        """Work on the mailboxes that are left. Each attempt takes the lease and logs in anew.

        That is what makes it resume exactly: all it knows of the attempt before is what the ledger knows.
        The lease comes first, since servers count connections; but for a poll that will need none.
        """
        time.sleep(max(0.0, self._not_before_s - time.monotonic()))
        if not all(each.may_be_at_rest for each in self._left):
            with lease(self.name, self._was_busy), self._plan.log_in() as source:
                self._work_on_mailboxes(source, work)
            return
        with self._plan.log_in() as source:
            self._left = deque(each for each in self._left if not each.is_at_rest(source))
            if self._left:
                with lease(self.name, self._was_busy):
                    self._work_on_mailboxes(source, work)

    def _work_on_mailboxes(self, source: MailSource, work: Work) -> None:
        while self._left:
            try:
                work(self._left[0], source)
            except MailboxUnavailable as error:  # the account's other mailboxes are there all the same
                self.fail(error)
            self._left.popleft()

    def is_to_be_asked_for_again(self) -> bool:
        """Whether an account that is busy was so for the first time: the others come first then.

        Runs that begin together, on several machines, would else follow each other from account to account,
        and all but the first would find each of them done.
        """
        self._was_busy, was_busy = True, self._was_busy
        return not was_busy

    def is_to_be_tried_again(self, error: ServerUnavailable | DatabaseUnavailable) -> bool:
        """Whether it may be over in a moment; the log tells."""
        asked_s = error.pause_s if isinstance(error, ServerBusy) else 0.0
        pause_s = self._patience.pause_s(asked_s)
        if pause_s is None:
            return False
        self._not_before_s = time.monotonic() + pause_s
        self._parts.log.warning(
            "account.interrupted", account=self.name, what=error.what, where=error.where, pause_s=pause_s
        )
        return True

    def count_in(self, tally: Tally) -> None:
        """Add what became of its messages."""
        for mailbox in self._mailboxes:
            tally.add(mailbox.tally)

    def fail(self, error: Exception) -> None:
        """Tell what stopped it, and go on with what is next."""
        self._report.failures.append(error)
        log = self._parts.log
        if isinstance(error, MailArchiverError):
            log.error(
                "account.failed", account=self.name, what=error.what, where=error.where, hint=error.hint
            )
        else:
            log.error("account.crashed", account=self.name, error=type(error).__name__, at=places(error))
