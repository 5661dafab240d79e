"""The steps of `check`: each is told when it succeeds, and the one after the last is the one that fails."""

from dataclasses import replace

import pytest
from tests.integration.imap.logins import assert_tells, plain_login, tls_login
from tests.servers.courier import Courier
from tests.servers.imap import ImapServer
from tests.servers.process import free_ports
from tests.servers.proxy import proxy

from mail_archiver.domain.disposition import Action, Disposition
from mail_archiver.errors import (
    AuthenticationRefused,
    MailArchiverError,
    MailboxUnavailable,
    ServerUnavailable,
    TlsNotTrusted,
)
from mail_archiver.imap.connect import Login
from mail_archiver.imap.probe import probe

SOURCE = b"From: ann@example.com\r\nSubject: Offer\r\n\r\nAs agreed.\r\n"
KEEP = Disposition()


def test_goes_step_by_step_and_changes_nothing(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    uid = imap_server.deliver(user, SOURCE)
    clients = imap_server.mailbox("Clients")
    imap_server.deliver(user, SOURCE, mailbox=clients)
    login = tls_login(imap_server, user)
    with proxy(login.host, login.port) as between:
        found = list(probe(between.before(login), ["INBOX", clients], KEEP))
        between.wait_for_hang_up()
    assert [step for step, _ in found] == ["DNS", "connection", "login", "mailbox", "mailbox"]
    texts = [text for _, text in found]
    assert "127.0.0.1" in texts[0]
    assert "TLSv1." in texts[1]
    assert user.username in texts[2]
    assert texts[3:] == ["INBOX holds 1 messages", f"{clients} holds 1 messages"]
    assert not any(user.password in text for text in texts)
    assert imap_server.flags(user, "INBOX", uid) == set()


def test_tells_that_a_connection_is_not_encrypted(imap_server: ImapServer) -> None:
    found = dict(probe(plain_login(imap_server, imap_server.new_user()), [], KEEP))
    assert "not encrypted" in found["connection"]


def test_tells_that_the_mailbox_to_move_to_will_be_made_and_does_not_make_it(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    target = imap_server.mailbox("Archived")
    login, move = plain_login(imap_server, user), Disposition(Action.MOVE, target)
    for _ in range(2):
        assert target in dict(probe(login, ["INBOX"], move))["disposition"]
    imap_server.deliver(user, SOURCE, mailbox=target)
    assert "disposition" not in dict(probe(login, ["INBOX"], move))


def test_stops_at_a_mailbox_to_move_to_that_cannot_be_made(courier: Courier) -> None:
    # Courier has all mailboxes below INBOX.
    login, move = plain_login(courier, courier.new_user()), Disposition(Action.MOVE, "Archived")
    with pytest.raises(MailboxUnavailable) as raised:
        list(probe(login, ["INBOX"], move))
    assert_tells(raised.value, login)
    assert raised.value.mailbox == "Archived"
    assert "INBOX.Archived" in raised.value.hint


def test_stops_at_a_host_name_that_does_not_resolve(imap_server: ImapServer) -> None:
    login = plain_login(imap_server, imap_server.new_user())
    for host in ["no-such-host.invalid", "imap..example.com"]:
        assert_stops(replace(login, host=host), [], ServerUnavailable)


def test_stops_at_a_closed_port(imap_server: ImapServer) -> None:
    login = plain_login(imap_server, imap_server.new_user())
    assert_stops(replace(login, port=free_ports(1)[0]), ["DNS"], ServerUnavailable)


def test_stops_at_a_certificate_that_is_not_trusted(imap_server: ImapServer) -> None:
    login = tls_login(imap_server, imap_server.new_user())
    assert_stops(replace(login, ca_file=None), ["DNS"], TlsNotTrusted)


def test_stops_at_a_password_that_is_refused(imap_server: ImapServer) -> None:
    login = plain_login(imap_server, imap_server.new_user())
    assert_stops(replace(login, credentials="not the password"), ["DNS", "connection"], AuthenticationRefused)


def test_stops_at_a_mailbox_that_is_not_there(imap_server: ImapServer) -> None:
    login = plain_login(imap_server, imap_server.new_user())
    assert_stops(login, ["DNS", "connection", "login", "mailbox"], MailboxUnavailable, ["INBOX", "INBX"])


def test_hangs_up_when_nobody_wants_to_know_the_rest(imap_server: ImapServer) -> None:
    login = plain_login(imap_server, imap_server.new_user())
    with proxy(login.host, login.port) as between:
        steps = probe(between.before(login), ["INBOX"], KEEP)
        assert [next(steps)[0] for _ in range(3)] == ["DNS", "connection", "login"]
        del steps
        between.wait_for_hang_up()
    assert b"EXAMINE" not in between.sent


def assert_stops(
    login: Login, steps: list[str], expected: type[MailArchiverError], mailboxes: list[str] | None = None
) -> None:
    """The steps that succeed, and then the error of the next one."""
    found = []
    with pytest.raises(expected) as raised:
        for step, _ in probe(login, mailboxes or ["INBOX"], KEEP):
            found.append(step)
    assert found == steps
    assert_tells(raised.value, login)
