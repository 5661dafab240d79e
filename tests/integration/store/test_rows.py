"""Many rows in one statement: whatever their number, and wherever the tables are."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from tests.integration.store.sql import Sql

from mail_archiver.store.rows import MAX_PARAMETERS, insert_rows, replace_values
from mail_archiver.store.store import Store
from mail_archiver.store.tables import contact, contact_address, organization, thread_message


def _with_ids(rows: postgresql.Insert) -> sa.Insert:
    return rows.on_conflict_do_nothing().returning(organization.c.id, organization.c.external_id)


def test_more_values_than_a_statement_takes_are_all_answered(store: Store, sql: Sql) -> None:
    rows = [{"name": "100 % & more", "external_id": str(n)} for n in range(MAX_PARAMETERS // 2 + 10)]
    with store.transaction() as uow:
        answers = insert_rows(uow.links._connection, organization, rows, _with_ids)
        again = insert_rows(uow.links._connection, organization, rows[:2], _with_ids)
    assert {external_id for _, external_id in answers} == {row["external_id"] for row in rows}
    assert again == []
    assert sql.rows("SELECT DISTINCT name FROM organization") == [("100 % & more",)]


ODD_TEXTS = [
    "",
    "NULL",
    "None",
    '"',
    "\\",
    '\\"',
    "{a,b}",
    " a ",
    "a,b",
    "\r\n\t",
    "'%s'",
    "é\U0001f600",
    '"' * 9,
    "'",
]


@pytest.mark.parametrize("long", ["", '\\ " long ' * 10_000], ids=["short", "long"])
def test_any_text_is_kept_as_it_is(store: Store, sql: Sql, long: str) -> None:
    rows: list[dict[str, str | None]] = [
        {"name": long + text, "external_id": f"{n}{text}"} for n, text in enumerate(ODD_TEXTS)
    ]
    rows.append({"name": "no text", "external_id": None})
    with store.transaction() as uow:
        insert_rows(uow.links._connection, organization, rows)
    found = sql.rows("SELECT name, external_id FROM organization ORDER BY id")
    assert found == [(row["name"], row["external_id"]) for row in rows]


def test_any_other_value_is_kept_as_it_is(store: Store, sql: Sql) -> None:
    moments = [None, datetime.min.replace(tzinfo=UTC), datetime(2026, 10, 5, 7, 30, 0, 123456, tzinfo=UTC)]
    with store.transaction() as uow:
        connection = uow.links._connection
        insert_rows(connection, organization, [{"name": "a"}, {"name": "b"}])
        ids = list(connection.execute(sa.select(organization.c.id)).scalars())
        people = [
            {"organization_id": id_, "deleted_at": moment} for id_ in (None, *ids) for moment in moments
        ]
        insert_rows(connection, contact, people)
        query = sa.select(contact.c.organization_id, contact.c.deleted_at).order_by(contact.c.id)
        found = [{"organization_id": row[0], "deleted_at": row[1]} for row in connection.execute(query)]
        assert found == people
        contact_ids = list(connection.execute(sa.select(contact.c.id).order_by(contact.c.id)).scalars())
        addresses = [
            {
                "contact_id": id_,
                "address": "a@b.example",
                "normalized": "a@b.example",
                "is_primary": id_ % 2 == 0,
            }
            for id_ in contact_ids
        ]
        insert_rows(connection, contact_address, addresses)
        truths = connection.execute(sa.select(contact_address.c.contact_id, contact_address.c.is_primary))
        assert {row[0]: row[1] for row in truths} == {id_: id_ % 2 == 0 for id_ in contact_ids}


def test_nothing_is_no_statement(store: Store) -> None:
    with store.transaction() as uow:
        statements: list[str] = []
        sa.event.listen(
            uow.links._connection, "before_cursor_execute", lambda *said: statements.append(said[2])
        )
        assert insert_rows(uow.links._connection, organization, [], _with_ids) == []
        replace_values(uow.links._connection, thread_message.c.thread_id, thread_message.c.thread_id, {})
    assert statements == []


@pytest.mark.parametrize("schema", [None, "Our Tables"])
def test_rows_go_to_the_schema_of_the_tables(emptied_postgres_url: str, schema: str | None) -> None:
    sql = Sql(emptied_postgres_url)
    if schema:
        sql.run(f'CREATE SCHEMA "{schema}"')
    store = Store(emptied_postgres_url, schema)
    try:
        store.upgrade()
        with store.transaction() as uow:
            for name in "ab":
                rows = [{"message_key": name, "thread_id": name}]
                insert_rows(uow.links._connection, thread_message, rows)
            column = thread_message.c.thread_id
            replace_values(uow.links._connection, column, column, {"a": "c", "d": "e"})
        there = f'"{schema}".thread_message' if schema else "thread_message"
        assert sql.rows(f"SELECT message_key, thread_id FROM {there} ORDER BY 1") == [("a", "c"), ("b", "b")]
    finally:
        store.close()
        if schema:
            sql.run(f'DROP SCHEMA "{schema}" CASCADE')
