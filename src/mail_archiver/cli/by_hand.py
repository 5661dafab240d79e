"""What `link` and `unlink` share: one archive, some contacts, and what a person wants of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from mail_archiver.archiving.crm_ports import Links
from mail_archiver.cli import exits
from mail_archiver.cli.finding import find_archive, find_contact

Change = Callable[[Links, int, int, datetime], bool]
"""Takes the ids of an archive and of a contact; False where nothing is to be changed."""

contacts_option = click.option(
    "--contact", "contacts", multiple=True, required=True, help="Its id, external_id or address; repeatable."
)


def change_links(
    archive: str, contacts: Sequence[str], config: Path | None, change: Change, done: str, already: str
) -> int:
    """Change the links of one archive, and tell of each contact what became of it."""
    from mail_archiver.app import open_app

    app = open_app(config)
    with app.open_store() as store:
        store.require_current()
        record = find_archive(store, archive)
        for contact in [find_contact(store, name) for name in contacts]:
            with store.transaction() as uow:
                changed = change(uow.links, record.id, contact.id, datetime.now(UTC))
            click.echo(f"archive {record.id}, contact {contact.id}: {done if changed else already}")
    return exits.DONE
