"""A later release comes to a database that is in use: it keeps all that is there, or changes nothing."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.installation import Installation, event
from tests.e2e.later_release import NOTES, REVISION, fill_with_archives, make_later_release
from tests.integration.store.sql import Sql

from mail_archiver.store.release import HEAD

Later = Callable[..., Installation]

_COLUMNS = (
    "id, fingerprint, message_id, thread_id, kind, subject, sender, sent_at, received_at, archived_at,"
    " body_text, body_html, size_octets, source_sha256, attachment_count, attachments_name, defects"
)
_DONE = f"went from revision {HEAD} to {REVISION}.\n"


@pytest.fixture(params=["sqlite", "postgresql", "postgresql, a schema of ours"])
def place(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """An empty database, and the schema in it that our tables are to have; only PostgreSQL has schemas."""
    database, _, schema = request.param.partition(", ")
    url = request.getfixturevalue("sqlite_url" if database == "sqlite" else "postgres_url")
    return url, "mail_archive" if schema else None


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The later release; see `make_later_release`."""
    return make_later_release(tmp_path_factory.mktemp("later"))


@pytest.fixture
def later(tmp_path: Path, release: dict[str, str]) -> Later:
    """Make an installation of the later release, on a database and in a schema."""

    def make(url: str, schema: str | None = None) -> Installation:
        settings = {"DATABASE_URL": url, **({"DATABASE_SCHEMA": schema} if schema else {})}
        installation = Installation(tmp_path / "mail-archiver", settings)
        installation.environment |= release
        return installation

    return make


def content(sql: Sql, prefix: str = "") -> list[list[Any]]:
    """What this release has written, but `direction`, which the migration changes."""
    return [
        sql.rows(f"SELECT {_COLUMNS} FROM {prefix}archive ORDER BY id"),
        sql.rows(f"SELECT archive_id, position, safe_name, sha256, inline FROM {prefix}attachment"),
    ]


def test_keeps_what_is_there_and_is_refused_by_the_release_before(
    later: Later, place: tuple[str, str | None]
) -> None:
    url, schema = place
    sql, prefix = fill_with_archives(url, schema), f'"{schema}".' if schema else ""
    before = content(sql, prefix)
    installation = later(url, schema)
    upgraded = installation.run("db", "upgrade")
    assert upgraded.stdout.endswith(_DONE), upgraded.stderr
    assert content(sql, prefix) == before
    assert sql.rows(f"SELECT note FROM {prefix}archive ORDER BY id") == [(note,) for note in NOTES]

    del installation.environment["PYTHONPATH"]
    refused = installation.run("db", "upgrade")
    assert refused.returncode == 78
    assert "later release" in event(refused.stderr, "command.failed")["what"]
    assert sql.value(f"SELECT count(*) FROM {prefix}note") == 0


def test_goes_back_to_the_release_before_and_up_again(later: Later, database_url: str) -> None:
    sql = fill_with_archives(database_url)
    before, objects = content(sql), sql.objects()
    installation = later(database_url)
    assert installation.run("db", "upgrade").returncode == 0
    go_back = (
        "from mail_archiver.store.database import open_engine, read_url\n"
        "from mail_archiver.store.schema import migrate\n"
        f"migrate(open_engine(read_url({database_url!r})), revision={HEAD!r})"
    )
    subprocess.run([sys.executable, "-c", go_back], env=installation.environment, check=True)
    assert (content(sql), sql.objects()) == (before, objects)
    assert sql.rows("SELECT DISTINCT direction FROM archive") == [(None,)]
    assert installation.run("db", "upgrade").stdout.endswith(_DONE)
    assert sql.rows("SELECT note FROM archive ORDER BY id") == [(note,) for note in NOTES]


@pytest.mark.parametrize(
    "obstacle",
    [
        ["CREATE TABLE note (theirs integer)"],
        ["CREATE TABLE theirs (note text)", "CREATE INDEX ix_archive_note ON theirs (note)"],
    ],
    ids=["a table", "an index"],
)
def test_leaves_rows_and_tables_as_they_were_where_it_cannot_go_all_the_way(
    later: Later, database_url: str, obstacle: list[str]
) -> None:
    sql = fill_with_archives(database_url)
    sql.run(*obstacle)
    before, objects = content(sql), sql.objects()
    installation = later(database_url)
    failed = installation.run("db", "upgrade")
    assert failed.returncode in (69, 78)  # SQLite says nothing more of it than that it cannot
    assert event(failed.stderr, "command.failed")["what"]
    assert (content(sql), sql.objects()) == (before, objects)
    assert sql.rows("SELECT DISTINCT direction FROM archive") == [(None,)]
    assert sql.value("SELECT version_num FROM mail_archiver_version") == HEAD
    sql.run(obstacle[-1].partition(" (")[0].partition(" ON ")[0].replace("CREATE", "DROP"))
    assert installation.run("db", "upgrade").stdout.endswith(_DONE)


def test_processes_that_upgrade_at_once_do_it_once(later: Later, database_url: str) -> None:
    sql = fill_with_archives(database_url)
    installation = later(database_url)
    started = [installation.start("db", "upgrade") for _ in range(3)]
    assert [each.finish().returncode for each in started] == [0, 0, 0]
    assert sql.rows("SELECT note FROM archive ORDER BY id") == [(note,) for note in NOTES]
    assert sql.rows("SELECT version_num FROM mail_archiver_version") == [(REVISION,)]


def test_sqlite_is_upgraded_by_the_first_command_that_writes(later: Later, sqlite_url: str) -> None:
    sql = fill_with_archives(sqlite_url)
    installation = later(sqlite_url)
    (installation.folder / "contacts.csv").write_text("external_id,addresses\nc1,ada@client.example\n")
    imported = installation.run("contacts", "import", "contacts.csv")
    assert imported.returncode == 0, imported.stderr
    assert sql.rows("SELECT note FROM archive ORDER BY id") == [(note,) for note in NOTES]


def test_postgresql_is_upgraded_by_nothing_but_db_upgrade(later: Later, postgres_url: str) -> None:
    sql = fill_with_archives(postgres_url)
    objects = sql.objects()
    refused = later(postgres_url).run("contacts", "unmatched")
    assert refused.returncode == 78
    failure = event(refused.stderr, "command.failed")
    assert "earlier release" in failure["what"]
    assert failure["hint"] == "Back up, then run: mail-archiver db upgrade"
    assert sql.objects() == objects
