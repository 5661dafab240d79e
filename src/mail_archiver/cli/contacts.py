"""`mail-archiver contacts import`"""

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import click

from mail_archiver.archiving.contact_import import ImportReport
from mail_archiver.cli import exits
from mail_archiver.cli.options import config_option, dry_run_option, json_option
from mail_archiver.harmless import harmless_line


@click.group("contacts")
def command() -> None:
    """Bring contacts in."""


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@dry_run_option
@json_option
@config_option
def import_(file: Path, dry_run: bool, as_json: bool, config: Path | None) -> int:
    """Import contacts from a CSV file, in UTF-8.

    Columns: external_id and addresses (several separated by ";", the first is the primary one), and as you
    like kind (contact or lead), first_name, last_name, organization. A contact with a known external_id is
    updated. Bad lines are reported by number, and the rest is imported; the exit code is then 65.
    """
    from mail_archiver.app import open_app
    from mail_archiver.archiving.contact_import import import_contacts, read_contacts

    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"not UTF-8 (octet {error.start}); save it as CSV UTF-8") from error
    except OSError as error:
        raise click.BadParameter(f"cannot be read: {error.strerror}") from error
    records = read_contacts(StringIO(text, newline=""), str(file))
    app = open_app(config)
    with app.open_store_as_it_is() if dry_run else app.open_store() as store:
        if not dry_run:
            store.prepare()
        report = import_contacts(store, lambda: datetime.now(UTC), records, dry_run=dry_run)
    _show(report, file, dry_run=dry_run, as_json=as_json)
    return exits.DATA_ERROR if report.bad_lines else exits.DONE


def _show(report: ImportReport, file: Path, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        bad_lines = [{"line": bad.number, "reason": bad.reason} for bad in report.bad_lines]
        click.echo(json.dumps({"created": report.created, "updated": report.updated, "bad_lines": bad_lines}))
        return
    for bad in report.bad_lines:
        click.echo(harmless_line(f"{file}:{bad.number}: {bad.reason}; left out"))
    would_be = "would be " if dry_run else ""
    bad_count = f", {len(report.bad_lines)} bad lines left out" if report.bad_lines else ""
    click.echo(f"{report.created} {would_be}created, {report.updated} {would_be}updated{bad_count}.")
