"""Contacts, looked up and brought in."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import NOW, add_contact
from tests.integration.store.sql import Sql

from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.contact_sync import KnownContact
from mail_archiver.domain.linking import ContactAddress
from mail_archiver.domain.source_state import SourceState
from mail_archiver.errors import SyncBusy
from mail_archiver.store.store import Store
from mail_archiver.store.tables import contact, contact_address, organization

columns = contact.c
address = contact_address.c


def look_up(store: Store, *normalized: str) -> set[ContactAddress]:
    with store.reading() as uow:
        return set(uow.contacts.with_addresses(normalized))


def test_finds_the_contacts_that_have_an_address(store: Store) -> None:
    add_contact(store, "1", "ann@client.example", "archer@client.example")
    add_contact(store, "2", "bob@client.example", "ann@client.example")
    assert look_up(store, "ann@client.example", "bob@client.example", "eve@client.example") == {
        ContactAddress(1, "ann@client.example"),
        ContactAddress(2, "ann@client.example"),
        ContactAddress(2, "bob@client.example"),
    }
    assert look_up(store) == set()


def test_looks_up_more_addresses_than_a_statement_takes_parameters(store: Store) -> None:
    sqlite_default = 32_766

    def limit(connection: object, _record: object) -> None:
        if store.is_sqlite:
            connection.setlimit(9, sqlite_default)  # type: ignore[attr-defined] # SQLITE_LIMIT_VARIABLE_NUMBER

    sa.event.listen(store._engine, "connect", limit)
    store._engine.dispose()
    add_contact(store, "1", "ann@client.example")
    others = [f"{number}@client.example" for number in range(sqlite_default + 1)]
    assert look_up(store, *others, "ann@client.example") == {ContactAddress(1, "ann@client.example")}


def test_does_not_find_a_deleted_contact_until_it_is_brought_in_again(store: Store, sql: Sql) -> None:
    add_contact(store, "1", "ann@client.example")
    sql.run("UPDATE contact SET deleted_at = '2024-01-01 00:00:00+00:00'")
    assert look_up(store, "ann@client.example") == set()
    with store.reading() as uow:
        assert uow.contacts.known(["1"])
    add_contact(store, "1", "ann@client.example")
    assert look_up(store, "ann@client.example") == {ContactAddress(1, "ann@client.example")}


def test_knows_whether_a_contact_is_there(store: Store) -> None:
    add_contact(store, "1", "ann@client.example")
    with store.reading() as uow:
        assert (list(uow.contacts.known(["1"])), list(uow.contacts.known(["2"]))) == (["1"], [])


def test_a_new_contact_gets_all_that_is_told_of_it(store: Store, sql: Sql) -> None:
    imported = ImportedContact(
        "x-1", "lead", "Ann", None, "Client Ltd", (("Ann@Client.example", "ann@client.example"),)
    )
    with store.transaction() as uow:
        uow.contacts.upsert(imported, NOW)
    assert sql.rows(
        sa.select(
            columns.external_id,
            columns.kind,
            columns.first_name,
            columns.last_name,
            organization.c.name,
            columns.created_at,
            columns.updated_at,
            columns.deleted_at,
        ).join(organization)
    ) == [("x-1", "lead", "Ann", None, "Client Ltd", NOW, NOW, None)]
    assert sql.rows(sa.select(contact_address)) == [
        (1, "Ann@Client.example", "ann@client.example", True, None)
    ]


def test_a_contact_brought_in_again_is_brought_up_to_date(store: Store, sql: Sql) -> None:
    add_contact(store, "1", "ann@client.example", organization="Client Ltd")
    later = NOW + timedelta(days=1)
    with store.transaction() as uow:
        uow.contacts.upsert(ImportedContact("1", "lead", None, "Archer", None, ()), later)
    assert sql.rows(
        sa.select(
            columns.id,
            columns.kind,
            columns.first_name,
            columns.organization_id,
            columns.created_at,
            columns.updated_at,
        )
    ) == [(1, "lead", None, None, NOW, later)]
    assert sql.count("contact_address") == 0


def test_addresses_that_stay_are_not_looked_up_again(store: Store, sql: Sql) -> None:
    add_contact(store, "1", "ann@client.example", "old@client.example", "archer@client.example")
    add_contact(store, "2", "old@client.example")
    sql.run("UPDATE contact_address SET matched_at = '2024-01-01 00:00:00+00:00'")
    add_contact(store, "1", "archer@client.example", "ANN@client.example", "new@client.example")
    found = sql.rows(
        sa.select(address.normalized, address.is_primary, address.matched_at.is_not(None))
        .where(address.contact_id == 1)
        .order_by(address.normalized)
    )
    assert found == [
        ("ann@client.example", False, True),
        ("archer@client.example", True, True),
        ("new@client.example", False, False),
    ]
    assert look_up(store, "old@client.example") == {ContactAddress(2, "old@client.example")}


def test_an_organization_is_made_once_for_its_name(store: Store, sql: Sql) -> None:
    sql.run("INSERT INTO organization (name) VALUES ('Twin Ltd'), ('Twin Ltd')")
    for number, name in enumerate(["Twin Ltd", "Client Ltd", "Client Ltd", "client ltd", None]):
        add_contact(store, str(number), organization=name)
    assert sql.rows(
        sa.select(columns.external_id, columns.organization_id).order_by(columns.external_id)
    ) == [("0", 1), ("1", 3), ("2", 3), ("3", 4), ("4", None)]
    assert [name for [name] in sql.rows("SELECT name FROM organization ORDER BY id")] == [
        "Twin Ltd",
        "Twin Ltd",
        "Client Ltd",
        "client ltd",
    ]


IMPORTED = ImportedContact(
    "1",
    "lead",
    "Ann",
    None,
    "Client Ltd",
    (("b@client.example", "b@client.example"), ("A@client.example", "a@client.example")),
    "o1",
)


def bring_in(store: Store, contact_: ImportedContact = IMPORTED, source: str = "sync") -> None:
    with store.transaction() as uow:
        uow.contacts.upsert_from(source, contact_, NOW)


def test_a_contact_is_known_as_it_was_brought_in(store: Store) -> None:
    bring_in(store)
    add_contact(store, "2", "c@client.example")
    add_contact(store, "3")
    plain = ImportedContact("2", "contact", "Ann", "Archer", None, (("c@client.example",) * 2,))
    with store.reading() as uow:
        assert uow.contacts.known(["1", "2", "4"]) == {
            "1": KnownContact(IMPORTED, "sync", is_deleted=False),
            "2": KnownContact(plain, None, is_deleted=False),
        }
        assert set(uow.contacts.known(None)) == {"1", "2", "3"}
        assert uow.contacts.known([]) == {}


def test_a_contact_without_an_id_is_another_programs_and_not_known(store: Store, sql: Sql) -> None:
    sql.run("INSERT INTO contact (first_name) VALUES ('Theirs')")
    with store.reading() as uow:
        assert uow.contacts.known(None) == {}


def test_a_deleted_contact_keeps_its_addresses_and_when_it_was_deleted(store: Store, sql: Sql) -> None:
    bring_in(store)
    for now in (NOW, NOW + timedelta(days=1)):
        with store.transaction() as uow:
            uow.contacts.delete(["1", "2"], now)
    assert sql.value(sa.select(columns.deleted_at)) == NOW
    assert sql.count("contact_address") == 2
    with store.reading() as uow:
        assert uow.contacts.known(None) == {"1": KnownContact(IMPORTED, "sync", is_deleted=True)}


def test_the_addresses_of_a_contact_that_comes_back_are_looked_up_again(store: Store, sql: Sql) -> None:
    bring_in(store)
    add_contact(store, "2", "c@client.example")
    sql.run("UPDATE contact_address SET matched_at = '2024-01-01 00:00:00+00:00'")
    with store.transaction() as uow:
        uow.contacts.delete(["1"], NOW)
    bring_in(store)
    query = sa.select(address.normalized).where(address.matched_at.is_(None)).order_by(address.normalized)
    assert sql.rows(query) == [("a@client.example",), ("b@client.example",)]


def test_a_contact_that_is_imported_stays_the_property_of_its_source(store: Store, sql: Sql) -> None:
    bring_in(store)
    add_contact(store, "1", "a@client.example")
    assert sql.value(sa.select(columns.source)) == "sync"


def test_remembers_how_far_it_has_come_with_a_source(store: Store) -> None:
    states = [SourceState("d1", None, NOW), SourceState("d2", NOW, NOW + timedelta(days=1))]
    with store.reading() as uow:
        assert uow.contacts.source_state("sync") is None
    for state in states:
        with store.transaction() as uow:
            uow.contacts.save_source_state("sync", state, NOW)
        with store.reading() as uow:
            assert uow.contacts.source_state("sync") == state
            assert uow.contacts.source_state("other") is None


def test_one_sync_at_a_time(store: Store) -> None:
    with store.sync_lease(), pytest.raises(SyncBusy), store.sync_lease():
        pass
    with store.sync_lease():
        pass
