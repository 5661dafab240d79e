"""`mail-archiver db upgrade`"""

import json
from pathlib import Path

import click

from mail_archiver.cli import exits
from mail_archiver.cli.options import config_option, json_option


@click.group("db")
def command() -> None:
    """Create the tables, or bring them up to date."""


@command.command("upgrade")
@json_option
@config_option
def upgrade(as_json: bool, config: Path | None) -> int:
    """Create the tables, or bring them to this release, all or nothing.

    PostgreSQL: once at the start and after each update of mail-archiver. SQLite does it by itself.
    """
    from mail_archiver.app import open_app

    with open_app(config).open_store() as store:
        before, after = store.upgrade()
    if as_json:
        click.echo(json.dumps({"database": store.database, "before": before, "after": after}))
    elif before == after:
        click.echo(f"{store.database} is up to date (revision {after}).")
    else:
        click.echo(f"{store.database} went from revision {before or 'none'} to {after}.")
    return exits.DONE
