"""Epochs: each life of a mailbox is recorded apart, and none is ever forgotten."""

from datetime import timedelta

import pytest
from tests.integration.store.messages import KEY, NOW, OTHER_KEY, begin_epoch, draft, record, status
from tests.integration.store.sql import Sql

from mail_archiver.domain.mailbox_state import Epoch, MailboxKey
from mail_archiver.store.store import Store
from mail_archiver.store.tables import mailbox_epoch


def find(store: Store, key: MailboxKey = KEY, uidvalidity: int = 1) -> Epoch | None:
    with store.reading() as uow:
        return uow.ledger.find_epoch(key, status(uidvalidity))


def test_a_mailbox_never_seen_has_no_epoch(store: Store) -> None:
    assert find(store) is None


def test_an_epoch_is_found_as_it_was_begun(store: Store, sql: Sql) -> None:
    with store.transaction() as uow:
        begun = uow.ledger.begin_epoch(KEY, status(7, highest_modseq=2**40), NOW)
    assert begun == Epoch(begun.id, KEY, 7, 0)
    assert find(store, uidvalidity=7) == begun
    columns = mailbox_epoch.c
    [row] = sql.rows(
        mailbox_epoch.select().with_only_columns(columns.started_at, columns.ended_at, columns.highest_modseq)
    )
    assert row == (NOW, None, 2**40)


def test_numbers_over_32_bits_are_kept(store: Store) -> None:
    epoch = begin_epoch(store, uidvalidity=2**40 + 3)
    uid = 2**32 + 5
    record(store, epoch, draft(uid))
    with store.transaction() as uow:
        uow.ledger.advance(epoch, uid)
    found = find(store, uidvalidity=2**40 + 3)
    assert found is not None
    assert (found.uidvalidity, found.last_uid) == (2**40 + 3, uid)
    with store.reading() as uow:
        assert uow.ledger.known(epoch, [5, uid]) == {uid}


@pytest.mark.parametrize(
    ("key", "uidvalidity"),
    [
        (KEY, 2),
        (KEY, 0),
        (MailboxKey(KEY.account, "imap2.example.com", KEY.username, KEY.name), 1),
        (MailboxKey(KEY.account, KEY.host, "crm2@example.com", KEY.name), 1),
    ],
    ids=["uidvalidity", "no uidvalidity", "host", "username"],
)
def test_whatever_changes_about_a_mailbox_begins_another_epoch(
    store: Store, sql: Sql, key: MailboxKey, uidvalidity: int
) -> None:
    first = begin_epoch(store)
    record(store, first, draft(1))
    assert find(store, key, uidvalidity) is None
    later = NOW + timedelta(days=1)
    with store.transaction() as uow:
        second = uow.ledger.begin_epoch(key, status(uidvalidity), later)
    assert second.id != first.id
    assert find(store, key, uidvalidity) == second
    assert find(store) is None
    columns = mailbox_epoch.c
    assert sql.rows(mailbox_epoch.select().with_only_columns(columns.ended_at).order_by(columns.id)) == [
        (later,),
        (None,),
    ]
    assert sql.rows("SELECT epoch_id, uid, outcome FROM processed_uid") == [(first.id, 1, "archived")]


@pytest.mark.parametrize(("first", "second"), [(1, 2), (0, 1), (1, 0)])
def test_a_value_that_was_there_before_begins_another_epoch_all_the_same(
    store: Store, sql: Sql, first: int, second: int
) -> None:
    epochs = [begin_epoch(store, uidvalidity=each) for each in (first, second, first)]
    assert len({epoch.id for epoch in epochs}) == 3
    assert find(store, uidvalidity=first) == epochs[2]
    with store.reading() as uow:
        assert uow.ledger.known(epochs[2], [1]) == set()
    assert sql.value("SELECT count(*) FROM mailbox_epoch WHERE ended_at IS NULL") == 1
    assert sql.count("mailbox") == 1


def test_mailboxes_and_accounts_have_epochs_of_their_own(store: Store) -> None:
    sent = MailboxKey(KEY.account, KEY.host, KEY.username, "Sent")
    epochs = {key: begin_epoch(store, key) for key in (KEY, sent, OTHER_KEY)}
    for key, epoch in epochs.items():
        assert find(store, key) == epoch


def test_the_watermark_never_moves_back(store: Store) -> None:
    epoch = begin_epoch(store)
    for uid in (5, 3, 9, 8):
        with store.transaction() as uow:
            uow.ledger.advance(epoch, uid)
    found = find(store)
    assert found is not None
    assert found.last_uid == 9


def test_a_mailbox_counts_as_polled_in_every_later_epoch(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    with store.transaction() as uow:
        assert uow.ledger.first_polled(KEY) is None
        uow.ledger.polled(epoch, status(highest_modseq=12), NOW)
        assert uow.ledger.first_polled(KEY) == (epoch.id, NOW)
        assert uow.ledger.first_polled(OTHER_KEY) is None
    moved = MailboxKey(KEY.account, "imap2.example.com", KEY.username, KEY.name)
    begin_epoch(store, moved)
    with store.reading() as uow:
        assert uow.ledger.first_polled(moved) == (epoch.id, NOW)
    columns = mailbox_epoch.c
    assert sql.rows(
        mailbox_epoch.select()
        .with_only_columns(columns.polled_at, columns.highest_modseq)
        .order_by(columns.id)
    ) == [(NOW, 12), (None, None)]
