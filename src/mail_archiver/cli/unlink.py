"""`mail-archiver unlink`"""

from pathlib import Path

import click

from mail_archiver.cli.by_hand import change_links
from mail_archiver.cli.options import config_option
from mail_archiver.cli.targets import named, target_options


@click.command("unlink")
@click.argument("archive")
@target_options
@config_option
def command(archive: str, config: Path | None, **names: tuple[str, ...]) -> int:
    """Unlink an archive by hand from contacts, organizations or opportunities.

    ARCHIVE is its id, or a Message-ID. No rule links them again; only `link` does. With a contact goes what
    followed from it.
    """
    from mail_archiver.archiving.linking import unlink_by_hand

    return change_links(
        archive, named(**names), config, unlink_by_hand, done="unlinked", already="was not linked"
    )
