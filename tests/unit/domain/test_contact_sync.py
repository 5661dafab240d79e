"""What a sync is going to do."""

from dataclasses import replace
from typing import Any

import pytest

from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.contact_sync import KnownContact, LeftOut, SourceContact, SyncPlan, plan_sync

A, B = ("a@client.example", "a@client.example"), ("B@client.example", "b@client.example")
ANN = ImportedContact("1", "contact", "Ann", "Archer", "Client Ltd", (A, B), "o1")

Known = dict[str, KnownContact]


def ours(contact: ImportedContact = ANN, *, source: str | None = "sync", is_deleted: bool = False) -> Known:
    return {contact.external_id: KnownContact(contact, source, is_deleted)}


def plan(
    contact: ImportedContact | None,
    known: Known,
    *,
    is_deleted: bool = False,
    is_full: bool = True,
    adopt: bool = False,
) -> SyncPlan:
    found = {contact.external_id: SourceContact(contact, is_deleted)} if contact else {}
    return plan_sync(found, known, "sync", present=set(found) if is_full else None, adopt=adopt)


def done(plan: SyncPlan) -> dict[str, Any]:
    """What of a plan is not nothing."""
    names = ("create", "update", "restore", "delete", "gone", "left_out", "unchanged")
    return {name: value for name in names if (value := getattr(plan, name))}


def test_a_contact_that_is_new_is_created() -> None:
    assert done(plan(ANN, {})) == {"create": [ANN]}


def test_a_contact_that_is_the_same_is_left_alone() -> None:
    assert done(plan(ANN, ours())) == {"unchanged": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "lead"},
        {"first_name": None},
        {"last_name": "Smith"},
        {"organization": "Client AG"},
        {"organization_id": "o2"},
        {"organization": None, "organization_id": None},
        {"addresses": (A,)},
        {"addresses": (B, A)},
        {"addresses": ()},
        {"addresses": (A, B, ("c@client.example", "c@client.example"))},
    ],
)
def test_a_contact_that_differs_is_updated(change: dict[str, Any]) -> None:
    changed = replace(ANN, **change)
    assert done(plan(changed, ours())) == {"update": [changed]}


@pytest.mark.parametrize(
    "change",
    [
        {"organization_id": None},
        {"organization": None},
        {"addresses": (("A@client.example", "a@client.example"), B)},
    ],
)
def test_what_says_the_same_in_other_words_is_no_difference(change: dict[str, Any]) -> None:
    assert done(plan(replace(ANN, **change), ours())) == {"unchanged": 1}


def test_a_contact_that_is_deleted_there_is_deleted_here_once() -> None:
    assert done(plan(ANN, ours(), is_deleted=True, is_full=False)) == {"delete": ["1"]}
    assert done(plan(ANN, ours(is_deleted=True), is_deleted=True)) == {}
    assert done(plan(ANN, {}, is_deleted=True)) == {}


def test_a_contact_that_is_gone_shows_in_a_full_pass_alone() -> None:
    assert done(plan(None, ours(), is_full=False)) == {}
    assert done(plan(None, ours())) == {"gone": ["1"]}
    assert done(plan(None, ours(is_deleted=True))) == {}


def test_a_contact_whose_row_was_left_out_is_not_gone() -> None:
    found = plan_sync({}, ours(), "sync", present={"1"}, adopt=False)
    assert done(found) == {}


def test_a_contact_that_comes_back_is_restored() -> None:
    assert done(plan(ANN, ours(is_deleted=True))) == {"restore": [ANN]}


def test_a_new_contact_without_an_address_is_left_out_and_a_known_one_loses_its_addresses() -> None:
    bare = replace(ANN, addresses=())
    assert done(plan(bare, {})) == {"left_out": [LeftOut("1", "no address")]}
    assert done(plan(bare, ours())) == {"update": [bare]}


@pytest.mark.parametrize("source", [None, "other"])
def test_a_contact_that_came_another_way_is_left_alone(source: str | None) -> None:
    known = ours(replace(ANN, first_name="Anna"), source=source)
    [left_out] = plan(ANN, known).left_out
    assert left_out == LeftOut("1", "is here already, and not from this source")
    assert done(plan(ANN, known, is_deleted=True)) == {}
    assert done(plan(None, known)) == {}


def test_a_contact_is_adopted_when_that_is_asked_for_even_if_it_is_the_same() -> None:
    assert done(plan(ANN, ours(source=None), adopt=True)) == {"update": [ANN]}
    assert done(plan(None, ours(source=None), adopt=True)) == {}


@pytest.mark.parametrize(
    ("owned", "gone", "expected"),
    [(0, 0, False), (1, 1, True), (2, 1, False), (3, 1, False), (3, 2, True), (10, 5, False), (10, 10, True)],
)
def test_losing_more_than_half_at_once_is_too_much(owned: int, gone: int, expected: bool) -> None:
    known: Known = {}
    for number in range(owned):
        known |= ours(replace(ANN, external_id=str(number)))
    known |= ours(replace(ANN, external_id="deleted"), is_deleted=True)
    known |= ours(replace(ANN, external_id="by hand"), source=None)
    present = {str(number) for number in range(gone, owned)}
    found = plan_sync({}, known, "sync", present=present, adopt=False)
    assert (len(found.gone), found.owned, found.loses_too_many) == (gone, owned, expected)
