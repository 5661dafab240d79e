"""`mail-archiver retry`"""

import json
from pathlib import Path

import click

from mail_archiver.cli import exits
from mail_archiver.cli.options import account_option, config_option, json_option, mailbox_option


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

    app = open_app(config)
    plans = app.plans(accounts, mailboxes)
    with app.open_store() as store:
        store.prepare()
        report = use_case.retry(app.parts(store), plans, uids)
        wanted = {(plan.name, mailbox) for plan in plans for mailbox in plan.mailboxes}
        left = [each for each in store.quarantine() if (each.account, each.mailbox) in wanted]
    for each in left:
        if as_json:
            click.echo(json.dumps(each.as_dict()))
        else:
            click.echo(
                f"account {each.account}, mailbox {each.mailbox}, UID {each.uid}: {each.reason}"
                f" (tried {each.attempts} times, again at {each.next_attempt_at:%Y-%m-%d %H:%M} UTC)"
            )
    if not as_json:
        tried = report.tally
        click.echo(f"{tried.archived + tried.duplicate} archived, {len(left)} in quarantine")
    return exits.of_report(report)
