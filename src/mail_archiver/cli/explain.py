"""`mail-archiver explain`"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from mail_archiver.cli import exits
from mail_archiver.cli.explained import explained
from mail_archiver.cli.finding import find_archive
from mail_archiver.cli.options import config_option, json_option
from mail_archiver.harmless import harmless_line


@click.command("explain")
@click.argument("archive")
@json_option
@config_option
def command(archive: str, as_json: bool, config: Path | None) -> int:
    """Explain what an archive is linked to: what became of each address, and by which rule.

    Then the organizations and opportunities that follow from its contacts.

    ARCHIVE is its id, or a Message-ID. Goes by today's settings and contacts; what a person did is told too.
    """
    from mail_archiver.app import open_app
    from mail_archiver.archiving.explaining import explain_archive

    app = open_app(config)
    with app.open_store() as store:
        store.require_current()
        record = find_archive(store, archive)
        with store.reading() as uow:
            explanation = list(explain_archive(uow, app.linking_rules, record, datetime.now(UTC)))
    for each in explanation:
        click.echo(json.dumps(asdict(each)) if as_json else harmless_line(explained(each)))
    return exits.DONE
