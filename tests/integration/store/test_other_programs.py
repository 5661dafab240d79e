"""What the tables hold other programs to, and what they spare them."""

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import begin_epoch, draft, record
from tests.integration.store.sql import Sql

from mail_archiver.store.store import Store
from mail_archiver.store.tables import contact, opportunity

ADDRESS_TABLES = pytest.mark.parametrize(
    ("table", "owner"), [("contact_address", "contact_id"), ("organization_address", "organization_id")]
)
LOOKED_UP = "2024-01-01 00:00:00+00:00"


def add_addresses(sql: Sql, table: str, owner: str) -> None:
    """Two addresses of one owner, both looked up in the archive."""
    parent = owner.removesuffix("_id")
    column = "name" if parent == "organization" else "first_name"
    sql.run(f"INSERT INTO {parent} ({column}) VALUES ('Ann')")
    for address in ("ann@client.example", "archer@client.example"):
        sql.run(
            f"INSERT INTO {table} ({owner}, address, normalized, matched_at)"
            f" VALUES (1, '{address}', '{address}', '{LOOKED_UP}')"
        )


def unmatched(sql: Sql, table: str) -> list[str]:
    return [address for [address] in sql.rows(f"SELECT address FROM {table} WHERE matched_at IS NULL")]


@ADDRESS_TABLES
def test_an_address_that_changes_is_to_be_looked_up_again(
    store: Store, sql: Sql, table: str, owner: str
) -> None:
    add_addresses(sql, table, owner)
    sql.run(f"UPDATE {table} SET address = 'Ann@Client.example' WHERE normalized = 'ann@client.example'")
    assert unmatched(sql, table) == ["Ann@Client.example"]


@ADDRESS_TABLES
def test_a_normalized_form_that_changes_is_to_be_looked_up_again(
    store: Store, sql: Sql, table: str, owner: str
) -> None:
    add_addresses(sql, table, owner)
    sql.run(f"UPDATE {table} SET normalized = 'a@b.example' WHERE normalized = 'ann@client.example'")
    assert unmatched(sql, table) == ["ann@client.example"]


@ADDRESS_TABLES
def test_an_address_written_again_as_it_was_stays_looked_up(
    store: Store, sql: Sql, table: str, owner: str
) -> None:
    add_addresses(sql, table, owner)
    sql.run(f"UPDATE {table} SET address = address, normalized = normalized")
    assert unmatched(sql, table) == []


@ADDRESS_TABLES
def test_a_changed_address_cannot_claim_to_be_looked_up(
    store: Store, sql: Sql, table: str, owner: str
) -> None:
    add_addresses(sql, table, owner)
    sql.run(
        f"UPDATE {table} SET address = 'x', matched_at = '{LOOKED_UP}' WHERE address = 'ann@client.example'"
    )
    assert unmatched(sql, table) == ["x"]


def test_another_program_gives_only_the_columns_that_are_its_own(store: Store, sql: Sql) -> None:
    sql.run(
        "INSERT INTO organization (name) VALUES ('Client Ltd')",
        "INSERT INTO contact (first_name, last_name) VALUES ('Ann', 'Archer')",
        "INSERT INTO contact_address (contact_id, address, normalized) VALUES (1, 'Ann@C.dev', 'ann@c.dev')",
        "INSERT INTO organization_address (organization_id, address, normalized) VALUES (1, 'X.y', 'x.y')",
        "INSERT INTO opportunity (name) VALUES ('Roof')",
        "INSERT INTO opportunity_contact (opportunity_id, contact_id) VALUES (1, 1)",
    )
    [[kind, created_at, updated_at]] = sql.rows(
        sa.select(contact.c.kind, contact.c.created_at, contact.c.updated_at)
    )
    assert kind == "contact"
    assert created_at == updated_at
    assert created_at.tzinfo is not None
    [[stage, created_at]] = sql.rows(sa.select(opportunity.c.stage, opportunity.c.created_at))
    assert (stage, created_at.tzinfo is not None) == ("open", True)
    assert sql.rows("SELECT is_primary, matched_at FROM contact_address") in (
        [(False, None)],
        [(0, None)],
    )
    with store.reading() as uow:
        [found] = uow.contacts.with_addresses({"ann@c.dev"})
    assert found.contact_id == 1


def test_a_link_made_by_another_program_needs_only_its_pair(store: Store, sql: Sql) -> None:
    record(store, begin_epoch(store), draft(1))
    sql.run(
        "INSERT INTO contact (last_name) VALUES ('Archer')",
        "INSERT INTO archive_contact (archive_id, contact_id) VALUES (1, 1)",
    )
    assert sql.rows("SELECT role, origin, unlinked_at FROM archive_contact") == [(None, "auto", None)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE processed_uid SET outcome = 'lost'",
        "UPDATE archive_address SET role = 'friend'",
        "UPDATE archive SET kind = 'letter'",
        "UPDATE archive SET direction = 'sideways'",
        "INSERT INTO contact (kind) VALUES ('customer')",
        "INSERT INTO opportunity (name, stage) VALUES ('Roof', 'maybe')",
        "UPDATE archive_contact SET origin = 'guessed'",
        "UPDATE archive_contact SET role = 'friend'",
    ],
)
def test_words_that_are_not_ours_are_refused(store: Store, sql: Sql, statement: str) -> None:
    record(store, begin_epoch(store), draft(1))
    sql.run(
        "INSERT INTO contact (last_name) VALUES ('Archer')",
        "INSERT INTO archive_contact (archive_id, contact_id) VALUES (1, 1)",
    )
    with pytest.raises(sa.exc.IntegrityError):
        sql.run(statement)


def test_a_contact_that_is_removed_takes_its_addresses_and_links_with_it(store: Store, sql: Sql) -> None:
    record(store, begin_epoch(store), draft(1))
    sql.run(
        "INSERT INTO contact (last_name) VALUES ('Archer')",
        "INSERT INTO contact_address (contact_id, address, normalized) VALUES (1, 'a@c.dev', 'a@c.dev')",
        "INSERT INTO archive_contact (archive_id, contact_id) VALUES (1, 1)",
    )
    cascade = ("PRAGMA foreign_keys = ON",) if sql.is_sqlite else ()
    with sql.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (*cascade, "DELETE FROM contact"):
            connection.exec_driver_sql(statement)
    assert (sql.count("contact_address"), sql.count("archive_contact"), sql.count("archive")) == (0, 0, 1)
