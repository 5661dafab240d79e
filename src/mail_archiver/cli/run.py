"""`mail-archiver run`"""

from pathlib import Path

import click

from mail_archiver.cli import exits
from mail_archiver.cli.options import (
    account_option,
    config_option,
    dry_run_option,
    json_option,
    mailbox_option,
)


@click.command("run")
@account_option
@mailbox_option
@dry_run_option
@json_option
@config_option
def command(
    accounts: tuple[str, ...],
    mailboxes: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    config: Path | None,
) -> int:
    """Archive the messages that the ledger does not have yet.

    Reads each account's mailboxes without touching a flag, writes one archive record a message with its
    attachments and its links to contacts, and then does on the server what the account's disposition asks
    for. Safe to start at any time: a second run of the same account ends at once with exit code 75.
    """
    from mail_archiver.app import open_app
    from mail_archiver.archiving import accounts as use_case

    app = open_app(config)
    plans = app.plans(accounts, mailboxes)
    if dry_run:
        from mail_archiver.cli.preview import show_preview

        return show_preview(app, plans, as_json=as_json)
    with app.parts_for_poll() as parts:
        report = use_case.run(parts, plans)
    return exits.of_report(report)
