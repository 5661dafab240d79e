"""`mail-archiver link`"""

from pathlib import Path

import click

from mail_archiver.cli.by_hand import change_links
from mail_archiver.cli.options import config_option
from mail_archiver.cli.targets import named, target_options


@click.command("link")
@click.argument("archive")
@target_options
@config_option
def command(archive: str, config: Path | None, **names: tuple[str, ...]) -> int:
    """Link an archive by hand to contacts, organizations or opportunities.

    ARCHIVE is its id, or a Message-ID. The link stays, whatever the rules say. A contact brings its
    organization, and the opportunity that its mail is about.
    """
    from mail_archiver.archiving.linking import link_by_hand

    return change_links(
        archive, named(**names), config, link_by_hand, done="linked", already="was linked by hand already"
    )
