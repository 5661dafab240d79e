"""Threads: archives that are one conversation have one thread_id, whatever came first."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.store.messages import (
    KEY,
    OTHER_KEY,
    begin_epoch,
    draft,
    naming,
    numbered,
    record,
)
from tests.integration.store.sql import Sql

from mail_archiver.domain.draft import Draft
from mail_archiver.domain.outcome import Outcome
from mail_archiver.domain.threading import decide_threads, message_key, thread_keys
from mail_archiver.store.store import Store
from mail_archiver.store.tables import archive, thread_message


def threads(sql: Sql) -> dict[str, set[str]]:
    """Message-IDs by the thread that their archives are in."""
    found: dict[str, set[str]] = {}
    for thread, message_id in sql.rows(sa.select(archive.c.thread_id, archive.c.message_id)):
        found.setdefault(thread, set()).add(message_id)
    return found


def together(sql: Sql) -> list[set[str]]:
    return sorted(threads(sql).values(), key=sorted)


def test_replies_are_in_the_thread_that_their_first_message_began(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, naming(1, "root"))
    record(store, epoch, naming(2, "reply", "root", in_reply_to=["root"]), naming(3, "other"))
    record(store, epoch, naming(4, "again", "root", "reply"), naming(5, "short", in_reply_to=["again"]))
    assert together(sql) == [{"again", "reply", "root", "short"}, {"other"}]
    assert message_key("root") in threads(sql)


def test_a_reply_that_comes_before_what_it_replies_to_is_in_the_same_thread(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    for uid, (message_id, references) in enumerate([("c", ["a", "b"]), ("b", ["a"]), ("a", [])]):
        record(store, epoch, naming(uid, message_id, *references))
    assert threads(sql) == {message_key("a"): {"a", "b", "c"}}


def test_two_replies_to_a_message_that_is_not_there_are_in_one_thread(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, naming(1, "b", "missing"))
    record(store, epoch, naming(2, "c", in_reply_to=["missing"]))
    assert threads(sql) == {message_key("missing"): {"b", "c"}}


def test_a_message_brings_together_what_cut_references_kept_apart(store: Store, sql: Sql) -> None:
    record(store, begin_epoch(store, KEY), naming(1, "a"), naming(2, "b", "a"), naming(3, "x"))
    record(store, begin_epoch(store, OTHER_KEY), naming(1, "d", in_reply_to=["c"]), naming(2, "e", "d"))
    assert together(sql) == [{"a", "b"}, {"d", "e"}, {"x"}]
    record(store, begin_epoch(store), naming(1, "f", "b", "e"))
    assert together(sql) == [{"a", "b", "d", "e", "f"}, {"x"}]
    rows = sql.rows(sa.select(thread_message.c.thread_id).distinct())
    assert {thread for [thread] in rows} == set(threads(sql))


def test_the_same_subject_is_no_thread(store: Store, sql: Sql) -> None:
    headers = {"Subject": "Re: Offer"}
    ids = [{"Message-ID": f"<{number}@example.com>"} for number in range(3)]
    record(store, begin_epoch(store), *(draft(uid, {**headers, **each}) for uid, each in enumerate(ids)))
    assert len(threads(sql)) == 3


def test_a_reused_message_id_is_in_the_thread_of_the_first(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    [first] = record(store, epoch, draft(1))
    [second] = record(store, epoch, draft(2, body="As never agreed."))
    assert (first.archive_id != second.archive_id, second.reuses_message_id) == (True, True)
    assert len(threads(sql)) == 1


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("message_id", ["b", None])
def test_a_copy_adds_what_its_road_did_not_lose(
    store: Store, sql: Sql, order: int, message_id: str | None
) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, naming(1, "a"), naming(2, "c"))
    copies = [naming(3, message_id, "a"), naming(4, message_id, "c")][::order]
    outcomes = [each.outcome for one in copies for each in record(store, epoch, one)]
    assert outcomes == [Outcome.ARCHIVED, Outcome.DUPLICATE]
    assert threads(sql) == {min(message_key("a"), message_key("c")): {"a", message_id, "c"}}


def test_messages_without_any_message_id_are_threads_of_their_own(store: Store, sql: Sql) -> None:
    epoch, without = begin_epoch(store), {"Message-ID": ""}
    drafts = [draft(1, without), draft(2, without, "Another.")]
    record(store, epoch, *drafts)
    record(store, epoch, replace(drafts[0], uid=3))
    assert set(threads(sql)) == {each.message.fingerprint[3:35] for each in drafts}


def test_a_message_that_names_itself_and_circles_are_threads(store: Store, sql: Sql) -> None:
    record(store, begin_epoch(store), naming(1, "a", "a", in_reply_to=["a"]), naming(2, "b", "c"))
    record(store, begin_epoch(store), naming(1, "c", "b"))
    assert together(sql) == [{"a"}, {"b", "c"}]


def test_a_message_id_of_any_length_is_found_by_replies(store: Store, sql: Sql) -> None:
    long, epoch = "x" * 100_000 + "@example.com", begin_epoch(store)
    many = [f"{number}@example.com" for number in range(10_000)]
    record(store, epoch, naming(1, long, *many))
    record(store, epoch, naming(2, "b", long), naming(3, many[0]), naming(4, many[5]), naming(5, many[-1]))
    assert together(sql) == [{"0@example.com", "9999@example.com", "b", long}, {"5@example.com"}]


def test_more_messages_than_a_statement_has_parameters(store: Store, sql: Sql) -> None:
    references = [[f"{uid}-{number}" for number in range(200)] for uid in range(200)]
    epoch = begin_epoch(store)
    record(store, epoch, *(naming(uid, f"m{uid}", *each) for uid, each in enumerate(references)))
    assert sql.count("thread_message") == 200 * 201
    record(store, epoch, *(naming(1000 + uid, f"n{uid}", each[7]) for uid, each in enumerate(references)))
    assert together(sql) == sorted(({f"m{uid}", f"n{uid}"} for uid in range(200)), key=sorted)


def test_recording_the_same_uids_again_changes_no_thread(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, naming(1, "a"), naming(2, "b", "a"))
    before = sorted(sql.rows(sa.select(thread_message)))
    assert record(store, epoch, naming(1, "a", "z"), naming(2, "b", "a")) == []
    assert sorted(sql.rows(sa.select(thread_message))) == before


NAMES = st.sampled_from([f"n{number}" for number in range(12)])
CONVERSATIONS = st.lists(
    st.tuples(st.one_of(NAMES, st.none()), st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=2)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    messages=CONVERSATIONS,
    others=st.randoms(use_true_random=False),
    cuts=st.sets(st.integers(0, 8)),
)
def test_threads_depend_neither_on_order_nor_on_batches(
    store: Store,
    sql: Sql,
    messages: list[tuple[str | None, list[str], list[str]]],
    others: Any,
    cuts: set[int],
) -> None:
    sql.run(
        *(
            f"DELETE FROM {table}"
            for table in ("archive_address", "processed_uid", "archive", "thread_message")
        )
    )
    drafts = [
        naming(uid, message_id, *references, in_reply_to=in_reply_to)
        for uid, (message_id, references, in_reply_to) in enumerate(messages, start=1)
    ]
    shuffled, edges = others.sample(drafts, len(drafts)), [0, *sorted(cuts), len(drafts)]
    epochs = [begin_epoch(store, KEY), begin_epoch(store, OTHER_KEY)]
    for number, (start, end) in enumerate(pairwise(edges)):
        if shuffled[start:end]:
            record(store, epochs[number % 2], *shuffled[start:end])
    named = [thread_keys(each.message) for each in drafts]
    expected = decide_threads(named, {}).threads
    assert dict(sql.rows(sa.select(thread_message))) == expected
    rows = sql.rows(sa.select(archive.c.fingerprint, archive.c.thread_id))
    assert dict(rows) == {
        each.message.fingerprint: expected[keys[-1]] for each, keys in zip(drafts, named, strict=True)
    }


@pytest.mark.parametrize(
    ("drafts", "statements"),
    [
        pytest.param([numbered(uid, uid) for uid in range(100, 200)], 2, id="messages that begin threads"),
        pytest.param(
            [naming(uid, f"r{uid}", f"{uid % 50}@example.com") for uid in range(100, 200)], 2, id="replies"
        ),
        pytest.param([numbered(100 + uid, uid) for uid in range(50)], 1, id="copies"),
    ],
)
def test_a_batch_costs_the_same_few_statements_however_many_its_messages(
    store: Store, sql: Sql, drafts: Sequence[Draft], statements: int
) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, *(numbered(uid, uid) for uid in range(50)))
    seen: list[str] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    sa.event.listen(store._engine, "before_cursor_execute", look)
    record(store, epoch, *drafts)
    about_threads = [each for each in seen if "thread_message" in each or "advisory" in each]
    assert len(about_threads) == statements + (0 if sql.is_sqlite else 1)  # PostgreSQL's lock
    assert not [each for each in seen if each.startswith("UPDATE")]
