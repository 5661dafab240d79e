"""Summaries and messages: the very bytes, the moment they came, and what is gone is missing."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.integration.imap.logins import session_of
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapServer, ImapUser

from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.octets import whole

HEADER = b"From: ann@example.com\r\nSubject: Offer\r\n\r\n"
SOURCE = HEADER + b"As agreed.\r\n"

# What all servers keep. GreenMail writes a message anew: 8-bit headers and lone CRs and LFs do not last.
SOURCES = {
    "plain": SOURCE,
    "many final newlines": SOURCE + b"\r\n" * 5,
    "8-bit body": HEADER + "Grüße aus Zürich — 日本\r\n".encode(),
    "every octet over 127": HEADER + bytes(range(128, 256)) + b"\r\n",
    "long line": HEADER + b"x" * 100_000 + b"\r\n",
    "dots and a tag": HEADER + b".\r\n..\r\na1 OK done\r\n* BYE\r\n)\r\n",
    "folded header": b"Subject: a\r\n\tb\r\n  c\r\nX-Empty:\r\n\r\nbody\r\n",
    "large": HEADER + b"0123456789abcdef" * 8 * 40_000 + b"\r\n",
}

# To these Courier adds the end of the last line.
UNENDED_SOURCES = {
    "no final newline": HEADER + b"As agreed.",
    "broken multipart": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nCon",
}

# What Dovecot keeps besides. NUL it serves as 0x80: IMAP's literals have none (RFC 9051 section 4.3).
SOURCES_OF_DOVECOT = {
    "8-bit header": "From: Änne <ann@example.com>\r\nSubject: Zürich\r\n\r\nx\r\n".encode("latin-1"),
    "header only": b"Subject: nothing follows\r\n\r\n",
    "no header": b"\r\nnothing before\r\n",
    "header without its end": b"Subject: cut",
    "lone CR": HEADER + b"a\rb\r\n",
    "every octet but NUL, CR and LF": HEADER + bytes(set(range(1, 256)) - {10, 13}) + b"\r\n",
    "not a message": b"\xff\xfe\x01",
}

MOMENTS = [
    datetime(2020, 5, 4, 3, 2, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 59, 59, tzinfo=timezone(timedelta(hours=2))),
    datetime(2024, 1, 1, 0, 0, 0, tzinfo=timezone(timedelta(hours=-11))),
    datetime(1999, 12, 31, 23, 30, 0, tzinfo=timezone(timedelta(hours=5, minutes=30))),
]


@pytest.mark.parametrize("kind", SOURCES)
def test_gives_the_very_bytes(imap_server: ImapServer, kind: str) -> None:
    user = imap_server.new_user()
    uid = imap_server.deliver(user, SOURCES[kind])
    assert fetched(imap_server, user, uid) == SOURCES[kind]


@pytest.mark.parametrize("kind", UNENDED_SOURCES)
def test_gives_the_very_bytes_of_a_message_whose_last_line_does_not_end(
    imap_server: ImapServer, kind: str
) -> None:
    user, source = imap_server.new_user(), UNENDED_SOURCES[kind]
    uid = imap_server.deliver(user, source)
    with imap_server.connect(user) as client:
        client.select_folder("INBOX", readonly=True)
        served = client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
    assert served in [source, source + b"\r\n"]
    assert fetched(imap_server, user, uid) == served


@pytest.mark.parametrize("kind", SOURCES_OF_DOVECOT)
def test_gives_the_very_bytes_of_stranger_messages(dovecot: Dovecot, kind: str) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCES_OF_DOVECOT[kind])
    assert fetched(dovecot, user, uid) == SOURCES_OF_DOVECOT[kind]


def test_gives_the_messages_asked_for_and_no_others(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    sources = {imap_server.deliver(user, HEADER + b"%d\r\n" % number): number for number in range(4)}
    first, second, third, fourth = sources
    with session_of(imap_server, user) as session:
        session.examine("INBOX")
        found = session.fetch([fourth, second])
        assert {uid: whole(message.source) for uid, message in found.items()} == {
            second: HEADER + b"1\r\n",
            fourth: HEADER + b"3\r\n",
        }
        assert all(uid == message.uid for uid, message in found.items())
        assert set(session.fetch([first, third])) == {first, third}
        assert session.fetch([]) == {}


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine is in a zone that no server and no message is in."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Marquesas")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize("received_at", MOMENTS, ids=str)
def test_gives_the_moment_a_message_was_received(imap_server: ImapServer, received_at: datetime) -> None:
    user = imap_server.new_user()
    uid = imap_server.deliver(user, SOURCE, received_at=received_at)
    with session_of(imap_server, user) as session:
        session.examine("INBOX")
        for found in [session.summaries([uid])[uid].received_at, session.fetch([uid])[uid].received_at]:
            assert found == received_at
            assert found.utcoffset() is not None


def test_gives_the_size_of_each_message(dovecot: Dovecot) -> None:
    # GreenMail's RFC822.SIZE is that of the body.
    user = dovecot.new_user()
    sizes = {dovecot.deliver(user, source): len(source) for source in SOURCES.values()}
    with session_of(dovecot, user) as session:
        session.examine("INBOX")
        summaries = session.summaries(list(sizes))
    assert {uid: summary.size_octets for uid, summary in summaries.items()} == sizes


def test_what_is_not_there_is_missing(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    first, second, third = [imap_server.deliver(user, SOURCE) for _ in range(3)]
    expunge(imap_server, user, [second])
    asked = [first, second, third, third + 1, 2**31 - 1]  # Cyrus passes over a whole set for a larger one
    with session_of(imap_server, user) as session:
        session.examine("INBOX")
        assert set(session.summaries(asked)) == {first, third}
        assert set(session.fetch(asked)) == {first, third}
        assert session.present(asked) == {first, third}
        assert session.fetch([second]) == {}
        assert session.summaries([second]) == {}
        assert session.present([second]) == set()
        assert session.present([]) == set()


@pytest.mark.parametrize("method", ["summaries", "fetch", "present"])
def test_what_goes_while_the_mailbox_is_open_is_missing(imap_server: ImapServer, method: str) -> None:
    user = imap_server.new_user()
    first, second, third = [imap_server.deliver(user, SOURCE) for _ in range(3)]
    with session_of(imap_server, user) as session:
        session.examine("INBOX")
        session.summaries([first, second, third])
        expunge(imap_server, user, [second])
        getattr(session, method)([first, second, third])  # here the server may still show it
        assert set(session.present([first, second, third])) == {first, third}
        assert set(getattr(session, method)([first, second, third])) == {first, third}


# Until a server has told a session that a message is gone, it may go on serving it there, as Cyrus does
# (RFC 2180 section 4.1.1).


def test_the_summary_of_what_has_just_gone_is_true_or_missing(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    uids = [imap_server.deliver(user, SOURCE, received_at=MOMENTS[0]) for _ in range(3)]
    with session_of(imap_server, user) as session:
        session.examine("INBOX")
        expunge(imap_server, user, [uids[1]])
        found = session.summaries(uids)
    assert set(found) | {uids[1]} == set(uids)
    size_octets = found[uids[0]].size_octets
    assert size_octets > 0
    assert all(found[uid] == MessageSummary(uid, size_octets, MOMENTS[0]) for uid in found)


def test_a_message_that_has_just_gone_is_whole_or_missing(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    uids = [imap_server.deliver(user, SOURCE, received_at=MOMENTS[0]) for _ in range(3)]
    with session_of(imap_server, user) as session:
        session.examine("INBOX")
        expunge(imap_server, user, [uids[1]])
        found = session.fetch(uids)
    assert set(found) | {uids[1]} == set(uids)
    assert all((whole(each.source), each.received_at) == (SOURCE, MOMENTS[0]) for each in found.values())


def test_gives_a_message_that_looks_like_what_stands_in_for_another(imap_server: ImapServer) -> None:
    # With these words Courier replaces one that is gone; here somebody has sent them.
    source = (
        b"From: System Administrator <root@localhost>\r\nSubject: message unavailable\r\n\r\n"
        b"This message is no longer available on the server.\r\n"
    )
    user = imap_server.new_user()
    uid = imap_server.deliver(user, source)
    assert fetched(imap_server, user, uid) == source
    with session_of(imap_server, user) as session:
        session.examine("INBOX")
        assert session.summaries([uid])[uid].size_octets > 0


def test_asks_for_more_uids_than_a_command_takes(
    imap_server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mail_archiver.imap.session.UIDS_A_COMMAND", 2)
    user = imap_server.new_user()
    uids = [imap_server.deliver(user, SOURCE) for _ in range(5)]
    with session_of(imap_server, user) as session:
        session.examine("INBOX")
        assert sorted(session.summaries(uids)) == uids
        assert session.present([*uids, uids[-1] + 1]) == set(uids)


def fetched(server: ImapServer, user: ImapUser, uid: int) -> bytes:
    """The bytes of one message, as a session gives them."""
    with session_of(server, user) as session:
        session.examine("INBOX")
        return whole(session.fetch([uid])[uid].source)


def expunge(server: ImapServer, user: ImapUser, uids: Sequence[int]) -> None:
    """Another session removes messages."""
    with server.connect(user) as client:
        client.select_folder("INBOX")
        client.delete_messages(uids)
        client.uid_expunge(uids)
