"""A server that goes away in mid-session is told as such, wherever it happens, and not waited for twice."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.integration.imap.logins import SILENCE_TIMEOUT_S, assert_tells, plain_login, tls_login
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapServer, ImapUser
from tests.servers.proxy import Failure, proxy

from mail_archiver.domain.disposition import Action, Disposition
from mail_archiver.domain.fetch_plan import Window
from mail_archiver.errors import ServerUnavailable
from mail_archiver.imap.connect import Login, log_in
from mail_archiver.imap.session import ImapSession

SOURCE = b"From: ann@example.com\r\nSubject: Offer\r\n\r\n" + b"As agreed.\r\n" * 10_000

DROPS_TIMEOUT_S = 0.1
"""Between two drops there is a fifth of it."""

Work = Callable[[ImapSession], object]


def look(session: ImapSession) -> object:
    return session.examine("INBOX")


def search(session: ImapSession) -> object:
    return session.uids_after(0, session.examine("INBOX"))


def search_a_window(session: ImapSession) -> object:
    return session.uids_received(Window(), session.examine("INBOX"))


def fetch(session: ImapSession) -> object:
    session.examine("INBOX")
    return session.fetch([1])


def summarize(session: ImapSession) -> object:
    session.examine("INBOX")
    return session.summaries([1])


def look_for_an_unknown_mailbox(session: ImapSession) -> object:
    return session.examine("Nowhere")


CASES: list[tuple[Work, bytes, int]] = [
    (look, b" EXAMINE ", 0),
    (look, b" EXAMINE ", 20),
    (search, b" UID SEARCH ", 0),
    (search_a_window, b" UID SEARCH ", 0),
    (summarize, b" UID FETCH ", 10),
    (fetch, b" UID FETCH ", 0),
    (fetch, b" UID FETCH ", 50_000),
    (look_for_an_unknown_mailbox, b" LIST ", 0),
]


@pytest.mark.parametrize(
    ("work", "command", "octets"), CASES, ids=[f"{case[0].__name__}, {case[2]} octets" for case in CASES]
)
def test_a_connection_cut_is_told_as_the_server_being_unavailable(
    imap_server: ImapServer, work: Work, command: bytes, octets: int
) -> None:
    login = login_with_a_message(imap_server)
    with proxy(login.host, login.port) as between:
        between.fail_at(command, Failure.CUT, after_octets=octets)
        assert_tells(failure_of(between.before(login), work), login)


# Some servers MOVE to that mailbox, and to others it is COPY.
@pytest.mark.parametrize("command", [b" SELECT ", b'Archived"', b" CREATE "])
def test_a_connection_cut_while_moving_is_told_alike(imap_server: ImapServer, command: bytes) -> None:
    def move(session: ImapSession) -> None:
        uidvalidity = session.examine("INBOX").uidvalidity
        disposition = Disposition(Action.MOVE, imap_server.mailbox("Archived"))
        session.dispose("INBOX", uidvalidity, [1], disposition)

    login = login_with_a_message(imap_server)
    with proxy(login.host, login.port) as between:
        between.fail_at(command, Failure.CUT)
        assert_tells(failure_of(between.before(login), move), login)


@pytest.mark.parametrize(
    ("work", "command", "octets"),
    [(look, b" EXAMINE ", 0), (search, b" UID SEARCH ", 3), (fetch, b" UID FETCH ", 50_000)],
    ids=["look", "search", "fetch"],
)
def test_a_server_that_falls_silent_is_given_up_without_a_word(
    imap_server: ImapServer, work: Work, command: bytes, octets: int
) -> None:
    login = replace(login_with_a_message(imap_server), timeout_s=SILENCE_TIMEOUT_S)
    with proxy(login.host, login.port) as between:
        between.fail_at(command, Failure.STALL, after_octets=octets)
        error = failure_of(between.before(login), work)
        between.wait_for_hang_up()
    assert_tells(error, login)
    assert "stopped answering" in error.what
    assert b"LOGOUT" not in between.sent


@pytest.mark.parametrize(
    ("work", "command", "octets"),
    [(look, b" EXAMINE ", 0), (search, b" UID SEARCH ", 3), (fetch, b" UID FETCH ", 50_000)],
    ids=["look", "search", "fetch"],
)
def test_a_server_that_answers_by_drops_is_given_up(
    dovecot: Dovecot, work: Work, command: bytes, octets: int
) -> None:
    login = replace(login_with_a_message(dovecot), timeout_s=DROPS_TIMEOUT_S)
    with proxy(login.host, login.port) as between:
        between.fail_at(command, Failure.DRIP, after_octets=octets)
        error = failure_of(between.before(login), work)
        between.wait_for_hang_up()
    assert_tells(error, login)
    assert command in between.sent
    assert b"LOGOUT" not in between.sent


@pytest.mark.parametrize("login_of", [plain_login, tls_login])
def test_a_server_that_greets_by_drops_is_given_up(
    dovecot: Dovecot, login_of: Callable[[ImapServer, ImapUser], Login]
) -> None:
    login = replace(login_of(dovecot, dovecot.new_user()), timeout_s=DROPS_TIMEOUT_S)
    with proxy(login.host, login.port) as between:
        between.fail_after(10, Failure.DRIP)
        assert_tells(failure_of(between.before(login), look), login)
        between.wait_for_hang_up()
    assert b"LOGIN" not in between.sent


def test_a_slow_line_is_no_failure(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mail_archiver.imap.deadline.SILENCES_AN_ANSWER", 0.1)
    monkeypatch.setattr("mail_archiver.imap.deadline.OCTETS_IN_TIME", 1)
    login = login_with_a_message(dovecot)
    with proxy(login.host, login.port) as between:
        between.fail_at(b" EXAMINE ", Failure.DRIP, after_octets=200)
        with log_in(between.before(login)) as session:
            assert session.examine("INBOX").exists == 1


def test_a_literal_that_no_memory_can_hold_is_not_waited_for(dovecot: Dovecot) -> None:
    login = login_with_a_message(dovecot)
    with proxy(login.host, login.port) as between:
        between.change(
            b"UID FETCH", lambda _command, answer: re.sub(rb"\{\d+\}", b"{99999999999999}", answer)
        )
        assert_tells(failure_of(between.before(login), fetch), login)


def test_a_connection_over_tls_that_is_cut_is_told_alike(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    login = tls_login(imap_server, user)
    with proxy(login.host, login.port) as between, log_in(between.before(login)) as session:
        session.examine("INBOX")
        between.fail_at(b"", Failure.CUT)
        with pytest.raises(ServerUnavailable) as raised:
            session.examine("INBOX")
    assert_tells(raised.value, login)


def test_a_session_that_the_server_ends_is_told_alike(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    login = plain_login(dovecot, user)
    with pytest.raises(ServerUnavailable) as raised, log_in(login) as session:
        session.examine("INBOX")
        kick(dovecot, user, session)
    assert_tells(raised.value, login)


def test_a_lost_session_stays_lost(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    with pytest.raises(ServerUnavailable), log_in(plain_login(dovecot, user)) as session:
        session.examine("INBOX")
        with pytest.raises(ServerUnavailable):
            kick(dovecot, user, session)
        for _ in range(2):
            with pytest.raises(ServerUnavailable):
                session.fetch([uid])
        session.present([uid])


def kick(dovecot: Dovecot, user: ImapUser, session: ImapSession) -> None:
    """Let Dovecot end the session, which happens some commands later."""
    dovecot.doveadm("kick", user.username)
    for _ in range(10_000):
        session.examine("INBOX")


def login_with_a_message(server: ImapServer) -> Login:
    """A login of a user with one message, whose UID is 1."""
    user: ImapUser = server.new_user()
    assert server.deliver(user, SOURCE) == 1
    return plain_login(server, user)


def failure_of(login: Login, work: Work) -> ServerUnavailable:
    """The error with which the work ends."""
    with pytest.raises(ServerUnavailable) as raised, log_in(login) as session:
        work(session)
        pytest.fail("nothing went wrong")
    return raised.value
