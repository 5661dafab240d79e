"""The ledger: one row for every UID, which only ever comes to say more."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import (
    NOW,
    OTHER_KEY,
    RECEIVED_AT,
    begin_epoch,
    draft,
    numbered,
    record,
)
from tests.integration.store.sql import Sql

from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.domain.outcome import pause_after
from mail_archiver.store.dialect import ROWS_A_STATEMENT
from mail_archiver.store.store import Store
from mail_archiver.store.tables import processed_uid


def summary(uid: int) -> MessageSummary:
    return MessageSummary(uid, 100 + uid, RECEIVED_AT)


def leave_out(store: Store, epoch: Epoch, uids: Sequence[int], rule: str = "start:new") -> int:
    with store.transaction() as uow:
        return uow.ledger.filter(epoch, map(summary, uids), rule, NOW)


def quarantine(store: Store, epoch: Epoch, uid: int, now: datetime = NOW) -> int:
    with store.transaction() as uow:
        return uow.ledger.quarantine(epoch, summary(uid), "a reason", now, source_sha256="ab")


def vanish(store: Store, epoch: Epoch, *uids: int) -> None:
    with store.transaction() as uow:
        uow.ledger.vanish(epoch, uids, NOW)


def outcomes(sql: Sql) -> dict[int, str]:
    return dict(sql.rows("SELECT uid, outcome FROM processed_uid ORDER BY epoch_id, uid"))


def row(sql: Sql, *columns: sa.Column[Any]) -> tuple[Any, ...]:
    [found] = sql.rows(sa.select(*columns))
    return tuple(found)


columns = processed_uid.c


def test_knows_the_uids_that_it_has_in_this_epoch_alone(store: Store) -> None:
    epoch, other = begin_epoch(store), begin_epoch(store, OTHER_KEY)
    leave_out(store, epoch, [2, 5, 9])
    leave_out(store, other, [3])
    with store.reading() as uow:
        assert uow.ledger.known(epoch, [1, 2, 3, 9, 10]) == {2, 9}
        assert uow.ledger.known(epoch, []) == set()


def test_what_a_start_left_out_is_unknown_to_a_backfill(store: Store) -> None:
    epoch = begin_epoch(store)
    leave_out(store, epoch, [1], "start:new")
    leave_out(store, epoch, [2], "start%3A")
    leave_out(store, epoch, [3], "loop")
    quarantine(store, epoch, 4)
    vanish(store, epoch, 5)
    record(store, epoch, draft(6))
    uids = [1, 2, 3, 4, 5, 6]
    with store.reading() as uow:
        assert uow.ledger.known(epoch, uids) == set(uids)
        assert uow.ledger.known(epoch, uids, also_filtered_by="start:") == {2, 3, 4, 5, 6}
        assert uow.ledger.known(epoch, uids, also_filtered_by="start%") == {1, 3, 4, 5, 6}


def test_a_filter_records_what_is_known_before_the_fetch(store: Store, sql: Sql) -> None:
    leave_out(store, begin_epoch(store), [7])
    found = row(
        sql, columns.outcome, columns.rule, columns.size_octets, columns.received_at, columns.processed_at
    )
    assert found == ("filtered", "start:new", 107, RECEIVED_AT, NOW)


def test_a_filter_counts_only_what_is_new_and_replaces_nothing(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, draft(1))
    quarantine(store, epoch, 2)
    assert leave_out(store, epoch, [1, 2, 3]) == 1
    assert leave_out(store, epoch, [1, 2, 3]) == 0
    assert outcomes(sql) == {1: "archived", 2: "quarantined", 3: "filtered"}


def test_a_filter_takes_a_mailbox_of_any_size(store: Store) -> None:
    epoch = begin_epoch(store)
    uids = range(1, ROWS_A_STATEMENT + 7)
    assert leave_out(store, epoch, uids) == len(uids)
    with store.reading() as uow:
        assert uow.ledger.known(epoch, uids) == set(uids)


def test_attempts_at_a_quarantined_message_grow_rarer(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    for attempt in (1, 2, 3):
        now = NOW + timedelta(hours=attempt)
        assert quarantine(store, epoch, 1, now) == attempt
        found = row(sql, columns.attempts, columns.next_attempt_at, columns.processed_at)
        assert found == (attempt, now + pause_after(attempt), now)
    found = row(sql, columns.outcome, columns.reason, columns.source_sha256, columns.size_octets)
    assert found == ("quarantined", "a reason", "ab", 101)


def test_a_quarantined_message_is_due_from_the_moment_of_its_next_attempt(store: Store) -> None:
    epoch, other = begin_epoch(store), begin_epoch(store, OTHER_KEY)
    for uid in (8, 2, 5):
        quarantine(store, epoch, uid)
    quarantine(store, epoch, 5)
    quarantine(store, other, 3)
    moment = NOW + pause_after(1)
    with store.reading() as uow:
        assert uow.ledger.due(epoch, moment - timedelta(microseconds=1)) == []
        assert uow.ledger.due(epoch, moment) == [2, 8]
        assert uow.ledger.due(epoch, NOW + timedelta(days=365)) == [2, 5, 8]


def test_a_quarantined_message_that_vanishes_is_not_due_any_more(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    quarantine(store, epoch, 1)
    vanish(store, epoch, 1, 2)
    assert outcomes(sql) == {1: "vanished", 2: "vanished"}
    with store.reading() as uow:
        assert uow.ledger.due(epoch, NOW + timedelta(days=365)) == []


@pytest.mark.parametrize(
    ("size_octets", "received_at"),
    [
        (2**70, RECEIVED_AT),
        (2**63, None),
        (-1, datetime(1, 1, 1, tzinfo=UTC)),
        (100, datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))),
        (0, datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))),
        (2**70, datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_the_quarantine_takes_every_message_whatever_its_size_and_date(
    store: Store, sql: Sql, size_octets: int, received_at: datetime | None
) -> None:
    epoch = begin_epoch(store)
    for attempt in (1, 2):
        with store.transaction() as uow:
            strange = MessageSummary(1, size_octets, received_at)
            assert uow.ledger.quarantine(epoch, strange, "a reason", NOW, source_sha256="ab") == attempt
            assert uow.ledger.quarantine(epoch, summary(2), "a reason", NOW) == attempt
    with store.reading() as uow:
        assert uow.ledger.due(epoch, NOW + timedelta(days=365)) == [1, 2]
        assert uow.ledger.originals(epoch, [1])[1].source_sha256 == "ab"


def test_a_message_that_was_left_out_and_then_failed_is_tried_again(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    leave_out(store, epoch, [1])
    assert quarantine(store, epoch, 1) == 1
    assert outcomes(sql) == {1: "quarantined"}


def test_nothing_replaces_a_message_that_is_safe(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, numbered(1, 1), numbered(2, 1))
    before = sql.rows(sa.select(processed_uid))
    quarantine(store, epoch, 1)
    vanish(store, epoch, 1, 2)
    leave_out(store, epoch, [1, 2])
    assert sql.rows(sa.select(processed_uid)) == before
    assert outcomes(sql) == {1: "archived", 2: "duplicate"}


def test_a_message_is_undisposed_until_its_disposition_is_noted(store: Store, sql: Sql) -> None:
    epoch, other = begin_epoch(store), begin_epoch(store, OTHER_KEY)
    record(store, epoch, *(numbered(uid, uid) for uid in (4, 3, 2)), disposed=False)
    record(store, epoch, numbered(5, 5), disposed=True)
    record(store, other, numbered(9, 9), disposed=False)
    quarantine(store, epoch, 6)
    leave_out(store, epoch, [7])
    with store.reading() as uow:
        assert uow.ledger.undisposed(epoch, 10) == [2, 3, 4]
        assert uow.ledger.undisposed(epoch, 2) == [2, 3]
    later = NOW + timedelta(hours=1)
    with store.transaction() as uow:
        uow.ledger.dispose(epoch, [2, 4], later)
    with store.reading() as uow:
        assert uow.ledger.undisposed(epoch, 10) == [3]
        assert uow.ledger.undisposed(other, 10) == [9]
    disposed = sql.rows(
        sa.select(columns.uid, columns.disposed_at).where(columns.disposed_at == later).order_by(columns.uid)
    )
    assert disposed == [(2, later), (4, later)]
