from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.recognition import LedgerCopy, recognize

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
NOW, BEFORE, EARLIER = 3, 2, 1
"""Epochs."""

COPY = LedgerCopy(BEFORE, 10, "source", "header", 500, NOON)


def recognized(
    uids: Sequence[int],
    *copies: LedgerCopy,
    header: str = "header",
    size_octets: int = 500,
    received_at: datetime | None = NOON,
) -> dict[int, LedgerCopy]:
    """What is recognised of messages that look alike."""
    shown = [MessageSummary(uid, size_octets, received_at) for uid in uids]
    return recognize(shown, dict.fromkeys(uids, header), copies, NOW)


def test_a_message_is_recognised_by_header_size_and_date() -> None:
    assert recognized([7], COPY) == {7: COPY}


@pytest.mark.parametrize(
    "look",
    [
        {"header": "another"},
        {"size_octets": 501},
        {"received_at": NOON + timedelta(seconds=1)},
        {"received_at": None},
    ],
)
def test_one_that_differs_in_any_of_them_is_another(look: dict[str, str]) -> None:
    assert recognized([7], COPY, **look) == {}  # type: ignore[arg-type]


def test_a_date_in_another_zone_is_the_same_moment() -> None:
    assert recognized([7], COPY, received_at=datetime.fromisoformat("2026-10-05T14:00:00+02:00")) == {7: COPY}


def test_a_message_whose_header_was_not_had_is_not_recognised() -> None:
    assert recognize([MessageSummary(7, 500, NOON)], {}, [COPY], NOW) == {}


def test_as_many_as_before_are_recognised_and_one_more_makes_all_of_them_doubtful() -> None:
    twice = [COPY, replace(COPY)]
    assert set(recognized([7, 8], *twice)) == {7, 8}
    assert set(recognized([7], *twice)) == {7}
    assert recognized([7, 8, 9], *twice) == {}


def test_what_this_epoch_has_already_counts_as_shown() -> None:
    assert recognized([7], COPY, replace(COPY, epoch_id=NOW)) == {}
    assert set(recognized([7], COPY, replace(COPY), replace(COPY, epoch_id=NOW))) == {7}


def test_copies_of_two_epochs_are_not_added_up() -> None:
    assert recognized([7, 8], COPY, replace(COPY, epoch_id=EARLIER)) == {}
    assert set(recognized([7], COPY, replace(COPY, epoch_id=EARLIER))) == {7}


def test_what_two_archives_look_like_is_neither() -> None:
    assert recognized([7], COPY, replace(COPY, archive_id=11)) == {}
    assert recognized([7], COPY, replace(COPY, archive_id=11, epoch_id=EARLIER)) == {}


def test_what_is_only_known_from_this_epoch_is_not_recognised() -> None:
    assert recognized([7], replace(COPY, epoch_id=NOW)) == {}


COPIES = st.lists(
    st.builds(
        LedgerCopy,
        epoch_id=st.integers(1, NOW),
        archive_id=st.integers(1, 3),
        source_sha256=st.just("source"),
        header_sha256=st.sampled_from(["a", "b"]),
        size_octets=st.sampled_from([1, 2]),
        received_at=st.just(NOON),
    )
)
SHOWN = st.dictionaries(st.integers(1, 9), st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([1, 2])))


@given(copies=COPIES, shown=SHOWN)
def test_no_message_is_taken_for_one_that_it_may_not_be(
    copies: list[LedgerCopy], shown: dict[int, tuple[str, int]]
) -> None:
    summaries = [MessageSummary(uid, size, NOON) for uid, (_, size) in shown.items()]
    found = recognize(summaries, {uid: header for uid, (header, _) in shown.items()}, copies, NOW)
    for uid, copy in found.items():
        header, size = shown[uid]
        alike = [each for each in copies if (each.header_sha256, each.size_octets) == (header, size)]
        assert copy in alike
        assert {each.archive_id for each in alike} == {copy.archive_id}
    for look in set(shown.values()):
        taken = [uid for uid in found if shown[uid] == look]
        of_look = [each for each in copies if (each.header_sha256, each.size_octets) == look]
        per_epoch = [sum(each.epoch_id == epoch for each in of_look) for epoch in (EARLIER, BEFORE)]
        known = sum(each.epoch_id == NOW for each in of_look)
        assert not taken or len(taken) + known <= max(per_epoch)
