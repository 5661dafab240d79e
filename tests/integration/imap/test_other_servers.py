"""Answers that other servers give: a proxy puts them in Dovecot's mouth."""

from datetime import UTC, datetime

import pytest
from tests.integration.imap.logins import answering, assert_tells, plain_login
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapUser
from tests.servers.proxy import proxy

from mail_archiver.domain.disposition import Action, Disposition
from mail_archiver.errors import (
    AuthenticationRefused,
    MailboxUnavailable,
    MessageRefused,
    ServerBusy,
    ServerUnavailable,
    SourceError,
)
from mail_archiver.imap.connect import log_in
from mail_archiver.octets import whole

SOURCE = b"From: ann@example.com\r\nSubject: Offer\r\n\r\nAs agreed.\r\n"

REFUSAL = b"NO [AUTHENTICATIONFAILED] Authentication failed."


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"NO [UNAVAILABLE] Temporary authentication failure.", ServerUnavailable),  # RFC 9051 section 7.1
        (b"NO [INUSE] Too many simultaneous connections.", ServerUnavailable),
        (b"NO User is authenticated but not connected.", ServerUnavailable),  # Exchange
        (b"NO Server Busy. Suggested Backoff Time: 300 milliseconds", ServerBusy),  # Exchange
        (b"NO [ALERT] Invalid credentials (Failure)", AuthenticationRefused),  # Gmail
        (b"BAD invalid login", AuthenticationRefused),
        (b"NO [PRIVACYREQUIRED] Plaintext authentication disallowed.", AuthenticationRefused),
    ],
)
def test_only_a_refusal_of_the_credentials_is_one(
    dovecot: Dovecot, answer: bytes, expected: type[SourceError]
) -> None:
    login = plain_login(dovecot, ImapUser("nobody@example.com", "not the password"))
    with proxy(login.host, login.port) as between:
        between.rewrite(REFUSAL, answer)
        with pytest.raises(SourceError) as raised, log_in(between.before(login)):
            pytest.fail("logged in")
    assert type(raised.value) is expected
    assert_tells(raised.value, login)
    if b"PRIVACYREQUIRED" in answer:
        assert "starttls" in raised.value.hint


def test_a_server_that_takes_no_more_connections_is_unavailable(dovecot: Dovecot) -> None:
    login = plain_login(dovecot, dovecot.new_user())
    with proxy(login.host, login.port) as between:
        between.rewrite(b"* OK [CAPABILITY", b"* BYE [LIMIT")
        with pytest.raises(ServerUnavailable) as raised, log_in(between.before(login)):
            pytest.fail("logged in")
    assert_tells(raised.value, login)


def test_logs_in_where_the_login_command_is_disabled(dovecot: Dovecot) -> None:
    login = plain_login(dovecot, dovecot.new_user())
    with proxy(login.host, login.port) as between:
        between.rewrite(b"AUTH=LOGIN", b"LOGINDISABLED")
        with log_in(between.before(login)) as session:
            assert session.examine("INBOX").exists == 0
        between.wait_for_hang_up()
    assert b" AUTHENTICATE PLAIN" in between.sent
    assert b" LOGIN " not in between.sent


def test_a_mailbox_without_uidvalidity_and_uidnext_is_read_all_the_same(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uids = [dovecot.deliver(user, SOURCE) for _ in range(2)]
    with answering(dovecot, user, (b"[UIDVALIDITY", b"[X-OTHER"), (b"[UIDNEXT", b"[X-OTHER")) as session:
        status = session.examine("INBOX")
        assert (status.uidvalidity, status.uidnext, status.exists) == (0, None, 2)
        assert session.uids_after(0, status) == uids
        assert session.uids_after(uids[-1], status) == []


def test_a_uidvalidity_beyond_32_bits_is_taken_as_it_is(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    with answering(dovecot, user, (b"[UIDVALIDITY ", b"[UIDVALIDITY 99999")) as session:
        assert session.examine("INBOX").uidvalidity > 2**32


def test_uids_out_of_order_are_put_in_order(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uids = [dovecot.deliver(user, SOURCE) for _ in range(3)]
    with answering(dovecot, user, (b"* SEARCH 1 2 3", b"* SEARCH 3 1 2 1")) as session:
        assert session.uids_after(0, session.examine("INBOX")) == uids


def test_a_message_that_the_server_refuses_is_told(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    login = plain_login(dovecot, user)
    with answering(dovecot, user, (b"OK Fetch completed", b"NO [SERVERBUG] Fetch failed")) as session:
        session.examine("INBOX")
        with pytest.raises(MessageRefused) as raised:
            session.fetch([uid])
        assert session.examine("INBOX").exists == 1
    assert_tells(raised.value, login)


def test_a_size_or_a_date_left_out_does_not_hide_the_message(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    rewrites = [(b"RFC822.SIZE", b"X-SIZE"), (b"INTERNALDATE", b"X-DATE")]
    with answering(dovecot, user, *rewrites) as session:
        session.examine("INBOX")
        summary = session.summaries([uid])[uid]
        assert (summary.size_octets, summary.received_at) == (0, None)
        message = session.fetch([uid])[uid]
        assert (whole(message.source), message.received_at) == (SOURCE, None)


def test_a_message_answered_without_its_body_is_missing(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    with answering(dovecot, user, (b"BODY[]", b"X-BODY")) as session:
        session.examine("INBOX")
        assert session.fetch([uid]) == {}
        assert session.present([uid]) == {uid}


def test_a_date_of_no_known_zone_is_utc(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE, received_at=datetime(2020, 5, 4, 3, 2, 1, tzinfo=UTC))
    with answering(
        dovecot, user, (b'04-May-2020 03:02:01 +0000"', b'04-May-2020 03:02:01 -0000"')
    ) as session:
        session.examine("INBOX")
        assert session.fetch([uid])[uid].received_at == datetime(2020, 5, 4, 3, 2, 1, tzinfo=UTC)


def test_a_date_keeps_its_offset(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE, received_at=datetime(2020, 5, 4, 3, 2, 1, tzinfo=UTC))
    rewrite = (b"04-May-2020 03:02:01 +0000", b" 4-May-2020 05:32:01 +0230")
    with answering(dovecot, user, rewrite) as session:
        session.examine("INBOX")
        received_at = session.fetch([uid])[uid].received_at
    assert received_at is not None
    assert received_at.isoformat() == "2020-05-04T05:32:01+02:30"


def test_a_name_that_is_not_modified_utf_7_does_not_hide_the_others(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    for name in ["R&D", "Clients"]:
        dovecot.deliver(user, SOURCE, mailbox=name)
    with answering(dovecot, user, (b"R&-D", b"R&D")) as session:
        assert {"INBOX", "R&D", "Clients"} <= set(session.mailboxes())
        with pytest.raises(MailboxUnavailable) as raised:
            session.examine("Client")
    assert "Clients?" in raised.value.hint


def test_asks_again_after_login_what_the_server_can_do(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    login = plain_login(dovecot, user)
    with proxy(login.host, login.port) as between:
        with log_in(between.before(login)) as session:
            uidvalidity = session.examine("INBOX").uidvalidity
            session.dispose("INBOX", uidvalidity, [uid], Disposition(Action.MOVE, "Archived"))
        between.wait_for_hang_up()
    assert b" UID MOVE " in between.sent
    assert b" UID COPY " not in between.sent
