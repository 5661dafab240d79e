"""Several at work on one database at once: they wait for each other, never in a circle."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.integration.store.messages import (
    KEY,
    NOW,
    OTHER_KEY,
    add_contact,
    begin_epoch,
    draft,
    numbered,
    record,
)
from tests.integration.store.sql import Sql

from mail_archiver.domain.draft import Draft, Recorded
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.domain.outcome import Outcome
from mail_archiver.store.store import Store

MESSAGES = 40
ROUNDS = 5
TIMEOUT_S = 60.0


def record_together(store: Store, *batches: tuple[Epoch, Sequence[Draft]]) -> list[list[Recorded]]:
    """Record batches on connections of their own that begin at the same moment."""
    barrier = Barrier(len(batches))

    def work(epoch: Epoch, drafts: Sequence[Draft]) -> list[Recorded]:
        barrier.wait(TIMEOUT_S)
        return record(store, epoch, *drafts)

    with ThreadPoolExecutor(len(batches)) as pool:
        futures = [pool.submit(work, *batch) for batch in batches]
        return [future.result(TIMEOUT_S) for future in futures]


def test_two_accounts_with_the_same_messages_in_opposite_order_end_with_one_archive_each(
    store: Store, sql: Sql
) -> None:
    add_contact(store, "1", "ann@client.example")
    for start in range(0, ROUNDS * MESSAGES, MESSAGES):
        numbers = range(start, start + MESSAGES)
        first, second = begin_epoch(store, KEY), begin_epoch(store, OTHER_KEY)
        batches = record_together(
            store,
            (first, [numbered(uid, number) for uid, number in enumerate(numbers, start=1)]),
            (second, [numbered(uid, number) for uid, number in enumerate(reversed(numbers), start=1)]),
        )
        assert [len(batch) for batch in batches] == [MESSAGES, MESSAGES]
        outcomes = [each.outcome for batch in batches for each in batch]
        assert outcomes.count(Outcome.ARCHIVED) == outcomes.count(Outcome.DUPLICATE) == MESSAGES
    assert sql.count("archive") == sql.count("archive_contact") == ROUNDS * MESSAGES
    assert sql.count("processed_uid") == 2 * ROUNDS * MESSAGES


def test_copies_of_messages_that_are_there_already_do_not_wait_in_a_circle(store: Store, sql: Sql) -> None:
    for name in ("ann", "bob", "carl"):
        add_contact(store, name, f"{name}@client.example")
    epoch = begin_epoch(store)
    record(store, epoch, *(numbered(uid, uid) for uid in range(MESSAGES)))

    def copies(numbers: Sequence[int], bcc: str) -> list[Draft]:
        return [
            draft(
                uid,
                {"Message-ID": f"<{number}@example.com>", "Subject": f"Offer {number}", "Bcc": bcc},
            )
            for uid, number in enumerate(numbers)
        ]

    for _ in range(ROUNDS):
        record_together(
            store,
            (begin_epoch(store, KEY), copies(range(MESSAGES), "bob@client.example, carl@client.example")),
            (
                begin_epoch(store, OTHER_KEY),
                copies(range(MESSAGES)[::-1], "carl@client.example, bob@client.example"),
            ),
        )
    assert sql.count("archive") == MESSAGES
    assert sql.count("archive_contact") == 3 * MESSAGES


def test_two_processes_on_one_mailbox_record_each_uid_once(store: Store, sql: Sql) -> None:
    for start in range(0, 2 * ROUNDS * MESSAGES, 2 * MESSAGES):
        epoch = begin_epoch(store)
        before = sql.count("archive")
        batches = record_together(
            store,
            (epoch, [numbered(uid, start + uid) for uid in range(1, MESSAGES)]),
            # As from a server that makes its messages up anew at every fetch.
            (epoch, [numbered(uid, start + MESSAGES + uid) for uid in range(MESSAGES, 1, -1)]),
        )
        uids = sorted(each.uid for batch in batches for each in batch)
        assert uids == list(range(1, MESSAGES + 1))
        assert sql.count("archive") - before == MESSAGES
    assert sql.count("archive_address") == 2 * sql.count("archive")


def test_a_transaction_that_reads_before_it_writes_waits_for_another(store: Store, sql: Sql) -> None:
    epochs = [begin_epoch(store, KEY), begin_epoch(store, OTHER_KEY)]
    barrier = Barrier(2)

    def work(epoch: Epoch) -> None:
        barrier.wait(TIMEOUT_S)
        for uid in range(20):
            with store.transaction() as uow:
                assert uow.ledger.known(epoch, [uid]) == set()
                uow.ledger.vanish(epoch, [uid], NOW)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(work, epoch) for epoch in epochs]:
            future.result(TIMEOUT_S)
    assert sql.count("processed_uid") == 40


def test_reading_waits_for_nobody(store: Store) -> None:
    epoch = begin_epoch(store)
    drafts = [numbered(1, 1)]
    with store.transaction() as writing:
        writing.archives.record(epoch, drafts, NOW, disposed=True)
        with store.reading() as reading:
            assert reading.ledger.known(epoch, [1]) == set()
            assert reading.archives.find([drafts[0].message.fingerprint]) == {}
