"""What `link` and `unlink` share: one archive, what it is linked to, and what a person wants of that."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mail_archiver.cli import exits
from mail_archiver.cli.finding import find_archive
from mail_archiver.cli.targets import Named, found
from mail_archiver.domain.linking import LinkingRules, Target

if TYPE_CHECKING:
    from mail_archiver.archiving.ports import UnitOfWork

Change = Callable[["UnitOfWork", LinkingRules, Target, int, int, datetime], bool]
"""Takes the ids of an archive and of a target; False where nothing is to be changed."""


def change_links(
    archive: str, names: Named, config: Path | None, change: Change, done: str, already: str
) -> int:
    """Change the links of one archive, and tell of each what became of it."""
    if not any(names.values()):
        raise click.UsageError("name a --contact, an --organization or an --opportunity")
    from mail_archiver.app import open_app

    app = open_app(config)
    with app.open_store() as store:
        store.require_current()
        record = find_archive(store, archive)
        for target, target_id in list(found(store, names)):
            with store.transaction() as uow:
                changed = change(uow, app.linking_rules, target, record.id, target_id, datetime.now(UTC))
            click.echo(f"archive {record.id}, {target} {target_id}: {done if changed else already}")
    return exits.DONE
