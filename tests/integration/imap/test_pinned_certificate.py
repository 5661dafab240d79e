"""A server whose certificate is pinned: no authority is asked, and nothing is said to any other server."""

import hashlib
import ssl
from dataclasses import replace

import pytest
from tests.integration.imap.logins import assert_tells, tls_login
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapServer
from tests.servers.proxy import proxy

from mail_archiver.errors import TlsNotTrusted
from mail_archiver.imap.connect import Login, log_in


def fingerprint(server: ImapServer) -> str:
    """As `openssl x509 -fingerprint -sha256` has it, without the colons."""
    pem = ssl.get_server_certificate((server.host, server.tls_port))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def pinned_login(server: ImapServer, security: str, pinned: str) -> Login:
    port = server.tls_port if security == "tls" else server.port
    login = replace(tls_login(server, server.new_user()), security=security, port=port)
    return replace(login, ca_file=None, tls_fingerprint=pinned)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1"])
def test_needs_no_authority_and_no_name(imap_server: ImapServer, host: str) -> None:
    login = pinned_login(imap_server, "tls", fingerprint(imap_server))
    with log_in(replace(login, host=host)) as session:
        assert session.examine("INBOX").exists == 0


def test_holds_with_starttls_too(dovecot: Dovecot) -> None:
    with log_in(pinned_login(dovecot, "starttls", fingerprint(dovecot))) as session:
        assert session.examine("INBOX").exists == 0


def test_another_certificate_is_not_trusted_and_its_fingerprint_is_told(imap_server: ImapServer) -> None:
    login = pinned_login(imap_server, "tls", "0" * 64)
    with pytest.raises(TlsNotTrusted) as raised, log_in(login):
        pytest.fail("logged in")
    assert_tells(raised.value, login)
    assert fingerprint(imap_server) in raised.value.what
    assert "tls_fingerprint" in raised.value.hint


def test_an_authority_does_not_make_up_for_another_certificate(imap_server: ImapServer) -> None:
    login = replace(pinned_login(imap_server, "tls", "0" * 64), ca_file=imap_server.ca_file)
    with pytest.raises(TlsNotTrusted), log_in(login):
        pytest.fail("logged in")


class Untouched:
    """Credentials that nobody may ask for."""

    mechanism = "XOAUTH2"

    def current(self) -> str:
        pytest.fail("asked for a token")

    def replacement(self, refused: str) -> str | None:
        pytest.fail(f"asked for another token than {refused}")


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_no_credentials_are_shown_to_another_server(dovecot: Dovecot, security: str) -> None:
    login = replace(pinned_login(dovecot, security, "0" * 64), credentials=Untouched())
    with proxy(login.host, login.port) as between:
        with pytest.raises(TlsNotTrusted), log_in(between.before(login)):
            pytest.fail("logged in")
        between.wait_for_hang_up()
    assert (b"STARTTLS" in between.sent) == (security == "starttls")
