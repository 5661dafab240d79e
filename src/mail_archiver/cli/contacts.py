"""`mail-archiver contacts import`"""

from pathlib import Path

import click

from mail_archiver.cli.import_file import FILE, csv_lines, read_octets, tell
from mail_archiver.cli.options import config_option, dry_run_option, json_option


@click.group("contacts")
def command() -> None:
    """Bring contacts in."""


@command.command("import")
@click.argument("file", type=FILE)
@dry_run_option
@json_option
@config_option
def import_(file: Path, dry_run: bool, as_json: bool, config: Path | None) -> int:
    """Import contacts from a CSV file in UTF-8, or from a vCard file.

    Columns of a CSV file: external_id and addresses (several separated by ";", the first is the primary one),
    and as you like kind (contact or lead), first_name, last_name, organization (its name, made when it is not
    there) and organization_id (its external_id).

    Of a vCard file: UID (the external_id; without one, the first address), N or FN, EMAIL, ORG. Versions 2.1,
    3.0 and 4.0, any number of cards.

    A contact with a known external_id is updated. Bad lines and cards are reported by number, and the rest is
    imported; the exit code is then 65.
    """
    from mail_archiver.app import open_app
    from mail_archiver.archiving.contact_import import CONTACTS
    from mail_archiver.archiving.csv_file import read_csv
    from mail_archiver.archiving.vcard_file import is_vcard, read_vcards

    content = read_octets(file)
    lines = read_vcards(content) if is_vcard(content) else read_csv(csv_lines(content), str(file), CONTACTS)
    report = open_app(config).import_records(lines, lambda uow: uow.contacts, dry_run=dry_run)
    return tell(report, file, dry_run=dry_run, as_json=as_json)
