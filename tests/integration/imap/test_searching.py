"""Which messages there are: above a UID, and received in a window."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.integration.imap.logins import session_of
from tests.servers.imap import ImapServer, ImapUser

from mail_archiver.domain.fetch_plan import Window
from mail_archiver.domain.mailbox_state import MailboxStatus
from mail_archiver.imap.session import ImapSession

SOURCE = b"From: ann@example.com\r\nSubject: Offer\r\n\r\nAs agreed.\r\n"

WINDOWS = [1, 2, 5, 10_000]
"""Sizes of a search window; with the first of them a search of ten messages needs several."""

EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))

BORDER = datetime(2024, 3, 1, tzinfo=UTC)
"""A day's border, and a month's; before it comes a leap day."""


@pytest.fixture(scope="session")
def gaps(imap_server: ImapServer) -> tuple[ImapUser, list[int]]:
    """A user whose inbox has lost messages at its beginning, in its middle and at its end."""
    user = imap_server.new_user()
    with imap_server.connect(user) as client:
        for _ in range(16):
            client.append("INBOX", SOURCE)
        client.select_folder("INBOX")
        gone = [1, 2, 5, 8, 9, 10, 16]
        client.delete_messages(gone)
        client.uid_expunge(gone)
    return user, [3, 4, 6, 7, 11, 12, 13, 14, 15]


@pytest.fixture(scope="session")
def around_a_border(imap_server: ImapServer) -> tuple[ImapUser, dict[int, datetime]]:
    """A user whose messages came around the border of a day, in zones from one end to the other."""
    user = imap_server.new_user()
    hours = [-120, -49, -48, -25, -24, -14, -12, -1, 0, 1, 12, 14, 23, 24, 25, 48, 49, 120]
    received = [
        (BORDER + timedelta(hours=hour)).astimezone(zone)
        for hour, zone in zip(hours, [UTC, EAST, WEST] * 6, strict=True)
    ]
    received += [BORDER - timedelta(seconds=1), BORDER]
    return user, {imap_server.deliver(user, SOURCE, received_at=each): each for each in received}


def test_finds_the_uids_above_one(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    uids = [imap_server.deliver(user, SOURCE) for _ in range(3)]
    with opened(imap_server, user) as (session, status):
        assert session.uids_after(0, status) == uids
        assert session.uids_after(uids[0], status) == uids[1:]
        assert session.uids_after(uids[1], status) == uids[2:]


def test_finds_nothing_where_nothing_is_new(imap_server: ImapServer) -> None:
    # A search for "n:*" answers with the last message, also when its UID is below n (RFC 9051 section 9).
    user = imap_server.new_user()
    last = [imap_server.deliver(user, SOURCE) for _ in range(2)][-1]
    with opened(imap_server, user) as (session, status):
        for uid in [last, last + 1, last + 1000]:
            assert session.uids_after(uid, status) == []


def test_finds_nothing_in_an_empty_mailbox(imap_server: ImapServer) -> None:
    with opened(imap_server, imap_server.new_user()) as (session, status):
        assert session.uids_after(0, status) == []
        assert session.uids_received(Window(), status) == []
        assert session.uids_received(Window(since=BORDER), status) == []


@pytest.mark.parametrize("size", WINDOWS)
def test_finds_the_same_uids_whatever_the_size_of_a_search(
    imap_server: ImapServer,
    gaps: tuple[ImapUser, list[int]],
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr("mail_archiver.imap.searching.SEARCH_WINDOW", size)
    user, uids = gaps
    with opened(imap_server, user) as (session, status):
        if imap_server.tells_uidnext:
            assert status.uidnext == 17
        for after in range(20):
            above = [uid for uid in uids if uid > after]
            assert session.uids_after(after, status) == above
            assert session.uids_after(after, replace(status, uidnext=None)) == above
        assert session.uids_received(Window(), status) == uids


@pytest.mark.parametrize("size", WINDOWS)
def test_misses_none_that_stays_when_others_go_while_the_mailbox_is_open(
    imap_server: ImapServer, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("mail_archiver.imap.searching.SEARCH_WINDOW", size)
    user = imap_server.new_user()
    uids = [imap_server.deliver(user, SOURCE) for _ in range(7)]
    gone = uids[1:5]
    with opened(imap_server, user) as (session, status):
        with imap_server.connect(user) as client:
            client.select_folder("INBOX")
            client.delete_messages(gone)
            client.expunge()
        for _ in range(2):
            found = session.uids_after(0, status)
            assert set(found) >= set(uids) - set(gone)
            assert found == sorted(set(found))
            session.present(uids)  # from here on the server no longer shows what is gone


@pytest.mark.parametrize("zone", [UTC, EAST, WEST], ids=str)
@pytest.mark.parametrize("hours", [-13, 0, 1, 24])
def test_misses_none_that_was_received_in_a_window(
    imap_server: ImapServer, around_a_border: tuple[ImapUser, dict[int, datetime]], hours: int, zone: timezone
) -> None:
    user, received = around_a_border
    bound = (BORDER + timedelta(hours=hours)).astimezone(zone)
    windows = [
        Window(since=bound),
        Window(until=bound),
        Window(since=bound, until=bound + timedelta(hours=2)),
        Window(since=bound - timedelta(days=1), until=bound),
    ]
    with opened(imap_server, user) as (session, status):
        for window in windows:
            found = session.uids_received(window, status)
            assert {uid for uid, moment in received.items() if moment in window} <= set(found)
            assert found == sorted(found)


def test_leaves_out_what_was_received_days_away_from_a_window(
    imap_server: ImapServer, around_a_border: tuple[ImapUser, dict[int, datetime]]
) -> None:
    user, received = around_a_border
    oldest, newest = min(received, key=received.__getitem__), max(received, key=received.__getitem__)
    with opened(imap_server, user) as (session, status):
        assert oldest not in session.uids_received(Window(since=BORDER), status)
        assert newest not in session.uids_received(Window(until=BORDER), status)
        found = session.uids_received(Window(since=BORDER, until=BORDER + timedelta(hours=1)), status)
        assert {oldest, newest}.isdisjoint(found)


@pytest.mark.parametrize("size", WINDOWS)
def test_finds_the_same_of_a_window_whatever_the_size_of_a_search(
    imap_server: ImapServer,
    around_a_border: tuple[ImapUser, dict[int, datetime]],
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    user, received = around_a_border
    window = Window(since=BORDER, until=BORDER + timedelta(days=1))
    with opened(imap_server, user) as (session, status):
        at_once = session.uids_received(window, status)
        monkeypatch.setattr("mail_archiver.imap.searching.SEARCH_WINDOW", size)
        assert session.uids_received(window, status) == at_once
        assert session.uids_received(Window(), status) == sorted(received)


@pytest.mark.parametrize("zone", [UTC, EAST, WEST], ids=str)
def test_a_window_may_reach_to_the_ends_of_the_calendar(
    imap_server: ImapServer, around_a_border: tuple[ImapUser, dict[int, datetime]], zone: timezone
) -> None:
    user, received = around_a_border
    first, last = datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)
    with opened(imap_server, user) as (session, status):
        for window in [Window(first), Window(None, last), Window(first, last)]:
            assert session.uids_received(window, status) == sorted(received)


@contextmanager
def opened(server: ImapServer, user: ImapUser) -> Iterator[tuple[ImapSession, MailboxStatus]]:
    """A session with the user's inbox open, and what the server says of it."""
    with session_of(server, user) as session:
        yield session, session.examine("INBOX")
