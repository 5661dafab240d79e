"""Databases that hold archives of an earlier release: they keep all they have, there and back."""

from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from tests.integration.store.messages import begin_epoch, naming, record
from tests.integration.store.sql import Sql
from tests.integration.store.test_migrations import check_for_drift

from mail_archiver.domain.threading import message_key
from mail_archiver.errors import MailArchiverError
from mail_archiver.store.database import open_engine, read_url
from mail_archiver.store.release import HEAD
from mail_archiver.store.schema import alembic_config, migrate
from mail_archiver.store.store import Store

LONG = "x" * 100_000 + "@example.com"
MESSAGE_IDS = ("a@example.com", "b@example.com", "a@example.com", None, "", "müller@example.com", LONG)
THREADS = [message_key(each) if each else f"{n:032x}" for n, each in enumerate(MESSAGE_IDS, start=1)]
COLUMNS_OF_0001 = (
    "id, fingerprint, message_id, kind, subject, sender, sent_at, received_at, archived_at, direction,"
    " body_text, body_html, size_octets, source_sha256, attachment_count, attachments_name, defects"
)


@pytest.fixture(params=["sqlite", "postgresql", "postgresql, a schema of ours"])
def place(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    """An empty database, and the schema in it that our tables are to have; only PostgreSQL has schemas."""
    database, _, schema = request.param.partition(", ")
    url = request.getfixturevalue("sqlite_url" if database == "sqlite" else "postgres_url")
    return url, "Mail Archive" if schema else None


def upgrade_to(engine: sa.Engine, revision: str, schema: str | None = None) -> None:
    with alembic_config(engine, schema) as config:
        command.upgrade(config, revision)


def fill_0001(url: str, schema: str | None = None) -> Sql:
    """A database of the first release with an archive for each of `MESSAGE_IDS`, and one attachment."""
    upgrade_to(open_engine(read_url(url), schema), "0001", schema)
    sql, prefix = Sql(url), f'"{schema}".' if schema else ""
    statement = sa.text(
        f"INSERT INTO {prefix}archive (fingerprint, message_id, subject, archived_at, body_text, size_octets,"
        " source_sha256, attachment_count, defects) VALUES (:fingerprint, :message_id, 'Offer',"
        " '2024-05-06 07:08:09.123456', 'As agreed, é', 5, 'hash', 1, '[]')"
    )
    rows = [
        {"fingerprint": f"v1:{number:032x}{'f' * 32}", "message_id": message_id}
        for number, message_id in enumerate(MESSAGE_IDS, start=1)
    ]
    with sql.engine.begin() as connection:
        connection.execute(statement, rows)
    sql.run(
        f"INSERT INTO {prefix}attachment (archive_id, position, safe_name, content_type, size_octets,"
        " sha256, inline) VALUES (1, 0, 'offer.pdf', 'application/pdf', 5, 'hash', false)"
    )
    return sql


def content_of_0001(sql: Sql) -> list[list[Any]]:
    columns = "archive_id, position, filename, safe_name, content_type, size_octets, sha256, inline"
    return [
        sql.rows(f"SELECT {COLUMNS_OF_0001} FROM archive ORDER BY id"),
        sql.rows(f"SELECT {columns} FROM attachment"),
    ]


def test_every_archive_gets_its_thread(place: tuple[str, str | None]) -> None:
    database_url, schema = place
    sql, prefix = fill_0001(database_url, schema), f'"{schema}".' if schema else ""
    store = Store(database_url, schema)
    assert store.upgrade() == ("0001", HEAD)
    assert sql.rows(f"SELECT thread_id FROM {prefix}archive ORDER BY id") == [(each,) for each in THREADS]
    assert sorted(sql.rows(f"SELECT * FROM {prefix}thread_message")) == [(e, e) for e in sorted({*THREADS})]
    check_for_drift(open_engine(read_url(database_url), schema), schema)
    reply = naming(1, "reply", in_reply_to=[LONG])
    record(store, begin_epoch(store), reply, naming(2, "late", "a@example.com", "b@example.com"))
    query = f"SELECT message_id, thread_id FROM {prefix}archive WHERE message_id IS NOT NULL"
    threads: dict[str, str] = dict(sql.rows(query))
    assert threads["reply"] == threads[LONG]
    assert threads["late"] == threads["a@example.com"] == threads["b@example.com"]
    assert len(set(threads.values())) == 4
    store.close()


def test_what_was_there_stays_as_it_was_and_what_is_new_is_unknown(database_url: str) -> None:
    sql = fill_0001(database_url)
    before = content_of_0001(sql)
    Store(database_url).upgrade()
    assert content_of_0001(sql) == before
    assert sql.rows("SELECT DISTINCT list_id, auto_submitted FROM archive") == [(None, None)]
    assert sql.rows("SELECT within FROM attachment") == [(None,)]
    assert sql.count("delivery_report") == 0


def test_goes_back_to_the_first_release_and_up_again(database_url: str) -> None:
    sql, engine = fill_0001(database_url), open_engine(read_url(database_url))
    before, objects = content_of_0001(sql), sql.objects()
    store = Store(database_url)
    store.upgrade()
    record(store, begin_epoch(store), naming(1, "late", "a@example.com", "b@example.com"))
    migrate(engine, revision="0001")
    assert sql.objects() == objects
    assert [rows[: len(there)] for rows, there in zip(content_of_0001(sql), before, strict=True)] == before
    assert sql.rows("SELECT DISTINCT thread_id FROM archive") == [(None,)]
    assert store.upgrade() == ("0001", HEAD)
    assert sql.rows("SELECT thread_id FROM archive ORDER BY id") == [
        *((each,) for each in THREADS),
        (message_key("late"),),
    ]
    check_for_drift(engine)


@pytest.mark.parametrize("obstacle", ["delivery_report", "thread_message"])
def test_leaves_the_first_release_as_it_was_when_it_cannot_go_all_the_way(
    database_url: str, obstacle: str
) -> None:
    sql = fill_0001(database_url)
    sql.run(f"CREATE TABLE {obstacle} (note text)")
    before, objects = content_of_0001(sql), sql.objects()
    store = Store(database_url)
    with pytest.raises(MailArchiverError):
        store.upgrade()
    assert (content_of_0001(sql), sql.objects(), store.revision()) == (before, objects, "0001")
    assert sql.rows("SELECT DISTINCT thread_id FROM archive") == [(None,)]
    sql.run(f"DROP TABLE {obstacle}")
    assert store.upgrade() == ("0001", HEAD)


def test_an_upgrade_that_fails_after_the_rows_were_changed_leaves_them_as_they_were(
    database_url: str,
) -> None:
    sql = fill_0001(database_url)
    sql.run("CREATE TABLE theirs (note text)", "CREATE INDEX ix_thread_message_thread_id ON theirs (note)")
    with pytest.raises(MailArchiverError):
        Store(database_url).upgrade()
    assert sql.rows("SELECT DISTINCT thread_id FROM archive") == [(None,)]
    assert Store(database_url).revision() == "0001"


def test_sqlite_brings_itself_up_to_date(sqlite_url: str) -> None:
    fill_0001(sqlite_url)
    store = Store(sqlite_url)
    store.prepare()
    assert store.revision() == HEAD
