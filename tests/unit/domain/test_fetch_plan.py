import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.fetch_plan import (
    BATCH_MESSAGES,
    BATCH_OCTETS,
    MessageSummary,
    Window,
    chunks,
    plan_batches,
)

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def summaries(sizes: list[int]) -> list[MessageSummary]:
    return [MessageSummary(uid, size, None) for uid, size in enumerate(sizes, start=1)]


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 8), st.integers(1, 40))
def test_batches_lose_nothing_keep_the_order_and_stay_within_their_limits(
    sizes: list[int], max_messages: int, max_octets: int
) -> None:
    messages = summaries(sizes)
    batches = list(plan_batches(messages, max_messages=max_messages, max_octets=max_octets))
    assert [message for batch in batches for message in batch] == messages
    for batch in batches:
        assert 1 <= len(batch) <= max_messages
        assert len(batch) == 1 or sum(message.size_octets for message in batch) <= max_octets


@given(st.lists(st.integers(0, 30), max_size=40))
def test_no_two_batches_would_fit_into_one(sizes: list[int]) -> None:
    batches = list(plan_batches(summaries(sizes), max_messages=5, max_octets=50))
    for one, two in itertools.pairwise(batches):
        octets = sum(message.size_octets for message in one) + two[0].size_octets
        assert len(one) == 5 or octets > 50


def test_a_message_larger_than_a_batch_is_a_batch_of_its_own() -> None:
    batches = list(plan_batches(summaries([1, 100, 1, 1]), max_messages=9, max_octets=10))
    assert [[message.uid for message in batch] for batch in batches] == [[1], [2], [3, 4]]


def test_the_usual_limits_are_two_hundred_messages_and_eight_mebibytes() -> None:
    assert [len(batch) for batch in plan_batches(summaries([1] * 420))] == [
        BATCH_MESSAGES,
        BATCH_MESSAGES,
        20,
    ]
    assert [len(batch) for batch in plan_batches(summaries([BATCH_OCTETS // 2] * 5))] == [2, 2, 1]


def test_batches_are_planned_as_they_are_asked_for() -> None:
    """A mailbox of a million messages is not listed before its first batch."""
    asked: list[int] = []

    def endless() -> "object":
        for message in summaries([1] * 1000):
            asked.append(message.uid)
            yield message

    next(iter(plan_batches(endless(), max_messages=10)))  # type: ignore[arg-type]
    assert len(asked) <= 11


@given(st.lists(st.integers(), max_size=30), st.integers(1, 10))
def test_chunks_lose_nothing_and_keep_the_order(uids: list[int], size: int) -> None:
    portions = list(chunks(uids, size))
    assert [uid for portion in portions for uid in portion] == uids
    assert all(1 <= len(portion) <= size for portion in portions)


@pytest.mark.parametrize(
    ("received_at", "inside"),
    [
        (NOON - SECOND, False),
        (NOON, True),
        (NOON + SECOND, True),
        (NOON + timedelta(days=1) - SECOND, True),
        (NOON + timedelta(days=1), False),
        (NOON.astimezone(timezone(timedelta(hours=9))), True),
        (None, True),
    ],
)
def test_a_window_begins_with_its_first_moment_and_ends_before_its_last(
    received_at: datetime | None, inside: bool
) -> None:
    assert (received_at in Window(NOON, NOON + timedelta(days=1))) == inside


def test_an_open_window_has_no_end_on_that_side() -> None:
    assert NOON in Window()
    assert NOON - SECOND not in Window(since=NOON)
    assert NOON + timedelta(days=9999) in Window(since=NOON)
    assert NOON - timedelta(days=9999) in Window(until=NOON)
    assert NOON not in Window(until=NOON)
