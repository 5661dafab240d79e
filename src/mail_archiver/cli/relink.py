"""`mail-archiver relink`"""

import sys
from pathlib import Path

import click

from mail_archiver.cli import exits
from mail_archiver.cli.options import config_option
from mail_archiver.cli.targets import found, named, target_options
from mail_archiver.domain.linking import Target


@click.command("relink")
@target_options
@click.option("--all", "everything", is_flag=True, help="All of them, also what was looked up already.")
@config_option
def command(everything: bool, config: Path | None, **names: tuple[str, ...]) -> int:
    """Link what is in the archive to contacts, organizations and opportunities that came later, at once.

    `run` does so for what is new. What is named is looked up once more, and with --all everything, as after
    a change of the linking settings. Links are only added: what stands stays, and so does what a person has
    unlinked.
    """
    wanted = named(**names)
    if everything and any(wanted.values()):
        raise click.UsageError("--all excludes --contact, --organization and --opportunity")
    from mail_archiver.app import open_app
    from mail_archiver.archiving.later import link_later

    app = open_app(config, quiet=sys.stderr.isatty())
    with app.open_store() as store:
        store.require_current()
        with_ids = list(found(store, wanted))
        with store.transaction() as uow:
            for target in Target if everything else {target for target, _ in with_ids}:
                ids = None if everything else [each for of, each in with_ids if of is target]
                uow.latecomers.forget(target, ids)
        links = link_later(app.parts(store), app.linking_rules)
    click.echo(f"{links} links added or made stronger")
    return exits.DONE
