"""Archive records: one for each message, and one ledger row for each UID."""

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
    numbered,
    record,
)
from tests.integration.store.sql import Sql

from mail_archiver.domain.draft import Recorded
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.outcome import Outcome
from mail_archiver.store.store import Store
from mail_archiver.store.tables import processed_uid

TABLES = ("archive", "archive_address", "attachment", "archive_contact", "processed_uid")


def everything(sql: Sql) -> dict[str, list[object]]:
    return {table: sorted(sql.rows(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def test_recording_the_same_uids_again_changes_nothing(store: Store, sql: Sql) -> None:
    add_contact(store, "1", "ann@client.example")
    epoch = begin_epoch(store)
    drafts = [numbered(1, 1), numbered(2, 1), numbered(3, 3)]
    assert len(record(store, epoch, *drafts)) == 3
    before = everything(sql)
    assert record(store, epoch, *drafts) == []
    assert everything(sql) == before


def test_a_uid_that_is_there_brings_nothing_even_if_the_server_now_says_something_else(
    store: Store, sql: Sql
) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, numbered(1, 1))
    before = everything(sql)
    assert record(store, epoch, numbered(1, 2)) == []
    assert everything(sql) == before


def test_a_copy_in_the_same_batch_as_a_uid_that_is_there_becomes_the_first(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, numbered(1, 1))
    mixed = draft(2, MIXED, PARTS)
    [recorded] = record(store, epoch, draft(1, MIXED, PARTS), mixed)
    assert recorded == Recorded(2, recorded.archive_id, Outcome.ARCHIVED)
    assert sql.value(f"SELECT count(*) FROM attachment WHERE archive_id = {recorded.archive_id}") == 2


@pytest.mark.parametrize("before", ["quarantined", "filtered", "vanished"])
def test_a_message_that_was_not_safe_yet_is_archived_in_its_own_row(
    store: Store, sql: Sql, before: str
) -> None:
    epoch, summary = begin_epoch(store), MessageSummary(1, 5, None)
    with store.transaction() as uow:
        if before == "quarantined":
            uow.ledger.quarantine(epoch, summary, "a reason", NOW)
            uow.ledger.quarantine(epoch, summary, "a reason", NOW)
        elif before == "filtered":
            uow.ledger.filter(epoch, [summary], "start:new", NOW)
        else:
            uow.ledger.vanish(epoch, [1], NOW)
    [recorded] = record(store, epoch, draft(1))
    assert recorded.outcome is Outcome.ARCHIVED
    columns = processed_uid.c
    assert sql.rows(
        sa.select(
            columns.uid,
            columns.outcome,
            columns.archive_id,
            columns.reason,
            columns.rule,
            columns.next_attempt_at,
            columns.attempts,
            columns.received_at,
        )
    ) == [(1, "archived", 1, None, None, None, 2 if before == "quarantined" else 1, RECEIVED_AT)]


def test_the_same_message_id_on_different_content_is_two_archives_and_told(store: Store) -> None:
    epoch = begin_epoch(store)
    [first] = record(store, epoch, draft(1))
    [second] = record(store, epoch, draft(2, body="As never agreed."))
    assert (first.reuses_message_id, second.reuses_message_id) == (False, True)
    assert first.archive_id != second.archive_id
    [copy] = record(store, epoch, draft(3))
    assert (copy.archive_id, copy.outcome, copy.reuses_message_id) == (
        first.archive_id,
        Outcome.DUPLICATE,
        False,
    )


def test_two_messages_of_one_batch_with_the_same_message_id_are_both_told(store: Store) -> None:
    recorded = record(store, begin_epoch(store), draft(1), draft(2, body="As never agreed."))
    assert [each.reuses_message_id for each in recorded] == [True, True]


def test_messages_without_a_message_id_reuse_none(store: Store) -> None:
    without = {"Message-ID": ""}
    epoch = begin_epoch(store)
    recorded = record(store, epoch, draft(1, without), draft(2, without, "Another."), draft(3, without))
    assert [(each.outcome.value, each.reuses_message_id) for each in recorded] == [
        ("archived", False),
        ("archived", False),
        ("duplicate", False),
    ]


def test_finds_archives_by_fingerprint(store: Store) -> None:
    drafts = [numbered(1, 1), numbered(2, 2)]
    recorded = record(store, begin_epoch(store), *drafts)
    fingerprints = [each.message.fingerprint for each in drafts]
    with store.reading() as uow:
        found = uow.archives.find([*fingerprints, "v1:unknown"])
        assert uow.archives.find([]) == {}
    assert found == dict(zip(fingerprints, (each.archive_id for each in recorded), strict=True))


def test_lists_archives_with_their_contacts_and_roads(store: Store) -> None:
    add_contact(store, "1", "ann@client.example")
    record(store, begin_epoch(store, KEY), numbered(1, 1), numbered(2, 2))
    record(store, begin_epoch(store, OTHER_KEY), numbered(5, 2))
    listed = [(each.subject, each.contacts, each.roads) for each in store.list_archives()]
    assert sorted(listed) == [("Offer 1", ("Ann Archer (to)",), 1), ("Offer 2", ("Ann Archer (to)",), 2)]


def test_everything_goes_to_the_schema_that_is_ours(postgres_url: str) -> None:
    store, sql = Store(postgres_url, "Mail Archive"), Sql(postgres_url)
    sql.run("CREATE TABLE archive (id text)", "CREATE TABLE contact (id text)")
    store.upgrade()
    add_contact(store, "1", "ann@client.example", organization="Client Ltd")
    epoch = begin_epoch(store)
    with store.transaction() as uow:
        uow.ledger.filter(epoch, [MessageSummary(1, 5, None)], "start:new", NOW)
    record(store, epoch, draft(1), disposed=False)
    record(store, begin_epoch(store, OTHER_KEY), draft(1, {"Bcc": "ann@client.example"}))
    with store.reading() as uow:
        assert uow.ledger.undisposed(epoch, 10) == [1]
    [listed] = store.list_archives()
    assert (listed.contacts, listed.roads) == (("Ann Archer (to)",), 2)
    assert (sql.count("archive"), sql.count("contact"), sql.count('"Mail Archive".archive')) == (0, 0, 1)
    store.close()
