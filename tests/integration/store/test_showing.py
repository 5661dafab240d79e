"""One archive record, read whole."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import (
    KEY,
    MIXED,
    NOW,
    OTHER_KEY,
    PARTS,
    RECEIVED_AT,
    add_contact,
    begin_epoch,
    draft,
    draft_bytes,
    naming,
    record,
    source,
)
from tests.integration.store.sql import Sql

from mail_archiver.domain.address import Role
from mail_archiver.domain.kind import DeliveryReport, Kind
from mail_archiver.domain.message import Defect, DefectCode
from mail_archiver.domain.outcome import Outcome
from mail_archiver.domain.record import ArchiveRecord, Namesake, RecordedDefect
from mail_archiver.store.store import Store


def shown(store: Store, name: str) -> ArchiveRecord:
    found = store.show_archive(name)
    assert isinstance(found, ArchiveRecord)
    return found


def test_a_record_holds_what_the_message_said(store: Store) -> None:
    read = draft_bytes(1, source(MIXED, PARTS))
    first, second = read.message.attachments
    message = replace(
        read.message,
        attachments=(first, replace(second, within=0)),
        defects=(Defect(DefectCode.DATE_INVALID, "date", "left empty"),),
        kind=Kind.BOUNCE,
        list_id="Offers <offers.example.com>",
        auto_submitted="no",
        delivery_reports=(DeliveryReport("bob@x.example", None, "failed", "5.1.1", None),),
    )
    record(store, begin_epoch(store), replace(read, message=message))

    found = shown(store, "1")

    for name in ("message_id", "subject", "sent_at", "kind", "list_id", "auto_submitted", "delivery_reports"):
        assert getattr(found, name) == getattr(message, name)
    for name in ("body_text", "body_html", "size_octets", "source_sha256", "fingerprint"):
        assert getattr(found, name) == getattr(message, name)
    assert (found.received_at, found.archived_at) == (RECEIVED_AT, NOW)
    assert found.defects == (RecordedDefect("date-invalid", "date", "left empty"),)
    assert (found.attachments_name, found.attachments_sha256) == (
        read.attachments_name,
        read.attachments_sha256,
    )
    assert [(file.position, file.safe_name, file.size_octets, file.within) for file in found.attachments] == [
        (position, file.safe_name, len(file.content), file.within)
        for position, file in enumerate(message.attachments)
    ]
    assert found.thread_archive_ids == ()


def test_addresses_stand_by_role_and_then_as_they_came(store: Store) -> None:
    late, early = begin_epoch(store, KEY), begin_epoch(store, OTHER_KEY)
    copy = {"Cc": "x@client.example, a@client.example"}
    record(store, early, draft(7, copy))
    record(store, late, draft(3, {**copy, "Bcc": "z@client.example", "Delivered-To": "crm@example.com"}))
    found = shown(store, "1")
    assert [(each.role, each.address, each.epoch_id, each.uid) for each in found.addresses] == [
        (Role.TO, "Ann@Client.example", early.id, 7),
        (Role.CC, "x@client.example", early.id, 7),
        (Role.CC, "a@client.example", early.id, 7),
        (Role.BCC, "z@client.example", late.id, 3),
        (Role.DELIVERED, "crm@example.com", late.id, 3),
        (Role.SENDER, "eve@example.com", early.id, 7),
    ]


def test_the_road_that_brought_it_first_stands_first(store: Store, sql: Sql) -> None:
    epochs = begin_epoch(store, KEY, uidvalidity=2**32 - 1), begin_epoch(store, OTHER_KEY)
    record(store, epochs[1], draft(2**32 - 1))
    record(store, epochs[0], draft(1), disposed=False)
    found = shown(store, "1")
    assert [
        (road.account, road.mailbox, road.uidvalidity, road.uid, road.outcome, road.disposed_at)
        for road in found.roads
    ] == [
        ("sales", "INBOX", 1, 2**32 - 1, Outcome.ARCHIVED, NOW),
        ("crm", "INBOX", 2**32 - 1, 1, Outcome.DUPLICATE, None),
    ]
    assert {(road.host, road.received_at, road.processed_at) for road in found.roads} == {
        ("imap.example.com", RECEIVED_AT, NOW)
    }


def test_a_link_says_why_it_is_there_and_whether_a_person_ended_it(store: Store, sql: Sql) -> None:
    add_contact(store, "c1", "ann@client.example")
    record(store, begin_epoch(store), draft(1))
    sql.run(
        "INSERT INTO contact (id, external_id) VALUES (1000, 'c2')",
        "INSERT INTO archive_contact (archive_id, contact_id, origin, unlinked_at)"
        " VALUES (1, 1000, 'manual', '2024-05-07 07:08:09.123456+00:00')",
    )
    ann, other = shown(store, "1").contacts
    assert (ann.external_id, ann.name, ann.role, ann.address) == (
        "c1",
        "Ann Archer",
        Role.TO,
        "ann@client.example",
    )
    assert (ann.rule, ann.origin, ann.ambiguous) == ("recipient-address", "auto", False)
    assert (ann.linked_at, ann.unlinked_at) == (NOW, None)
    assert (other.external_id, other.name, other.role, other.address) == ("c2", "", None, None)
    assert (other.rule, other.origin, other.unlinked_at) == (None, "manual", NOW + timedelta(days=1))


def test_the_others_of_its_thread_are_named(store: Store, sql: Sql) -> None:
    record(
        store, begin_epoch(store), naming(1, "a"), naming(2, "b", "a"), naming(3, "c", "b"), naming(4, "x")
    )
    for message_id, others in (("a", {"b", "c"}), ("b", {"a", "c"}), ("x", set[str]())):
        ids = shown(store, message_id).thread_archive_ids
        assert list(ids) == sorted(ids)
        assert {shown(store, str(each)).message_id for each in ids} == others
    sql.run("UPDATE archive SET thread_id = NULL")
    assert shown(store, "a").thread_archive_ids == ()


@pytest.mark.parametrize("name", ["offer@example.com", "<offer@example.com>", " <offer@example.com>\n", "1"])
def test_an_archive_is_found_by_id_or_message_id(store: Store, name: str) -> None:
    record(store, begin_epoch(store), draft(1))
    assert shown(store, name).id == 1


def test_digits_in_brackets_are_a_message_id(store: Store) -> None:
    record(store, begin_epoch(store), naming(1, "2"), naming(2, "<odd>"))
    assert shown(store, "<2>").message_id == "2"
    assert shown(store, "<odd>").message_id == "<odd>"


@pytest.mark.parametrize(
    "name", ["2", "0", str(2**63 - 1), str(2**63), "9" * 5000, "", "<>", "٣", "x" * 9000]
)
def test_what_no_archive_has_finds_none(store: Store, name: str) -> None:
    record(store, begin_epoch(store), draft(1))
    assert store.show_archive(name) == ()


def test_archives_with_the_same_message_id_are_listed(store: Store) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, draft(1))
    record(store, epoch, draft(2, {"Subject": ""}))
    assert store.show_archive("offer@example.com") == (
        Namesake(1, RECEIVED_AT, "Offer"),
        Namesake(2, RECEIVED_AT, None),
    )


def test_no_table_is_read_from_end_to_end(copied_sqlite_url: str) -> None:
    store = Store(copied_sqlite_url)
    record(store, begin_epoch(store), draft(1))
    plans: list[str] = []

    @sa.event.listens_for(store._engine, "after_cursor_execute")
    def explain(
        connection: sa.Connection, cursor: Any, statement: str, parameters: Any, *_rest: object
    ) -> None:
        if statement.startswith("SELECT"):
            raw = connection.connection.cursor()
            raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in raw.fetchall())

    shown(store, "offer@example.com")
    store.close()
    steps = [step for step in plans if step.startswith(("SEARCH", "SCAN"))]
    assert len(steps) >= 9
    assert all("SEARCH" in step and ("INDEX" in step or "PRIMARY KEY" in step) for step in steps), plans
