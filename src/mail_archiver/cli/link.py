"""`mail-archiver link`"""

from pathlib import Path

import click

from mail_archiver.cli.by_hand import change_links, contacts_option
from mail_archiver.cli.options import config_option


@click.command("link")
@click.argument("archive")
@contacts_option
@config_option
def command(archive: str, contacts: tuple[str, ...], config: Path | None) -> int:
    """Link an archive to contacts by hand.

    ARCHIVE is its id, or a Message-ID. The link stays, whatever the rules say.
    """
    return change_links(
        archive,
        contacts,
        config,
        lambda links, *ids_and_now: links.link_by_hand(*ids_and_now),
        done="linked",
        already="was linked by hand already",
    )
