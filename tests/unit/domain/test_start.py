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
