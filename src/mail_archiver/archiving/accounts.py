"""All accounts, one after the other: what goes wrong with one does not keep the next from its turn."""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from mail_archiver.archiving.mailbox import MailboxWork
from mail_archiver.archiving.work import AccountPlan, Parts, Tally
from mail_archiver.domain.fetch_plan import Window
from mail_archiver.errors import AccountBusy, MailArchiverError, MailboxUnavailable, places


@dataclass(slots=True)
class Report:
    """How a command went.

    Attributes:
        failures: What stopped an account, or one of its mailboxes: ours, or a bug.
    """

    tally: Tally = field(default_factory=Tally)
    failures: list[Exception] = field(default_factory=list)


def run(parts: Parts, plans: Iterable[AccountPlan]) -> Report:
    """Archive the new messages of accounts."""
    return _each_account("run", parts, plans, parts.store.run_lease, MailboxWork.run)


def backfill(parts: Parts, plans: Iterable[AccountPlan], window: Window) -> Report:
    """Archive the messages of accounts that were received in a window, whatever was archived before."""

    def work(mailbox: MailboxWork) -> None:
        mailbox.backfill(window)

    return _each_account("backfill", parts, plans, parts.store.backfill_lease, work)


def _each_account(
    command: str,
    parts: Parts,
    plans: Iterable[AccountPlan],
    lease: Callable[[str], AbstractContextManager[None]],
    work: Callable[[MailboxWork], None],
) -> Report:
    report, started = Report(), time.monotonic()
    parts.log.info(f"{command}.started")
    for plan in plans:
        try:
            with lease(plan.name):
                _each_mailbox(parts, plan, work, report)
        except AccountBusy as error:
            parts.log.warning(f"{command}.skipped", account=plan.name, reason=error.what)
            report.failures.append(error)
        except Exception as error:  # noqa: BLE001 one of the two isolation points: one account
            _log_failure(parts, plan, error)
            report.failures.append(error)
    duration_s = round(time.monotonic() - started, 3)
    parts.log.info(
        f"{command}.finished", **report.tally.counts(), failures=len(report.failures), duration_s=duration_s
    )
    return report


def _each_mailbox(
    parts: Parts, plan: AccountPlan, work: Callable[[MailboxWork], None], report: Report
) -> None:
    with plan.log_in() as source:
        for name in plan.mailboxes:
            mailbox = MailboxWork(parts, plan, source, name)
            try:
                work(mailbox)
            except MailboxUnavailable as error:  # the account's other mailboxes are there all the same
                _log_failure(parts, plan, error)
                report.failures.append(error)
            finally:
                report.tally.add(mailbox.tally)


def _log_failure(parts: Parts, plan: AccountPlan, error: Exception) -> None:
    if isinstance(error, MailArchiverError):
        parts.log.error(
            "account.failed", account=plan.name, what=error.what, where=error.where, hint=error.hint
        )
    else:
        parts.log.error("account.crashed", account=plan.name, error=type(error).__name__, at=places(error))
