"""Threads, in the abstract: what hangs together, whatever comes first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.message import Message
from mail_archiver.domain.threading import (
    KEY_DIGITS,
    REFERENCES_USED,
    ThreadDecision,
    decide_threads,
    message_key,
    thread_keys,
)

MESSAGE = Message(
    message_id="own@example.com",
    subject="Offer",
    sent_at=datetime(2024, 5, 6, tzinfo=UTC),
    addresses=(),
    body_text=None,
    body_html=None,
    attachments=(),
    defects=(),
    fingerprint="v1:" + "0123456789abcdef" * 4,
    source_sha256="",
    header_sha256="",
    size_octets=0,
)


def keys_of(**parts: Any) -> tuple[str, ...]:
    return thread_keys(replace(MESSAGE, **parts))


def keys(*message_ids: str) -> tuple[str, ...]:
    return tuple(message_key(each) for each in message_ids)


# --- Keys --------------------------------------------------------------------------------------------------


def test_the_recipe_of_a_key_is_frozen() -> None:
    assert message_key("offer@example.com") == "63c842292caef39c70a779600feefe67"
    assert message_key("müller@example.com") == "39c030ac25030a19ba73533af6d5bad6"


def test_a_key_is_short_however_long_the_message_id() -> None:
    assert len(message_key("x" * 100_000)) == KEY_DIGITS


@pytest.mark.parametrize("other", ["Own@example.com", "own@Example.com", " own@example.com", "own"])
def test_message_ids_that_differ_have_keys_that_differ(other: str) -> None:
    assert message_key(other) != message_key("own@example.com")


def test_a_message_id_that_is_no_text_has_a_key() -> None:
    assert message_key("a\udc80b") != message_key("a\udc81b")


def test_a_message_names_its_references_then_what_it_replies_to_then_itself() -> None:
    assert keys_of() == keys("own@example.com")
    assert keys_of(in_reply_to=("c",)) == keys("c", "own@example.com")
    assert keys_of(references=("a", "b"), in_reply_to=("c",)) == keys("a", "b", "c", "own@example.com")


def test_what_is_named_twice_counts_once() -> None:
    named = keys_of(references=("a", "own@example.com", "b", "a"), in_reply_to=("b", "a"))
    assert named == keys("a", "own@example.com", "b")


def test_what_is_empty_names_nothing() -> None:
    assert keys_of(references=("", "a"), in_reply_to=("",)) == keys("a", "own@example.com")


@pytest.mark.parametrize("message_id", [None, ""])
def test_a_message_without_a_message_id_is_named_by_its_fingerprint(message_id: str | None) -> None:
    assert keys_of(message_id=message_id) == ("0123456789abcdef" * 2,)
    assert keys_of(message_id=message_id, in_reply_to=("a",)) == (*keys("a"), "0123456789abcdef" * 2)


@pytest.mark.parametrize("header", ["references", "in_reply_to"])
def test_of_more_than_anybody_needs_the_first_and_the_last_count(header: str) -> None:
    every = tuple(str(number) for number in range(REFERENCES_USED + 1))
    assert keys_of(**{header: every[:-1]}) == keys(*every[:-1], "own@example.com")
    assert keys_of(**{header: every}) == keys(every[0], *every[2:], "own@example.com")
    assert len(keys_of(**{header: every * 100})) == REFERENCES_USED + 1


# --- Decisions ---------------------------------------------------------------------------------------------


def test_what_nobody_knows_begins_a_thread_called_by_what_is_named_first() -> None:
    assert decide_threads([("b", "a")], {}) == ThreadDecision({"a": "b", "b": "b"}, {})


def test_one_that_names_a_known_message_joins_its_thread() -> None:
    decision = decide_threads([("b", "c", "d")], {"c": "a"})
    assert decision.threads == dict.fromkeys("abcd", "a")
    assert decision.merged == {}


def test_one_that_names_messages_of_several_threads_makes_them_one() -> None:
    decision = decide_threads([("d", "e", "f")], {"e": "b", "f": "c"})
    assert decision.threads == dict.fromkeys("bcdef", "b")
    assert decision.merged == {"c": "b"}


def test_threads_that_only_a_whole_batch_brings_together_become_one() -> None:
    decision = decide_threads([("x", "l"), ("l", "m"), ("m", "y")], {"x": "b", "y": "a"})
    assert set(decision.threads.values()) == {"a"}
    assert decision.merged == {"b": "a"}


def test_a_thread_is_renamed_when_an_earlier_name_turns_up() -> None:
    assert decide_threads([("a", "z")], {"z": "b"}).merged == {"b": "a"}


def test_threads_that_nothing_brings_together_stay_apart() -> None:
    decision = decide_threads([("a", "b"), ("c",), ("d", "e")], {"e": "e"})
    assert decision.threads == {"a": "a", "b": "a", "c": "c", "d": "d", "e": "d"}


def test_a_circle_is_one_thread() -> None:
    decision = decide_threads([("b", "a"), ("c", "b"), ("a", "c"), ("d", "d")], {})
    assert decision.threads == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_a_chain_of_any_length_is_one_thread() -> None:
    chain = [(f"{number:06}", f"{number + 1:06}") for number in range(50_000)]
    assert set(decide_threads(chain, {}).threads.values()) == {"000000"}
    assert set(decide_threads(chain[::-1], {}).threads.values()) == {"000000"}


def test_nothing_follows_from_nothing() -> None:
    assert decide_threads([], {}) == ThreadDecision({}, {})


MESSAGES = st.lists(
    st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=4, unique=True), max_size=12
)


def arrive(batches: Sequence[Sequence[Sequence[str]]]) -> dict[str, str]:
    """The threads of all keys after batches have come one after the other, as the store keeps them."""
    known: dict[str, str] = {}
    for batch in batches:
        named = {key for message in batch for key in message}
        decision = decide_threads(batch, {key: known[key] for key in named & known.keys()})
        known = {key: decision.merged.get(thread, thread) for key, thread in known.items()}
        known |= {key: decision.threads[key] for key in named}
    return known


def hang_together(messages: Sequence[Sequence[str]]) -> dict[str, str]:
    """The same by brute force."""
    groups: list[tuple[set[str], set[str]]] = []
    for message in messages:
        names, members = {message[0]}, set(message)
        for group in [group for group in groups if group[1] & members]:
            groups.remove(group)
            names, members = names | group[0], members | group[1]
        groups.append((names, members))
    return {member: min(names) for names, members in groups for member in members}


@given(messages=MESSAGES, others=st.randoms(use_true_random=False), cuts=st.sets(st.integers(0, 12)))
def test_threads_depend_neither_on_order_nor_on_batches(
    messages: list[list[str]], others: Any, cuts: set[int]
) -> None:
    shuffled = others.sample(messages, len(messages))
    edges = [0, *sorted(cuts), len(messages)]
    batches = [shuffled[start:end] for start, end in pairwise(edges)]
    assert arrive(batches) == arrive([messages]) == hang_together(messages)


@given(messages=MESSAGES)
def test_messages_that_come_again_change_nothing(messages: list[list[str]]) -> None:
    known = arrive([messages])
    named = {key: known[key] for message in messages for key in message}
    assert decide_threads(messages, named) == ThreadDecision(known, {})
