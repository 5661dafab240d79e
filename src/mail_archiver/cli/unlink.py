"""`mail-archiver unlink`"""

from pathlib import Path

import click

from mail_archiver.cli.by_hand import change_links, contacts_option
from mail_archiver.cli.options import config_option


@click.command("unlink")
@click.argument("archive")
@contacts_option
@config_option
def command(archive: str, contacts: tuple[str, ...], config: Path | None) -> int:
    """Unlink an archive from contacts by hand.

    ARCHIVE is its id, or a Message-ID. No rule links them again; only `link` does.
    """
    return change_links(
        archive,
        contacts,
        config,
        lambda links, *ids_and_now: links.unlink_by_hand(*ids_and_now),
        done="unlinked",
        already="was not linked",
    )
