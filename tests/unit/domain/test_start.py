from datetime import UTC, datetime, timedelta

from mail_archiver.domain.start import RULE_PREFIX, Start

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)


def test_everything_is_archived_by_default() -> None:
    start = Start()
    assert not start.only_new
    assert not start.leaves_out(datetime(1970, 1, 1, tzinfo=UTC))


def test_what_came_before_the_start_is_left_out() -> None:
    start = Start(since=NOON)
    assert start.leaves_out(NOON - timedelta(seconds=1))
    assert not start.leaves_out(NOON)
    assert not start.leaves_out(NOON + timedelta(seconds=1))


def test_a_message_without_internaldate_is_never_left_out() -> None:
    assert not Start(since=NOON).leaves_out(None)


def test_the_rule_says_where_the_mailbox_begins() -> None:
    assert Start(since=NOON).rule == "start:2025-03-10T12:00:00+00:00"
    assert Start(only_new=True).rule == "start:new"
    assert Start(since=NOON).rule.startswith(RULE_PREFIX)


def test_what_was_new_at_first_is_what_was_received_since_when_uids_have_changed_their_meaning() -> None:
    start = Start(only_new=True)
    assert start.in_epoch(1, None) == start
    assert start.in_epoch(1, (1, NOON)) == start
    later = start.in_epoch(2, (1, NOON))
    assert not later.leaves_out(NOON)
    assert later.leaves_out(NOON - timedelta(hours=1))


def test_a_message_of_the_first_second_is_new_though_its_date_has_whole_seconds() -> None:
    later = Start(only_new=True).in_epoch(2, (1, NOON.replace(microsecond=900_000)))
    assert not later.leaves_out(NOON)


def test_a_date_to_start_from_is_one_in_every_epoch() -> None:
    assert Start(since=NOON).in_epoch(2, (1, NOON + timedelta(days=1))) == Start(since=NOON)
    assert Start().in_epoch(2, (1, NOON)) == Start()
