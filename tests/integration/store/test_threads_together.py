"""Several that archive the same conversations at once: all agree in the end, and none wait in a circle."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa
from tests.integration.store import processes
from tests.integration.store.messages import KEY, NOW, OTHER_KEY, RULES, begin_epoch, naming, record
from tests.integration.store.sql import Sql

from mail_archiver.archiving.batch import record_drafts
from mail_archiver.domain.draft import Draft
from mail_archiver.domain.threading import decide_threads, thread_keys
from mail_archiver.errors import DatabaseUnavailable
from mail_archiver.store import threads
from mail_archiver.store.store import Store
from mail_archiver.store.tables import archive, thread_message

TIMEOUT_S = 60.0
PROCESSES = 3
BATCHES = 40
CONVERSATIONS = 4


def check(sql: Sql, drafts: Sequence[Draft]) -> None:
    """The tables hold what one batch of everything would have led to."""
    named = [thread_keys(each.message) for each in drafts]
    expected = decide_threads(named, {}).threads
    assert dict(sql.rows(sa.select(thread_message))) == expected
    rows = sql.rows(sa.select(archive.c.fingerprint, archive.c.thread_id))
    assert dict(rows) == {
        each.message.fingerprint: expected[keys[-1]] for each, keys in zip(drafts, named, strict=True)
    }


@pytest.mark.parametrize("merging_first", [True, False])
def test_a_message_added_while_its_thread_is_merged_is_not_left_behind(
    store: Store, sql: Sql, merging_first: bool
) -> None:
    epochs = begin_epoch(store, KEY), begin_epoch(store, OTHER_KEY)
    before = [naming(1, "a"), naming(2, "b")]
    record(store, epochs[0], *before)
    merging, adding = naming(3, "c", "a", "b"), [naming(3 + n, f"d{n}", ("a", "b")[n % 2]) for n in range(8)]
    batches = ([merging], adding) if merging_first else (adding, [merging])
    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as uow:
            record_drafts(uow, epochs[0], batches[0], RULES, NOW, disposed=True)
            second = pool.submit(record, store, epochs[1], *batches[1])
            with pytest.raises(TimeoutError):
                second.result(0.3)
        assert len(second.result(TIMEOUT_S)) == len(batches[1])
    check(sql, [*before, merging, *adding])


def test_processes_that_archive_the_same_conversations_agree(store_url: str, store: Store, sql: Sql) -> None:
    chance = random.Random(20240506)  # fixed: a failure can be seen again
    work: list[list[list[Draft]]] = []
    for process in range(PROCESSES):
        uids = iter(range(1, 10_000))
        work.append(
            [
                [_next_message(chance, next(uids), process, batch) for _ in range(chance.randint(1, 6))]
                for batch in range(BATCHES)
            ]
        )
    keys = [replace(KEY, account=f"account {number}") for number in range(PROCESSES)]
    arguments = [(store_url, key, batches) for key, batches in zip(keys, work, strict=True)]
    assert processes.run_together(processes.record_batches, arguments) == [0] * PROCESSES
    everything = [draft for batches in work for batch in batches for draft in batch]
    check(sql, everything)
    assert sql.count("archive") < len(everything), "copies are among them"
    assert sql.value(sa.select(sa.func.count(archive.c.thread_id.distinct()))) > 1


def _next_message(chance: random.Random, uid: int, process: int, batch: int) -> Draft:
    """A reply to something of about the same time, that any process may be archiving just now."""
    conversation = chance.randrange(CONVERSATIONS)
    names = [f"{conversation}-{number}" for number in range(3 * batch, 3 * batch + 40)]
    own = chance.choice([*names, f"{process}-{uid}"])
    return naming(uid, own, *chance.sample(names, chance.randint(0, 3)))


def test_one_that_dies_with_the_lock_does_not_stop_the_others(
    emptied_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "HOLD_LIMIT_MS", 300)
    store, sql = Store(emptied_postgres_url), Sql(emptied_postgres_url)
    first, second = begin_epoch(store, KEY), begin_epoch(store, OTHER_KEY)
    with pytest.raises(DatabaseUnavailable), store.transaction() as uow:
        record_drafts(uow, first, [naming(1, "a")], RULES, NOW, disposed=True)
        assert len(record(store, second, naming(1, "b", "a"))) == 1  # while the first says nothing any more
    assert sql.rows("SELECT message_id FROM archive") == [("b",)]
    assert len(record(store, first, naming(1, "a"))) == 1
    with store.transaction() as uow:
        record_drafts(uow, first, [naming(2, "c")], RULES, NOW, disposed=True)
    assert sql.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'") == []
    store.close()
