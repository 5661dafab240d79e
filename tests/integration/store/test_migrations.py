"""The migrations: all or nothing, there and back, and never anybody else's tables."""

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from tests.integration.store import processes
from tests.integration.store.processes import run_together
from tests.integration.store.sql import Sql

from mail_archiver.errors import MailArchiverError, SchemaMismatch
from mail_archiver.store.database import open_engine, read_url
from mail_archiver.store.release import HEAD, VERSION_TABLE
from mail_archiver.store.schema import alembic_config, current_revision, migrate
from mail_archiver.store.store import Store
from mail_archiver.store.tables import metadata

FOREIGN = (
    "CREATE TABLE invoice (id integer PRIMARY KEY, contact_id integer, note text)",
    "CREATE INDEX invoice_contact ON invoice (contact_id)",
    "INSERT INTO invoice VALUES (1, 2, 'theirs')",
)


@pytest.fixture
def engine(database_url: str) -> sa.Engine:
    return open_engine(read_url(database_url))


@pytest.fixture
def sql(database_url: str) -> Sql:
    return Sql(database_url)


def check_for_drift(engine: sa.Engine, schema: str | None = None) -> None:
    with alembic_config(engine, schema) as config:
        command.check(config)


def words(condition: str) -> list[str]:
    """What a column may say; PostgreSQL writes the rest of a CHECK in its own way."""
    return re.findall("'([^']+)'", condition)


def test_leads_to_the_tables_that_the_program_declares(engine: sa.Engine) -> None:
    migrate(engine)
    check_for_drift(engine)
    assert set(sa.inspect(engine).get_table_names()) == {*metadata.tables, VERSION_TABLE}


def test_leads_to_what_alembic_does_not_compare_too(engine: sa.Engine) -> None:
    migrate(engine)
    made = sa.inspect(engine)
    for table in metadata.sorted_tables:
        assert [column["name"] for column in made.get_columns(table.name)] == table.columns.keys()
        checks = {each["name"]: words(each["sqltext"]) for each in made.get_check_constraints(table.name)}
        assert checks == {
            each.name: words(str(each.sqltext))
            for each in table.constraints
            if isinstance(each, sa.CheckConstraint)
        }


@pytest.mark.parametrize(
    "drift",
    [
        "ALTER TABLE archive ADD COLUMN mood text",
        "ALTER TABLE archive DROP COLUMN body_html",
        "DROP INDEX ix_processed_uid_undisposed",
        "DROP TABLE archive_opportunity",
    ],
)
def test_sees_drift_where_there_is_some(engine: sa.Engine, sql: Sql, drift: str) -> None:
    migrate(engine)
    sql.run(drift)
    with pytest.raises(CommandError, match="New upgrade operations detected"):
        check_for_drift(engine)


def test_goes_back_to_nothing_and_up_again(engine: sa.Engine, sql: Sql) -> None:
    migrate(engine)
    there = sql.objects()
    migrate(engine, revision="base")
    assert sql.objects() == set()
    assert current_revision(engine) is None
    migrate(engine)
    assert sql.objects() == there
    check_for_drift(engine)


@pytest.mark.parametrize("schema", [None, "Mail Archive"])
def test_bodies_are_compressed_by_lz4_where_the_server_has_it(postgres_url: str, schema: str | None) -> None:
    sql, engine = Sql(postgres_url), open_engine(read_url(postgres_url), schema)
    table = f'"{schema}".archive' if schema else "archive"
    chosen = f"SELECT attname, attcompression FROM pg_attribute WHERE attrelid = '{table}'::regclass"
    has_lz4 = sql.rows(
        "SELECT 1 FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
    )
    migrate(engine, schema)
    by_lz4 = {name for name, method in sql.rows(chosen) if method == "l"}
    assert by_lz4 == ({"body_text", "body_html"} if has_lz4 else set())


def test_leaves_foreign_tables_alone(engine: sa.Engine, sql: Sql) -> None:
    sql.run(*FOREIGN)
    before = sql.objects()
    migrate(engine)
    check_for_drift(engine)
    migrate(engine, revision="base")
    assert sql.objects() == before
    assert sql.rows("SELECT * FROM invoice") == [(1, 2, "theirs")]


def test_leaves_nothing_of_a_migration_that_fails_on_its_way(database_url: str, sql: Sql) -> None:
    sql.run("CREATE TABLE archive_opportunity (id integer)")  # among the last that we make
    before = sql.objects()
    store = Store(database_url)
    with pytest.raises(MailArchiverError):
        store.upgrade()
    assert sql.objects() == before
    assert store.revision() is None
    sql.run("DROP TABLE archive_opportunity")
    assert store.upgrade() == (None, HEAD)


def test_tells_that_a_table_of_the_same_name_is_in_the_way(postgres_url: str) -> None:
    Sql(postgres_url).run("CREATE TABLE contact (id integer)")
    with pytest.raises(SchemaMismatch) as caught:
        Store(postgres_url).upgrade()
    assert "DATABASE_SCHEMA" in caught.value.hint


def test_lets_processes_migrate_the_same_empty_database_at_once(database_url: str, sql: Sql) -> None:
    assert run_together(processes.upgrade, [(database_url,)] * 3) == [0, 0, 0]
    assert sql.rows(f"SELECT version_num FROM {VERSION_TABLE}") == [(HEAD,)]


def test_waits_for_who_writes_to_a_sqlite_file_first(tmp_path: Path) -> None:
    file = tmp_path / "crm.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other, ThreadPoolExecutor() as pool:
        other.execute("BEGIN IMMEDIATE")
        upgraded = pool.submit(Store(f"sqlite:///{file}").upgrade)
        with pytest.raises(TimeoutError):
            upgraded.result(0.5)
        other.execute("COMMIT")
        assert upgraded.result() == (None, HEAD)


def test_knows_the_newest_migration_without_loading_alembic(engine: sa.Engine) -> None:
    with alembic_config(engine) as config:
        assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_keeps_to_a_schema_of_its_own_beside_foreign_tables_of_the_same_names(postgres_url: str) -> None:
    sql = Sql(postgres_url)
    sql.run(
        "CREATE TABLE contact (name text)",
        "INSERT INTO contact VALUES ('theirs')",
        "CREATE TABLE archive (id text)",
        f"CREATE TABLE {VERSION_TABLE} (version_num text)",
        f"INSERT INTO {VERSION_TABLE} VALUES ('theirs')",
    )
    before = sql.objects()
    engine = open_engine(read_url(postgres_url), "Mail Archive")
    store = Store(postgres_url, "Mail Archive")
    assert store.upgrade() == (None, HEAD)
    store.require_current()
    check_for_drift(engine, "Mail Archive")
    assert set(sa.inspect(engine).get_table_names(schema="Mail Archive")) == {*metadata.tables, VERSION_TABLE}
    assert {name for name in sql.objects() if name.startswith("public.")} == before
    assert sql.rows("SELECT * FROM contact") == [("theirs",)]
    migrate(engine, "Mail Archive", revision="base")
    assert sql.objects() == before


def test_keeps_two_installations_in_two_schemas_apart(postgres_url: str) -> None:
    first, second = Store(postgres_url, "first"), Store(postgres_url, "second")
    first.upgrade()
    with pytest.raises(SchemaMismatch):
        second.require_current()
    second.upgrade()
    migrate(open_engine(read_url(postgres_url), "first"), "first", revision="base")
    second.require_current()
