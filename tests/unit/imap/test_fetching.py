from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.imap.fetching import Line, read_answers


def test_each_answer_is_about_the_uid_that_it_names() -> None:
    found = read_answers([b"1 (UID 7 RFC822.SIZE 5)", b"2 (RFC822.SIZE 6 UID 9)"])
    assert {uid: answer.size_octets for uid, answer in found.items()} == {7: 5, 9: 6}


def test_an_answer_that_names_no_uid_is_about_nobody() -> None:
    assert read_answers([b"7 (RFC822.SIZE 5)", b"9 (FLAGS ())"]) == {}


def test_what_is_said_in_two_lines_is_joined() -> None:
    found = read_answers(
        [b"1 (UID 7 RFC822.SIZE 5)", b"1 (UID 7 FLAGS ())", (b"1 (UID 7 BODY[] {2}", b"ab"), b")"]
    )
    assert found[7].size_octets == 5
    assert found[7].octets(b"BODY[]") == b"ab"


@pytest.mark.parametrize(
    "broken",
    [
        b"2 (UID 8",
        b"2 UID 8)",
        b"2 (UID)",
        b"2 (UID 8) 5",
        b"2 (UID NIL)",
        b"2 (5 5)",
        b'2 (UID "8)',
        b"2 ()",
    ],
)
def test_one_in_no_grammar_is_left_out_alone(broken: bytes) -> None:
    assert set(read_answers([b"1 (UID 7)", broken, b"3 (UID 9)"])) - {7} == {9}


def test_a_literal_that_looks_like_an_answer_is_none() -> None:
    found = read_answers([(b"1 (UID 7 BODY[] {22}", b"* 2 FETCH (UID 8 X 1)\r\n"[:22]), b" UID 7)"])
    assert set(found) == {7}


@pytest.mark.parametrize(
    ("said", "octets"), [(b"5", 5), (b"-1", 0), (b"NIL", 0), (b"%d" % 2**64, 2**63 - 1), (b"()", 0)]
)
def test_a_size_is_a_number_that_a_database_can_hold(said: bytes, octets: int) -> None:
    assert read_answers([b"1 (UID 7 RFC822.SIZE " + said + b")"])[7].size_octets == octets


@pytest.mark.parametrize(
    ("said", "received_at"),
    [
        (b'" 5-Oct-2026 07:30:00 +0000"', datetime(2026, 10, 5, 7, 30, tzinfo=UTC)),
        (b'"05-Oct-2026 09:30:00 +0200"', datetime(2026, 10, 5, 7, 30, tzinfo=UTC)),
        (b'"31-Dec-9999 23:59:59 -1200"', None),
        (b'"32-Oct-2026 07:30:00 +0000"', None),
        (b"NIL", None),
        (b"5", None),
        (b"(1)", None),
    ],
)
def test_a_date_is_a_moment_or_none(said: bytes, received_at: datetime | None) -> None:
    assert read_answers([b"1 (UID 7 INTERNALDATE " + said + b")"])[7].received_at == received_at


@pytest.mark.parametrize(
    ("first", "literal"),
    [
        (b'1 (UID 7 RFC822.SIZE 5 INTERNALDATE " 5-Oct-2026 07:30:00 +0000"', None),
        (b'1 (INTERNALDATE "" UID 7 BODY[] {4}', b'") 1'),
        (b"1 (UID 7 BODY[HEADER] {0}", b""),
        (b"1 (UID " + b"7" * 19, None),
    ],
)
def test_the_short_way_says_what_imapclient_says(first: bytes, literal: bytes | None) -> None:
    """It is left out where an answer says one thing more."""
    usual: list[Line] = [first + b")"] if literal is None else [(first, literal), b")"]
    longer: list[Line] = [first + b" X NIL)"] if literal is None else [(first, literal), b" X NIL)"]
    [short], [long] = read_answers(usual).values(), read_answers(longer).values()
    assert vars(long) == {"_items": short._items | {b"X": None}}


def test_a_number_without_end_is_in_no_grammar() -> None:
    assert read_answers([b"1 (UID 7 RFC822.SIZE " + b"9" * 5_000 + b")"]) == {}


LINES = st.one_of(st.none(), st.binary(), st.tuples(st.binary(), st.binary()))


@given(st.lists(LINES))
def test_whatever_a_server_says_is_read(lines: Sequence[Line | None]) -> None:
    for answer in read_answers(lines).values():
        assert answer.size_octets >= 0
        assert answer.received_at is None or answer.received_at.astimezone(UTC)


@given(st.lists(st.one_of(LINES, st.sampled_from([b"1 (UID 7 INTERNALDATE ", b"2 (UID 8)", b'"', b")"]))))
def test_whatever_a_server_says_in_words_that_are_known_is_read(lines: Sequence[Line | None]) -> None:
    test_whatever_a_server_says_is_read.hypothesis.inner_test(lines)  # type: ignore[attr-defined]
