"""Which release our tables are of, and how they get to this one's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from mail_archiver.errors import SchemaMismatch
from mail_archiver.store.database import for_writing, sqlite_file
from mail_archiver.store.release import HEAD, VERSION_TABLE
from mail_archiver.store.translation import shown

if TYPE_CHECKING:
    from alembic.config import Config

_NEVER_RELEASED = frozenset(f"{number:04}" for number in range(2, 9))
"""Revisions of checkouts from before the first release. It has 0001 only, and later ones skip these."""

_UPGRADE_LOCK = 0x6D61696C_61726368  # "mailarch": one upgrade at a time (PostgreSQL advisory lock)


def current_revision(engine: sa.Engine, schema: str | None = None) -> str | None:
    """The revision of our tables, or None where there are none."""
    file = sqlite_file(engine.url)
    if file is not None and not file.exists():
        return None  # to look would make it
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE, schema=schema):
            return None
        version = sa.table(VERSION_TABLE, sa.column("version_num", sa.Text), schema=schema)
        return connection.execute(sa.select(version.c.version_num)).scalar()


def require_current(engine: sa.Engine, schema: str | None = None) -> None:
    """Make sure that the tables are those of this release.

    Raises:
        SchemaMismatch: They are missing, old, of a later release, or from before the first one.
    """
    revision = current_revision(engine, schema)
    if revision == HEAD:
        return
    database = shown(engine.url)
    if revision is None:
        raise SchemaMismatch(
            "our tables are not there yet", database=database, hint="Run: mail-archiver db upgrade"
        )
    if revision in _NEVER_RELEASED:
        raise SchemaMismatch(
            f"the tables are from before the first release (revision {revision}) and cannot be upgraded",
            database=database,
            hint="Begin with a new, empty database and a new storage.",
        )
    if revision > HEAD:
        raise SchemaMismatch(
            f"the tables are of a later release (revision {revision}, this release knows {HEAD})",
            database=database,
            hint="Install that release of mail-archiver.",
        )
    raise SchemaMismatch(
        f"the tables are of an earlier release (revision {revision}, needed is {HEAD})",
        database=database,
        hint="Back up, then run: mail-archiver db upgrade",
    )


def migrate(engine: sa.Engine, schema: str | None = None, *, revision: str = "head") -> None:
    """Bring the tables to a revision, all or nothing; also back, to an earlier one or to "base".

    Args:
        schema: Made if it is not there.
    """
    from alembic import command  # a quarter of a second that a poll does not pay
    from alembic.util import CommandError

    with alembic_config(engine, schema) as config:
        move = command.downgrade if revision == "base" or revision < HEAD else command.upgrade
        try:
            move(config, revision)
        except CommandError as error:
            raise SchemaMismatch(
                "the tables are of a revision that this release does not know",
                database=shown(engine.url),
                hint="Install the release that made them.",
            ) from error
        if revision == "base":
            connection = config.attributes["connection"]
            connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")  # which Alembic only empties


@contextmanager
def alembic_config(engine: sa.Engine, schema: str | None = None) -> Iterator["Config"]:
    """What Alembic's commands need, in a transaction that commits when the block ends well."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_migrations_folder()).replace("%", "%%"))
    with for_writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            if schema:
                quoted = connection.dialect.identifier_preparer.quote(schema)
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}")
                connection.exec_driver_sql(f"SET LOCAL search_path TO {quoted}")
        config.attributes["connection"] = connection
        yield config


def _migrations_folder() -> Path:
    """Inside the installed package, or at the top of a checkout."""
    packaged = Path(__file__).parent / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "alembic"
