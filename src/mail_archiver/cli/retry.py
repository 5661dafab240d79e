"""`mail-archiver retry`"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mail_archiver.cli import exits
from mail_archiver.cli.options import account_option, config_option, json_option, mailbox_option
from mail_archiver.harmless import harmless_line

if TYPE_CHECKING:  # `--help` need not load what runs
    from mail_archiver.archiving.work import AccountPlan
    from mail_archiver.store.quarantine import QuarantinedMessage
    from mail_archiver.store.store import Store


@click.command("retry")
@click.option("--uid", "uids", type=click.IntRange(min=1), multiple=True, help="Only this UID; repeatable.")
@account_option
@mailbox_option
@json_option
@config_option
def command(
    uids: tuple[int, ...],
    accounts: tuple[str, ...],
    mailboxes: tuple[str, ...],
    as_json: bool,
    config: Path | None,
) -> int:
    """Try the messages in quarantine again, at once.

    `run` tries them again by itself, after pauses that grow from five minutes to a day; this does not wait.
    Prints what is in quarantine afterwards, and why.
    """
    from mail_archiver.app import open_app
    from mail_archiver.archiving import accounts as use_case

    app = open_app(config, quiet=sys.stderr.isatty())
    plans = app.plans(accounts, mailboxes)
    with app.open_store() as store:
        store.prepare()
        for uid in set(uids) - {each.uid for each in _quarantine(store, plans)}:
            raise click.BadParameter(f"UID {uid} is not in quarantine", param_hint="--uid")
        report = use_case.retry(app.parts(store), plans, uids)
        left = _quarantine(store, plans)
    for each in left:
        click.echo(json.dumps(each.as_dict()) if as_json else _as_text(each))
    if not as_json:
        archived = report.tally.archived + report.tally.duplicate
        click.echo(f"{archived} archived, {len(left)} in quarantine")
    return exits.of_report(report)


def _quarantine(store: "Store", plans: Sequence["AccountPlan"]) -> list["QuarantinedMessage"]:
    wanted = {(plan.name, mailbox) for plan in plans for mailbox in plan.mailboxes}
    return [each for each in store.quarantine() if (each.account, each.mailbox) in wanted]


def _as_text(message: "QuarantinedMessage") -> str:
    times = "once" if message.attempts == 1 else f"{message.attempts} times"
    return harmless_line(
        f"account {message.account}, mailbox {message.mailbox}, UID {message.uid}: {message.reason}"
        f" (tried {times}, again at {message.next_attempt_at:%Y-%m-%d %H:%M} UTC)"
    )
