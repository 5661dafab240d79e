"""Logging in, over each kind of connection, to each server."""

import json
from dataclasses import replace
from urllib.request import Request, urlopen

import pytest
from tests.integration.imap.logins import plain_login, session_of, tls_login
from tests.servers.dovecot import Dovecot
from tests.servers.greenmail import GreenMail
from tests.servers.imap import ImapServer, ImapUser
from tests.servers.proxy import proxy

from mail_archiver.imap.connect import log_in

SOURCE = b"From: ann@example.com\r\nSubject: Offer\r\n\r\nAs agreed.\r\n"


def test_logs_in_without_encryption(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    imap_server.deliver(user, SOURCE)
    with log_in(plain_login(imap_server, user)) as session:
        assert session.examine("INBOX").exists == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_logs_in_over_tls(imap_server: ImapServer, host: str) -> None:
    user = imap_server.new_user()
    imap_server.deliver(user, SOURCE)
    with log_in(replace(tls_login(imap_server, user), host=host)) as session:
        assert session.examine("INBOX").exists == 1


def test_sends_the_password_in_the_clear_only_when_told_to(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    for login, is_readable in [(plain_login(imap_server, user), True), (tls_login(imap_server, user), False)]:
        with proxy(login.host, login.port) as between:
            with log_in(between.before(login)):
                pass
            between.wait_for_hang_up()
        assert (user.password.encode() in between.sent) == is_readable


def test_encrypts_before_it_logs_in_with_starttls(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    login = replace(tls_login(dovecot, user), security="starttls", port=dovecot.port)
    with proxy(login.host, login.port) as between:
        with log_in(between.before(login)) as session:
            assert session.examine("INBOX").exists == 0
        between.wait_for_hang_up()
    assert b"STARTTLS" in between.sent
    assert b"LOGIN" not in between.sent
    assert user.password.encode() not in between.sent


def test_believes_nothing_that_was_said_before_the_encryption(dovecot: Dovecot) -> None:
    login = replace(tls_login(dovecot, dovecot.new_user()), security="starttls", port=dovecot.port)
    with proxy(login.host, login.port) as between:
        begin = b"Begin TLS negotiation now.\r\n"
        between.rewrite(begin, begin + b"* BYE from somebody on the way\r\n")
        with log_in(between.before(login)) as session:
            assert session.examine("INBOX").exists == 0


def test_logs_in_with_a_password_beyond_ascii(dovecot: Dovecot) -> None:
    user = ImapUser("beyond-ascii@example.com", "pâsswörd € 密码")
    dovecot._write_passwd_file(user.username, f"{user.username}:{user.password}:::::\n")
    with session_of(dovecot, user) as session:
        assert session.examine("INBOX").exists == 0


def test_logs_in_with_a_password_that_needs_quoting(dovecot: Dovecot) -> None:
    user = ImapUser("quoting@example.com", 'a "b" \\c\\ {5} % *')
    dovecot._write_passwd_file(user.username, f"{user.username}:{user.password}:::::\n")
    with session_of(dovecot, user) as session:
        assert session.examine("INBOX").exists == 0


def test_logs_in_with_a_user_name_that_needs_quoting(greenmail: GreenMail) -> None:
    user = ImapUser('Ann "A" (Example)', "secret of Ann's")
    account = {"login": user.username, "email": "ann-a@example.com", "password": user.password}
    url = f"http://{greenmail.host}:{greenmail._api_port}/api/user"
    with urlopen(Request(url, json.dumps(account).encode(), {"Content-Type": "application/json"})):
        pass
    with session_of(greenmail, user) as session:
        assert session.examine("INBOX").exists == 0


def test_logs_out_when_its_block_ends(imap_server: ImapServer) -> None:
    login = plain_login(imap_server, imap_server.new_user())
    with proxy(login.host, login.port) as between:
        with log_in(between.before(login)):
            pass
        between.wait_for_hang_up()
    assert between.sent.endswith(b" LOGOUT\r\n")


def test_hangs_up_when_its_block_raises_and_lets_the_error_pass(imap_server: ImapServer) -> None:
    login = plain_login(imap_server, imap_server.new_user())
    with proxy(login.host, login.port) as between:
        with pytest.raises(ZeroDivisionError), log_in(between.before(login)):
            raise ZeroDivisionError
        between.wait_for_hang_up()


def test_does_not_show_the_password_of_a_login(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    assert user.password not in repr(plain_login(imap_server, user))
