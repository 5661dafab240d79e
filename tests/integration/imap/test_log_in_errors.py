"""Each way in which logging in fails is told apart, and no password shows."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.imap.logins import SILENCE_TIMEOUT_S, assert_tells, plain_login, tls_login
from tests.servers.dovecot import Dovecot
from tests.servers.greenmail import GreenMail
from tests.servers.imap import ImapServer
from tests.servers.process import free_ports
from tests.servers.proxy import Failure, proxy

from mail_archiver.errors import (
    AuthenticationRefused,
    ConfigError,
    MailArchiverError,
    ServerUnavailable,
    TlsNotTrusted,
)
from mail_archiver.imap.connect import Login, log_in

NOWHERE = Login(
    account="crm",
    host="127.0.0.1",
    port=1,
    security="none",
    username="crm@example.com",
    credentials="the secret of the test",
    ca_file=None,
    timeout_s=SILENCE_TIMEOUT_S,
)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("wrong", ["not the password", "nicht das Paßwort", ""])
def test_a_wrong_password_is_refused(imap_server: ImapServer, wrong: str) -> None:
    login = replace(plain_login(imap_server, imap_server.new_user()), credentials=wrong)
    error = failure_of(login, AuthenticationRefused)
    assert "refuses" in error.what
    if wrong:
        assert_tells(error, login)


def test_an_unknown_user_is_refused(imap_server: ImapServer) -> None:
    login = replace(tls_login(imap_server, imap_server.new_user()), username="nobody@example.com")
    assert_tells(failure_of(login, AuthenticationRefused), login)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "imap..example.com", "x" * 64 + ".example.com"])
@pytest.mark.parametrize("security", ["tls", "none"])
def test_a_host_name_that_does_not_resolve_is_told(host: str, security: str) -> None:
    login = replace(NOWHERE, host=host, security=security)
    error = failure_of(login, ServerUnavailable)
    assert_tells(error, login)
    assert "host name" in error.what
    assert host in error.where


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_a_closed_port_is_told(security: str) -> None:
    login = replace(NOWHERE, port=free_ports(1)[0], security=security)
    error = failure_of(login, ServerUnavailable)
    assert_tells(error, login)
    assert "no connection" in error.what
    assert str(login.port) in error.where


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_a_server_that_never_answers_is_given_up(silent_port: int, security: str) -> None:
    login = replace(NOWHERE, port=silent_port, security=security)
    error = failure_of(login, ServerUnavailable)
    assert_tells(error, login)
    assert "no answer" in error.what


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_a_server_that_hangs_up_instead_of_a_greeting_is_unavailable(security: str) -> None:
    with proxy("127.0.0.1", free_ports(1)[0]) as closing:
        login = closing.before(replace(NOWHERE, security=security))
        assert_tells(failure_of(login, ServerUnavailable), login)


def test_a_plain_port_spoken_to_with_tls_is_told(imap_server: ImapServer) -> None:
    login = replace(tls_login(imap_server, imap_server.new_user()), port=imap_server.port)
    error = failure_of(login, TlsNotTrusted)
    assert_tells(error, login)
    assert "port" in error.hint


def test_a_tls_port_spoken_to_without_tls_is_told(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    login = replace(plain_login(imap_server, user), port=imap_server.tls_port, timeout_s=SILENCE_TIMEOUT_S)
    error = failure_of(login, ServerUnavailable)
    assert_tells(error, login)
    assert "security" in error.hint


def test_a_server_that_hangs_up_amid_the_tls_handshake_is_unavailable(imap_server: ImapServer) -> None:
    login = tls_login(imap_server, imap_server.new_user())
    with proxy(login.host, login.port) as between:
        between.fail_at(b"", Failure.CUT)
        assert_tells(failure_of(between.before(login), ServerUnavailable), login)


def test_a_certificate_of_an_unknown_authority_is_not_trusted(imap_server: ImapServer) -> None:
    login = replace(tls_login(imap_server, imap_server.new_user()), ca_file=None)
    error = failure_of(login, TlsNotTrusted)
    assert_tells(error, login)
    assert "ca_file" in error.hint


def test_a_certificate_for_another_host_is_not_trusted(imap_server: ImapServer) -> None:
    # The loopback address by a name that the certificate does not know.
    login = replace(tls_login(imap_server, imap_server.new_user()), host="127.1")
    error = failure_of(login, TlsNotTrusted)
    assert_tells(error, login)
    assert "127.1" in error.what


def test_starttls_trusts_no_more_than_tls_does(dovecot: Dovecot) -> None:
    login = replace(plain_login(dovecot, dovecot.new_user()), security="starttls")
    with proxy(login.host, login.port) as between:
        assert_tells(failure_of(between.before(login), TlsNotTrusted), login)
        between.wait_for_hang_up()
    assert login.username.encode() not in between.sent


def test_a_server_without_starttls_gets_no_password(greenmail: GreenMail) -> None:
    login = replace(plain_login(greenmail, greenmail.new_user()), security="starttls")
    with proxy(login.host, login.port) as between:
        error = failure_of(between.before(login), ServerUnavailable)
        between.wait_for_hang_up()
    assert_tells(error, login)
    assert "STARTTLS" in error.what
    assert b"LOGIN" not in between.sent


@pytest.mark.parametrize("content", [None, b"", b"not a certificate\n"], ids=["missing", "empty", "no PEM"])
@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_ca_file_that_cannot_be_used_is_a_setting_to_mend(
    tmp_path: Path, content: bytes | None, security: str
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_bytes(content)
    login = replace(NOWHERE, security=security, ca_file=ca_file)
    error = failure_of(login, ConfigError)
    assert_tells(error, login)
    assert str(ca_file) in error.what
    assert error.where == "accounts.crm.ca_file"


@pytest.mark.parametrize("failure", [Failure.CUT, Failure.STALL])
def test_a_connection_lost_while_logging_in_is_no_refusal(imap_server: ImapServer, failure: Failure) -> None:
    user = imap_server.new_user()
    login = replace(plain_login(imap_server, user), timeout_s=SILENCE_TIMEOUT_S)
    with proxy(login.host, login.port) as between:
        between.fail_at(b" LOGIN ", failure)
        error = failure_of(between.before(login), ServerUnavailable)
        between.wait_for_hang_up()
    assert_tells(error, login)
    assert b"LOGOUT" not in between.sent


def failure_of(login: Login, expected: type[MailArchiverError]) -> MailArchiverError:
    """The error with which logging in fails."""
    with pytest.raises(expected) as raised, log_in(login):
        pytest.fail("logged in")
    assert type(raised.value) is expected
    return raised.value
