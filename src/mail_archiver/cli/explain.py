"""`mail-archiver explain`"""

import json
from dataclasses import asdict
from pathlib import Path

import click

from mail_archiver.cli import exits
from mail_archiver.cli.finding import find_archive
from mail_archiver.cli.options import config_option, json_option
from mail_archiver.harmless import harmless_line


@click.command("explain")
@click.argument("archive")
@json_option
@config_option
def command(archive: str, as_json: bool, config: Path | None) -> int:
    """Explain whom an archive is linked to: what became of each address, and by which rule.

    ARCHIVE is its id, or a Message-ID. Goes by today's settings and contacts; what a person did is told too.
    """
    from mail_archiver.app import open_app
    from mail_archiver.domain.explaining import explain

    app = open_app(config)
    rules = app.linking_rules
    with app.open_store() as store:
        store.require_current()
        record = find_archive(store, archive)
        with store.reading() as uow:
            addresses = uow.links.addresses([record.id]).get(record.id, [])
            contacts = uow.contacts.with_addresses(
                rules.looked_up(each.normalized for each in addresses if each.normalized)
            )
    for fate in explain(addresses, rules, contacts, record.contacts):
        if as_json:
            click.echo(json.dumps(asdict(fate)))
        else:
            click.echo(harmless_line(f"{fate.role} {fate.address}: {fate.text} [{fate.rule}]"))
    return exits.DONE
