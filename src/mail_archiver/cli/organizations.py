"""`mail-archiver organizations import`"""

from pathlib import Path

import click

from mail_archiver.cli.import_file import FILE, csv_lines, read_octets, tell
from mail_archiver.cli.options import config_option, dry_run_option, json_option


@click.group("organizations")
def command() -> None:
    """Bring organizations in."""


@command.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@json_option
@config_option
def import_(file: Path, dry_run: bool, as_json: bool, config: Path | None) -> int:
    """Import organizations from a CSV file, in UTF-8.

    Columns: external_id and name, and as you like addresses (of the organization itself, several separated by
    ";"). An organization with a known external_id is updated; one that is known by its name alone gets the
    external_id. Bad lines are reported by number, and the rest is imported; the exit code is then 65.
    """
    from mail_archiver.app import open_app
    from mail_archiver.archiving.csv_file import read_csv
    from mail_archiver.archiving.organization_import import ORGANIZATIONS

    lines = read_csv(csv_lines(read_octets(file)), str(file), ORGANIZATIONS)
    report = open_app(config).import_records(lines, lambda uow: uow.organizations, dry_run=dry_run)
    return tell(report, file, dry_run=dry_run, as_json=as_json)
