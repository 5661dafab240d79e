"""However much the archive holds, what a batch needs is found by index: no table is read from end to end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import add_contact, begin_epoch, draft, naming, numbered, record
from tests.integration.store.sql import Sql

from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.store.store import Store

ROWS = 1_000
MANY = f"WITH RECURSIVE n(i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < {1000 + ROWS}) "
TABLES = (
    "archive",
    "processed_uid",
    "archive_address",
    "archive_contact",
    "thread_message",
    "contact",
    "contact_address",
    "organization_address",
)

Asked = list[tuple[str, Any]]


@pytest.fixture
def epoch(store: Store, sql: Sql) -> Epoch:
    """An epoch whose messages fill the tables."""
    epoch = begin_epoch(store)
    add_contact(store, "ann", "ann@client.example")
    sql.run(
        "INSERT INTO archive (id, fingerprint, message_id, thread_id, archived_at, size_octets, "
        f"source_sha256, attachment_count, defects) {MANY} SELECT i, 'v1:' || i, i || '@x.example', "
        "cast(i AS text), current_timestamp, 1, cast(i AS text), 0, '[]' FROM n",
        f"INSERT INTO processed_uid (epoch_id, uid, outcome, archive_id, processed_at) {MANY} "
        f"SELECT {epoch.id}, i, 'archived', i, current_timestamp FROM n",
        "INSERT INTO archive_address (archive_id, role, position, epoch_id, uid, display_name, address, "
        f"normalized, without_tag) {MANY} "
        f"SELECT i, 'to', 0, {epoch.id}, i, '', '', i || '@x.example', i || '@y.example' FROM n",
        f"INSERT INTO thread_message (message_key, thread_id) {MANY} SELECT 'm' || i, cast(i AS text) FROM n",
        f"INSERT INTO contact (id, kind) {MANY} SELECT i, 'contact' FROM n",
        f"INSERT INTO contact_address (contact_id, address, normalized) {MANY} "
        "SELECT i, i || '@x.example', i || '@x.example' FROM n",
        f"INSERT INTO archive_contact (archive_id, contact_id) {MANY} SELECT i, i FROM n",
        f"INSERT INTO organization (id, name) {MANY} SELECT i, cast(i AS text) FROM n",
        f"INSERT INTO organization_address (organization_id, address, normalized) {MANY} "
        "SELECT i, i || '@x.example', i || '@x.example' FROM n",
    )
    return epoch


@contextmanager
def asked(store: Store) -> Iterator[Asked]:
    """What is asked of the database while the block runs, statements with their parameters."""
    seen: Asked = []

    def look(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    sa.event.listen(store._engine, "before_cursor_execute", look)
    yield seen
    sa.event.remove(store._engine, "before_cursor_execute", look)


def plans(sql: Sql, statements: Asked) -> Iterator[tuple[str, list[str]]]:
    """How the database goes about each statement that looks something up."""
    raw = sql.engine.raw_connection()
    cursor = raw.cursor()
    if not sql.is_sqlite:
        # For so few rows an index is not worth it: the question is whether there is one that serves.
        cursor.execute("SET enable_seqscan = off")
    for statement, parameters in statements:
        if not statement.startswith(("SELECT", "UPDATE")):
            continue
        some = parameters[0] if isinstance(parameters, list) else parameters
        cursor.execute(f"{'EXPLAIN QUERY PLAN' if sql.is_sqlite else 'EXPLAIN'} {statement}", some)
        yield statement, [str(row[-1]) for row in cursor.fetchall()]
    raw.close()


def check(sql: Sql, statements: Asked, tables: set[str]) -> None:
    """All these tables are looked into, and none of the large ones is read from end to end."""
    searched: set[str] = set()
    for statement, steps in plans(sql, statements):
        for table in TABLES:
            scan = f"SCAN {table}" if sql.is_sqlite else f"Seq Scan on {table}"
            assert not [step for step in steps if f"{scan} " in f"{step} "], (statement, steps)
            if any(f" {table} " in f"{step} " for step in steps):
                searched.add(table)
    assert searched >= tables


def test_recording_a_batch_reads_no_table_from_end_to_end(store: Store, sql: Sql, epoch: Epoch) -> None:
    record(store, epoch, *(numbered(uid, uid) for uid in range(50)), naming(60, "a"), naming(61, "b"))
    bcc = {
        "Message-ID": "<1@example.com>",
        "Subject": "Offer 1",
        "Bcc": "bob@client.example",
        "List-Id": "<l>",
    }
    drafts = [
        *(numbered(uid, uid) for uid in range(100, 150)),
        *(naming(uid, f"r{uid}", f"{uid}@example.com") for uid in range(150, 180)),
        naming(190, "c", "a", "b"),
        draft(191, bcc),
    ]
    with asked(store) as statements:
        outcomes = [each.outcome for each in record(store, epoch, *drafts)]
    assert set(outcomes) == {"archived", "duplicate"}
    looked_into = {"archive", "processed_uid", "archive_address", "archive_contact", "contact_address"}
    check(sql, statements, looked_into | {"thread_message", "organization_address"})


def test_finding_archives_by_what_they_are_or_mention_reads_no_table_from_end_to_end(
    store: Store, sql: Sql, epoch: Epoch
) -> None:
    with asked(store) as statements, store.reading() as uow:
        assert uow.archives.find(["v1:1001", "v1:1002", "none"]) == {"v1:1001": 1001, "v1:1002": 1002}
        assert uow.links.mentioning(["1001@x.example", "1003@y.example"], subaddresses=True) == [1001, 1003]
        assert uow.ledger.known(epoch, [999, 1001, 1002]) == {1001, 1002}
        assert set(uow.links.addresses([1001, 1002])) == {1001, 1002}
    check(sql, statements, {"archive", "archive_address", "processed_uid"})


@pytest.mark.parametrize("query", ["SELECT * FROM archive WHERE subject = '1'"])
def test_sees_that_a_table_is_read_from_end_to_end(store: Store, sql: Sql, epoch: Epoch, query: str) -> None:
    assert epoch
    with pytest.raises(AssertionError, match=r"(?i)scan"):
        check(sql, [(query, ())], set())
