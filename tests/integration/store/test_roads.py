"""The same message by several roads: one archive that knows what each road knew, whichever came first."""

from dataclasses import replace
from itertools import count, permutations
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.store.messages import (
    KEY,
    OTHER_KEY,
    add_contact,
    begin_epoch,
    draft,
    numbered,
    record,
)
from tests.integration.store.sql import Sql

from mail_archiver.domain.kind import Kind
from mail_archiver.domain.linking import Direction
from mail_archiver.domain.outcome import Outcome
from mail_archiver.store.store import Store
from mail_archiver.store.tables import archive, archive_address, archive_contact

Headers = dict[str, str]

ROADS: tuple[Headers, ...] = (
    {"Bcc": "bob@client.example, Ann@client.example"},
    {"Bcc": "Robert <BOB@client.example>", "Delivered-To": "crm@example.com"},
    {"Reply-To": "list@client.example", "Resent-To": "carl@client.example"},
)


def add_contacts(store: Store) -> None:
    add_contact(store, "ann", "ann@client.example", "archer@client.example")
    add_contact(store, "bob", "bob@client.example", "builder@client.example")
    add_contact(store, "carl", "carl@client.example")


def addresses(sql: Sql, archive_id: int) -> set[Any]:
    columns = archive_address.c
    query = sa.select(columns.role, columns.normalized).where(columns.archive_id == archive_id)
    return set(sql.rows(query))


def links(sql: Sql, archive_id: int) -> set[Any]:
    columns = archive_contact.c
    query = sa.select(columns.contact_id, columns.role, columns.address, columns.rule)
    return set(sql.rows(query.where(columns.archive_id == archive_id)))


@pytest.mark.parametrize("batches", ["one batch", "a batch each", "a mailbox each"])
def test_every_order_of_the_roads_leads_to_the_same_archive(store: Store, sql: Sql, batches: str) -> None:
    add_contacts(store)
    expected_addresses = {
        ("to", "ann@client.example"),
        ("sender", "eve@example.com"),
        ("bcc", "bob@client.example"),
        ("bcc", "ann@client.example"),
        ("delivered", "crm@example.com"),
        ("reply_to", "list@client.example"),
        ("resent", "carl@client.example"),
    }
    rule = "recipient-address"
    expected_links = {
        (1, "to", "ann@client.example", rule),
        (2, "bcc", "bob@client.example", rule),
        (3, "resent", "carl@client.example", rule),
    }
    for number, roads in enumerate(permutations(ROADS)):
        message_id = {"Message-ID": f"<{number}@example.com>"}
        drafts = [draft(uid, {**road, **message_id}) for uid, road in enumerate(roads, start=1)]
        epoch = begin_epoch(store)
        if batches == "one batch":
            recorded = record(store, epoch, *drafts)
        elif batches == "a batch each":
            recorded = [each for one in drafts for each in record(store, epoch, one)]
        else:
            epochs = [epoch, begin_epoch(store, OTHER_KEY), epoch]
            recorded = [each for e, one in zip(epochs, drafts, strict=True) for each in record(store, e, one)]
        assert [each.outcome for each in recorded] == [Outcome.ARCHIVED, Outcome.DUPLICATE, Outcome.DUPLICATE]
        [archive_id] = {each.archive_id for each in recorded}
        assert addresses(sql, archive_id) == expected_addresses
        assert links(sql, archive_id) == expected_links


MESSAGE_NUMBERS = count()
PEOPLE = st.lists(
    st.sampled_from(
        [
            "ann@client.example",
            "archer@client.example",
            "BOB@client.example",
            "builder@client.example",
            "broken",
        ]
    ),
    max_size=3,
).map(", ".join)
ANY_ROADS = st.lists(
    st.fixed_dictionaries(dict.fromkeys(("Bcc", "Resent-To", "Delivered-To", "Reply-To"), PEOPLE)),
    min_size=2,
    max_size=4,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(roads=ANY_ROADS, others=st.randoms(use_true_random=False), cut=st.integers(0, 4))
def test_the_result_does_not_depend_on_order_or_batches(
    store: Store, sql: Sql, roads: list[Headers], others: Any, cut: int
) -> None:
    add_contacts(store)
    shuffled = others.sample(roads, len(roads))
    results = []
    for order, parts in ((roads, [slice(None)]), (shuffled, [slice(0, cut), slice(cut, None)])):
        headers = {"Message-ID": f"<any-{next(MESSAGE_NUMBERS)}@example.com>", "To": "x@client.example"}
        epoch = begin_epoch(store)
        drafts = [draft(uid, {**road, **headers}) for uid, road in enumerate(order, start=1)]
        recorded = [each for part in parts if drafts[part] for each in record(store, epoch, *drafts[part])]
        [archive_id] = {each.archive_id for each in recorded}
        results.append((addresses(sql, archive_id), links(sql, archive_id)))
    assert results[0] == results[1]


def test_a_bcc_that_only_the_second_road_knows_is_added_with_its_link(store: Store, sql: Sql) -> None:
    add_contacts(store)
    [first] = record(store, begin_epoch(store, KEY), draft(1))
    other = begin_epoch(store, OTHER_KEY)
    [second] = record(store, other, draft(9, {"Bcc": "bob@client.example"}))
    assert (first.links, second.links, second.outcome) == (1, 1, Outcome.DUPLICATE)
    columns = archive_address.c
    assert sql.rows(sa.select(columns.epoch_id, columns.uid).where(columns.role == "bcc")) == [(other.id, 9)]
    assert {(contact, role) for contact, role, *_ in links(sql, first.archive_id)} == {(1, "to"), (2, "bcc")}


def test_a_stronger_role_replaces_a_weaker_one_and_never_the_other_way(store: Store, sql: Sql) -> None:
    add_contacts(store)
    epoch = begin_epoch(store)
    headers = {"To": "x@client.example"}
    roles = []
    for uid, (name, links_brought) in enumerate(
        [("Resent-To", 1), ("Bcc", 1), ("Resent-To", 0), ("Bcc", 0)], start=1
    ):
        [recorded] = record(store, epoch, draft(uid, {**headers, name: "bob@client.example"}))
        assert recorded.links == links_brought
        roles += sql.rows("SELECT role FROM archive_contact")
    assert roles == [("resent",), ("bcc",), ("bcc",), ("bcc",)]


def test_of_two_copies_in_one_batch_the_stronger_role_is_one_link(store: Store, sql: Sql) -> None:
    add_contacts(store)
    headers = {"To": "x@client.example"}
    drafts = [
        draft(1, {**headers, "Resent-To": "bob@client.example"}),
        draft(2, {**headers, "Bcc": "bob@client.example, carl@client.example"}),
    ]
    recorded = record(store, begin_epoch(store), *drafts, numbered(3, 3))
    assert [each.links for each in recorded] == [2, 0, 1]
    assert {(contact, role) for contact, role, *_ in links(sql, recorded[0].archive_id)} == {
        (2, "bcc"),
        (3, "bcc"),
    }


def test_of_two_addresses_in_the_same_role_either_order_shows_the_same(store: Store, sql: Sql) -> None:
    add_contacts(store)
    epoch = begin_epoch(store)
    found = []
    for number, names in enumerate([("bob", "builder"), ("builder", "bob")]):
        headers = {"To": "x@client.example", "Message-ID": f"<{number}@example.com>"}
        for uid, name in enumerate(names, start=2 * number):
            [recorded] = record(store, epoch, draft(uid, {**headers, "Bcc": f"{name}@client.example"}))
        found.append(links(sql, recorded.archive_id))
    assert found == [{(2, "bcc", "bob@client.example", "recipient-address")}] * 2


@pytest.mark.parametrize(
    "by_hand", ["unlinked_at = '2024-01-01 00:00:00+00:00'", "origin = 'manual', role = NULL, address = NULL"]
)
def test_what_a_person_linked_or_unlinked_stays_so(store: Store, sql: Sql, by_hand: str) -> None:
    add_contacts(store)
    epoch = begin_epoch(store)
    record(store, epoch, draft(1, {"To": "x@client.example", "Resent-To": "bob@client.example"}))
    sql.run(f"UPDATE archive_contact SET {by_hand}")
    before = sql.rows(sa.select(archive_contact))
    [copy] = record(store, epoch, draft(2, {"To": "x@client.example", "Bcc": "bob@client.example"}))
    assert (copy.outcome, copy.links) == (Outcome.DUPLICATE, 0)
    assert sql.rows(sa.select(archive_contact)) == before


def test_a_contact_that_comes_later_is_linked_by_the_next_copy(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    [first] = record(store, epoch, draft(1))
    add_contacts(store)
    record(store, epoch, draft(2))
    assert {(contact, role) for contact, role, *_ in links(sql, first.archive_id)} == {(1, "to")}


@pytest.mark.parametrize("batches", ["one batch", "a batch each"])
def test_what_only_one_road_tells_does_not_depend_on_which_came_first(
    store: Store, sql: Sql, batches: str
) -> None:
    """The list's copy says what it is; only the Sent copy shows that somebody outside received it."""
    columns = archive.c
    for number, roads in enumerate(permutations(range(4))):
        headers = {"Message-ID": f"<{number}@example.com>", "To": "bob@example.com"}
        direct = draft(1, headers)
        sent = draft(2, {**headers, "Bcc": "ann@client.example"})
        by_list = replace(direct.message, kind=Kind.LIST, list_id="<b.example.com>", auto_submitted="no")
        by_another = replace(by_list, kind=Kind.AUTO_REPLY, list_id="<a.example.com>", auto_submitted=None)
        copies = [
            direct,
            sent,
            replace(direct, uid=3, message=by_list),
            replace(direct, uid=4, message=by_another),
        ]
        assert (direct.direction, sent.direction) == (Direction.INTERNAL, Direction.OUTGOING)
        epoch, drafts = begin_epoch(store), [replace(copies[n], uid=uid) for uid, n in enumerate(roads)]
        for batch in [drafts] if batches == "one batch" else [[each] for each in drafts]:
            [archive_id] = {each.archive_id for each in record(store, epoch, *batch)}
        told = sa.select(columns.kind, columns.direction, columns.list_id, columns.auto_submitted)
        assert sql.rows(told.where(columns.id == archive_id)) == [
            ("auto_reply", "outgoing", "<a.example.com>", "no")
        ]


def test_each_roads_original_is_kept(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    drafts = [draft(uid, road) for uid, road in enumerate(ROADS, start=1)]
    record(store, epoch, *drafts)
    assert sql.rows("SELECT uid, source_sha256 FROM processed_uid ORDER BY uid") == [
        (each.uid, each.message.source_sha256) for each in drafts
    ]
