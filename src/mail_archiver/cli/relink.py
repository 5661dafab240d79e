"""`mail-archiver relink`"""

import sys
from pathlib import Path

import click

from mail_archiver.cli import exits
from mail_archiver.cli.finding import find_contact
from mail_archiver.cli.options import config_option


@click.command("relink")
@click.option(
    "--contact",
    "contacts",
    multiple=True,
    help="Only of this contact: id, external_id or address; repeatable.",
)
@click.option("--all", "everybody", is_flag=True, help="Of all contacts, also those that were looked up.")
@config_option
def command(contacts: tuple[str, ...], everybody: bool, config: Path | None) -> int:
    """Link what is in the archive to contacts and addresses that came later, at once.

    `run` does so for addresses that are new. After a change of the linking settings, --all looks for
    everybody once more. Links are only added: what stands stays, and so does what a person has unlinked.
    """
    if contacts and everybody:
        raise click.UsageError("--contact and --all exclude each other")
    from mail_archiver.app import open_app
    from mail_archiver.archiving.later import link_later

    app = open_app(config, quiet=sys.stderr.isatty())
    with app.open_store() as store:
        store.require_current()
        if contacts or everybody:
            ids = None if everybody else [find_contact(store, name).id for name in contacts]
            with store.transaction() as uow:
                uow.links.forget_matches(ids)
        links = link_later(app.parts(store), app.linking_rules)
    click.echo(f"{links} links added or made stronger")
    return exits.DONE
