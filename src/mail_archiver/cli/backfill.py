"""`mail-archiver backfill`"""

import sys
from datetime import datetime
from pathlib import Path

import click

from mail_archiver.cli import exits
from mail_archiver.cli.options import (
    Moment,
    account_option,
    config_option,
    dry_run_option,
    json_option,
    mailbox_option,
)
from mail_archiver.cli.progress import progress_bar


@click.command("backfill")
@click.option(
    "--since", type=Moment(), required=True, help="First moment to archive, UTC unless it says otherwise."
)
@click.option("--until", type=Moment(), help="First moment not to archive.  [default: none]")
@account_option
@mailbox_option
@dry_run_option
@json_option
@config_option
def command(
    since: datetime,
    until: datetime | None,
    accounts: tuple[str, ...],
    mailboxes: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    config: Path | None,
) -> int:
    """Archive the messages received in a span of time, of any age, skipping what the ledger has.

    Counts by INTERNALDATE, when the server received a message. Gives way to `run` as it goes, and can be
    stopped and started again at any time.
    """
    if until is not None and until <= since:
        raise click.BadParameter("must be later than --since", param_hint="--until")
    from mail_archiver.app import open_app
    from mail_archiver.archiving import accounts as use_case
    from mail_archiver.domain.fetch_plan import Window

    app = open_app(config, quiet=sys.stderr.isatty() and not dry_run)
    plans, window = app.plans(accounts, mailboxes), Window(since, until)
    if dry_run:
        from mail_archiver.cli.preview import show_preview

        return show_preview(app, plans, window, as_json=as_json)
    with app.open_store() as store, progress_bar("messages") as progress:
        store.prepare()
        report = use_case.backfill(app.parts(store, progress), plans, window)
    if sys.stderr.isatty():
        counts = ", ".join(f"{number} {name}" for name, number in report.tally.counts().items() if number)
        click.echo(counts or "nothing to archive", err=True)
    return exits.of_report(report)
