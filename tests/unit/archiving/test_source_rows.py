"""Rows of any database, made into contacts."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from mail_archiver.archiving.source_rows import SourceContacts, read_rows
from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.contact_sync import LeftOut, SourceContact


def addresses(*rows: dict[str, object]) -> tuple[tuple[str, str], ...]:
    """The addresses of the only contact."""
    [found] = read_rows({"external_id": 1, **row} for row in rows).contacts.values()
    return found.contact.addresses


def test_a_row_has_all_that_a_contact_has() -> None:
    row = {
        "external_id": 7,
        "kind": "Lead",
        "first_name": " Hélène ",
        "last_name": "",
        "organization": "Maison Aubry",
        "organization_id": UUID(int=1),
        "addresses": "Helene@Aubry.example; h.aubry@post.example,",
    }
    assert read_rows([row]).contacts["7"] == SourceContact(
        ImportedContact(
            "7",
            "lead",
            "Hélène",
            None,
            "Maison Aubry",
            (("Helene@Aubry.example", "helene@aubry.example"), ("h.aubry@post.example",) * 2),
            "00000000-0000-0000-0000-000000000001",
        )
    )


def test_the_rows_of_a_contact_are_gathered_wherever_they_stand() -> None:
    rows = [
        {"external_id": 1, "first_name": "Ann", "address": "a@client.example"},
        {"external_id": 2, "first_name": "Bob", "address": "b@client.example"},
        {"external_id": 1, "first_name": "Ann", "address": "A@client.example"},
        {"external_id": 1, "first_name": "Ann", "address": "archer@client.example"},
    ]
    read = read_rows(rows)
    found = {key: [each for _, each in value.contact.addresses] for key, value in read.contacts.items()}
    assert found == {"1": ["a@client.example", "archer@client.example"], "2": ["b@client.example"]}


@pytest.mark.parametrize("yes", [True, 1, "1", "t", "true", "Y", Decimal(1), b"1"])
@pytest.mark.parametrize("no", [None, False, 0, "0", "f", "False", "n", "", Decimal(0), b"0"])
def test_the_primary_address_comes_first_however_a_database_says_so(yes: object, no: object) -> None:
    first = {"address": "a@client.example", "is_primary": no}
    second = {"address": "b@client.example", "is_primary": yes}
    assert [each for each, _ in addresses(first, second)] == ["b@client.example", "a@client.example"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), (0, False), (True, True), ("t", True), (datetime(2026, 1, 1, tzinfo=UTC), True)],
)
def test_deleted_may_be_a_truth_or_a_moment(value: object, expected: bool) -> None:
    [found] = read_rows([{"external_id": 1, "address": "", "deleted": value}]).contacts.values()
    assert found.is_deleted is expected


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 3, 1, 8),  # noqa: DTZ001 as MySQL has it
        datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=1))),
        "2026-03-01 08:00:00",
        "2026-03-01T08:00:00Z",
    ],
)
def test_the_newest_moment_is_told_in_utc(value: object) -> None:
    rows: list[dict[str, object]] = [
        {"external_id": 1, "updated_at": date(2026, 3, 1)},
        {"external_id": 2, "updated_at": value},
        {"external_id": 3, "updated_at": None},
        {"external_id": "", "updated_at": "yesterday"},
    ]
    assert read_rows(rows).newest == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_bad_rows_are_told_and_their_contacts_are_there_all_the_same() -> None:
    rows: list[dict[str, object]] = [
        {"external_id": None, "address": "a@client.example"},
        {"external_id": 1, "address": "a@client.example", "kind": "customer"},
        {"external_id": 2, "address": "a@client.example", "last_name": "A\0"},
        {"external_id": 3, "addresses": "not an address;c@client.example"},
        {"external_id": 4, "address": None},
    ]
    read = read_rows(rows)
    assert read.left_out == [
        LeftOut("", "no external_id"),
        LeftOut("1", "kind is customer, not contact or lead"),
        LeftOut("2", "a NUL character"),
        LeftOut("3", "an address that is none"),
    ]
    assert {key: len(value.contact.addresses) for key, value in read.contacts.items()} == {"3": 1, "4": 0}
    assert read.present == {"1", "2", "3", "4"}


def test_no_rows_are_no_contacts() -> None:
    assert read_rows([]) == SourceContacts()


def test_what_a_crm_stores_for_a_browser_is_read_as_a_person_reads_it() -> None:
    row = {
        "external_id": 1,
        "last_name": "D&#039;Arcy &amp; Fils &notes",
        "address": "d&#039;arcy@client.example",
        "addresses": "Zoé <z@post.example>",
    }
    contact = read_rows([row]).contacts["1"].contact
    assert contact.last_name == "D'Arcy & Fils &notes"
    assert [each for each, _ in contact.addresses] == ["d'arcy@client.example", "z@post.example"]
