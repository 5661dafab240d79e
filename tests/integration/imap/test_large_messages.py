"""A large message, fetched in pieces: the very bytes, and never all of them in memory."""

import random
import tracemalloc
from itertools import count
from typing import Any

import pytest
from imapclient import IMAPClient
from tests.integration.imap.logins import answering, session_of
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapServer

from mail_archiver.imap.fetching import fetch
from mail_archiver.imap.session import PIECE_OCTETS
from mail_archiver.octets import Spool, whole

HEADER = b"From: ann@example.com\r\nSubject: Offer\r\n\r\n"


def expunge(client: IMAPClient, uid: int) -> None:
    """Remove a message, by way of a session that is not the one under test."""
    client.select_folder("INBOX")
    client.delete_messages([uid])
    client.expunge()


def text(octets: int) -> bytes:
    """Lines that differ, so that a piece at a wrong place is noticed; Courier would end the last one."""
    numbers = random.Random(octets)
    lines = b"".join(b"%060d\r\n" % numbers.randrange(10**50) for _ in range(octets // 62 + 1))
    return (HEADER + lines)[: octets - 2].removesuffix(b"\r").ljust(octets - 2, b"0") + b"\r\n"


@pytest.mark.parametrize("octets", [len(HEADER), 999, 1000, 1001, 5000, 12_345])
def test_gives_the_very_bytes_whatever_the_pieces(
    imap_server: ImapServer, monkeypatch: pytest.MonkeyPatch, octets: int
) -> None:
    monkeypatch.setattr("mail_archiver.imap.session.PIECE_OCTETS", 1000)
    source = text(octets)
    user = imap_server.new_user()
    uid = imap_server.deliver(user, source)
    with session_of(imap_server, user) as session:
        session.examine("INBOX")
        message = session.fetch_large(uid, Spool())[uid]
        whole_message = session.fetch([uid])[uid]
    assert whole(message.source) == whole(whole_message.source) == source
    assert message.received_at == whole_message.received_at


def test_does_not_hold_it_in_memory(dovecot: Dovecot) -> None:
    source = text(24 * 1024 * 1024)
    user = dovecot.new_user()
    uid = dovecot.deliver(user, source)
    with session_of(dovecot, user) as session:
        session.examine("INBOX")
        tracemalloc.start()
        try:
            message = session.fetch_large(uid, Spool())[uid]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 5 * PIECE_OCTETS
    assert whole(message.source) == source


def test_a_large_message_that_is_gone_is_missing(imap_server: ImapServer) -> None:
    with session_of(imap_server, imap_server.new_user()) as session:
        session.examine("INBOX")
        assert session.fetch_large(7, Spool()) == {}


def test_a_large_message_that_has_just_gone_is_whole_or_missing(imap_server: ImapServer) -> None:
    source = text(5000)
    user = imap_server.new_user()
    uid = imap_server.deliver(user, source)
    with session_of(imap_server, user) as session, imap_server.connect(user) as other:
        session.examine("INBOX")
        expunge(other, uid)
        assert [whole(message.source) for message in session.fetch_large(uid, Spool()).values()] in (
            [source],
            [],
        )


def test_a_large_message_that_goes_between_two_pieces_is_whole_or_missing(
    imap_server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mail_archiver.imap.session.PIECE_OCTETS", 1000)
    source = text(500_000)  # servers read ahead
    user = imap_server.new_user()
    uid = imap_server.deliver(user, source)
    with session_of(imap_server, user) as session, imap_server.connect(user) as other:
        session.examine("INBOX")
        pieces = count(1)

        def fetch_and_expunge(*arguments: Any) -> Any:
            answer = fetch(*arguments)
            if next(pieces) == 1:
                expunge(other, uid)
            return answer

        monkeypatch.setattr("mail_archiver.imap.session.fetch", fetch_and_expunge)
        found = session.fetch_large(uid, Spool())
    assert next(pieces) > 1
    assert [whole(message.source) for message in found.values()] in ([source], [])


@pytest.mark.parametrize(
    ("from_server", "instead"),
    [
        pytest.param(b"BODY[]<0> {", b"BODY[] {", id="as if it were all"),
        pytest.param(b"BODY[]<1000> {", b"BODY[]<0> {", id="from the beginning again"),
        pytest.param(b"BODY[]<2000> {", b"BODY[]<2000> ) {", id="in no grammar"),
    ],
)
def test_a_server_that_knows_no_pieces_is_asked_for_the_whole(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, from_server: bytes, instead: bytes
) -> None:
    monkeypatch.setattr("mail_archiver.imap.session.PIECE_OCTETS", 1000)
    source = text(5000)
    user = dovecot.new_user()
    uid = dovecot.deliver(user, source)
    with answering(dovecot, user, (from_server, instead)) as session:
        session.examine("INBOX")
        assert whole(session.fetch_large(uid, Spool())[uid].source) == source
