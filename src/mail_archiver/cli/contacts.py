"""`mail-archiver contacts`"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mail_archiver.cli import exits
from mail_archiver.cli.import_file import FILE, csv_lines, read_octets, tell
from mail_archiver.cli.options import config_option, dry_run_option, json_option
from mail_archiver.domain.linking import Target
from mail_archiver.harmless import harmless_line

if TYPE_CHECKING:  # an import needs no sync
    from mail_archiver.archiving.contact_sync import SyncReport

MOST_TOLD = 20
"""Of what a sync leaves out: cron mails it, and a CRM has thousands of contacts without an address."""


@click.group("contacts")
def command() -> None:
    """Bring contacts in, and find those that are missing."""


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

    A contact with a known external_id is updated. Bad lines, cards and addresses are reported by number, and
    the rest is imported; the exit code is then 65. New contacts without an address are counted and left out.
    """
    from mail_archiver.app import open_app
    from mail_archiver.archiving.contact_import import CONTACTS
    from mail_archiver.archiving.csv_file import read_csv
    from mail_archiver.archiving.vcard_file import is_vcard, read_vcards

    content = read_octets(file)
    lines = read_vcards(content) if is_vcard(content) else read_csv(csv_lines(content), str(file), CONTACTS)
    report = open_app(config).import_records(lines, lambda uow: uow.contacts, dry_run=dry_run)
    return tell(report, file, dry_run=dry_run, as_json=as_json)


@command.command("sync")
@click.option("--full", is_flag=True, help="Compare all contacts, whether it is time for it or not.")
@click.option("--force", is_flag=True, help="Believe the source even if most of its contacts are gone.")
@click.option("--adopt", is_flag=True, help="Take over contacts that are here already under the same id.")
@dry_run_option
@json_option
@config_option
def sync(full: bool, force: bool, adopt: bool, dry_run: bool, as_json: bool, config: Path | None) -> int:
    """Bring the contacts of a second database up to date: your CRM's, which stays their owner.

    CONTACT_SOURCE__URL says where it is, CONTACT_SOURCE__QUERY or QUERY_FILE what to ask it. The query yields
    external_id and address (a row for each) or addresses (separated by ";"), and as you like kind,
    first_name, last_name, organization, organization_id, is_primary, updated_at and deleted. If it names
    :since, it is asked for what is new; once a day, and with --full, for all.

    Contacts that the source has no more are marked as deleted, and keep their links. Should most of them be
    gone, nothing is changed, and the exit code is 65. Contacts that came another way are left alone.
    """
    from mail_archiver.app import open_app
    from mail_archiver.archiving.contact_sync import SyncOptions

    app = open_app(config)
    report = app.sync_contacts(SyncOptions(full=full, force=force, adopt=adopt, dry_run=dry_run))
    _tell(report, dry_run=dry_run, as_json=as_json)
    return exits.DONE


@command.command("create")
@click.argument("address")
@click.option("--first-name")
@click.option("--last-name")
@click.option("--lead", is_flag=True, help="A lead, not a contact.")
@config_option
def create(
    address: str, first_name: str | None, last_name: str | None, lead: bool, config: Path | None
) -> int:
    """Make a contact with this ADDRESS, and link what is in the archive to it at once."""
    from mail_archiver.app import open_app
    from mail_archiver.archiving.later import link_later
    from mail_archiver.domain.address import normalize_address

    normalized = normalize_address(address)
    if normalized is None:
        raise click.BadParameter(f"{harmless_line(address)} is no address", param_hint="ADDRESS")
    app = open_app(config, quiet=sys.stderr.isatty())
    with app.open_store() as store:
        store.prepare()
        there = [contact.id for contact in store.find(Target.CONTACT, address) if contact.deleted_at is None]
        if there:
            raise click.ClickException(f"contact {there[0]} has the address {normalized} already")
        with store.transaction() as uow:
            contact_id = uow.contacts.create(
                address,
                normalized,
                kind="lead" if lead else "contact",
                first_name=first_name,
                last_name=last_name,
            )
        links = link_later(app.parts(store), app.linking_rules)
    click.echo(f"contact {contact_id} created, {links} links added")
    if normalized in app.linking_rules.own:
        click.echo(f"{normalized} is an address of your own, and is never linked", err=True)
    return exits.DONE


@command.command("unmatched")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many to list.")
@json_option
@config_option
def unmatched(limit: int, as_json: bool, config: Path | None) -> int:
    """List the addresses that have archives and no contact, most frequent first."""
    from mail_archiver.app import open_app

    app = open_app(config)
    with app.open_store() as store:
        store.require_current()
        for each in store.unmatched_addresses(app.linking_rules.own, limit):
            if as_json:
                click.echo(json.dumps(asdict(each), default=str))
            else:
                name = f"  {each.display_name}" if each.display_name else ""
                click.echo(harmless_line(f"{each.archives:>7}  {each.normalized}{name}"))
    return exits.DONE


def _tell(report: "SyncReport", *, dry_run: bool, as_json: bool) -> None:
    counts = {name: getattr(report, name) for name in ("created", "updated", "restored", "deleted")}
    if as_json:
        since = report.since.isoformat() if report.since else None
        left_out = [
            {"external_id": each.external_id or None, "reason": each.reason} for each in report.left_out
        ]
        answer = {"since": since, **counts, "unchanged": report.unchanged, "left_out": left_out}
        click.echo(json.dumps(answer))
        return
    for each in report.left_out[:MOST_TOLD]:
        whom = f"contact {each.external_id}" if each.external_id else "a row"
        click.echo(harmless_line(f"{whom}: {each.reason}; left out"))
    if len(report.left_out) > MOST_TOLD:
        click.echo(f"… and {len(report.left_out) - MOST_TOLD} more left out")
    would_be = "would be " if dry_run else ""
    told = ", ".join(f"{count} {would_be}{name}" for name, count in counts.items())
    since_when = f"since {report.since:%Y-%m-%d %H:%M} UTC" if report.since else "all compared"
    click.echo(f"{told}, {report.unchanged} unchanged ({since_when}).")
