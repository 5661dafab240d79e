"""A server whose TLS is not to be trusted gets no credentials, and a person a clear line."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
import trustme
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event
from tests.servers.dovecot import Dovecot

LONG_AGO, FAR_AHEAD = datetime.now(UTC) - timedelta(days=9), datetime.now(UTC) + timedelta(days=9)
OLD_CIPHERS = "ALL:@SECLEVEL=0"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite: no database has to do with it."""
    return sqlite_url


class TlsServer:
    """Says hello as an IMAP server does to whoever agrees to its TLS, and remembers what it is told."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve, daemon=True)
        self.port: int = self._listener.getsockname()[1]
        self.told = b""
        self._thread.start()

    def stop(self) -> None:
        with suppress(OSError):  # wakes accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # stopped
                return
            with client, suppress(OSError), self._context.wrap_socket(client, server_side=True) as encrypted:
                encrypted.sendall(b"* OK hello\r\n")
                while octets := encrypted.recv(1000):
                    self.told += octets


@contextmanager
def tls_server(certificate: trustme.LeafCert, latest: ssl.TLSVersion | None = None) -> Iterator[TlsServer]:
    """A server with this certificate, and no TLS beyond `latest`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if latest:
        context.set_ciphers(OLD_CIPHERS)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = latest
    server = TlsServer(context)
    try:
        yield server
    finally:
        server.stop()


def version_that_others_get(port: int) -> str | None:
    """What a client agrees on with the server that minds nothing: the server does work."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(OLD_CIPHERS)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as encrypted:
        assert encrypted.recv(4) == b"* OK"
        return encrypted.version()


@pytest.fixture
def installation(install: Install, dovecot: Dovecot) -> Installation:
    """One account, whose server the test has yet to name."""
    made = install()
    made.add_account("CRM", dovecot)
    return made


def failure(installation: Installation, server: TlsServer, authority: trustme.CA) -> dict[str, object]:
    """What a run says about the server; no credentials are shown to it."""
    ca_file = installation.folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    installation.settings["ACCOUNTS__CRM__PORT"] = str(server.port)
    installation.settings["ACCOUNTS__CRM__CA_FILE"] = str(ca_file)
    run = installation.run("run")
    assert run.returncode == 76
    assert server.told == b""
    return event(run.stderr, "account.failed")


@pytest.mark.parametrize(
    ("names", "validity", "what"),
    [
        (["localhost"], (LONG_AGO, LONG_AGO + timedelta(days=1)), "certificate has expired"),
        (["localhost"], (FAR_AHEAD, FAR_AHEAD + timedelta(days=1)), "certificate is not yet valid"),
        (["imap.example.com"], (LONG_AGO, FAR_AHEAD), "not valid for 'localhost'"),
    ],
    ids=["expired", "not yet valid", "another host"],
)
def test_a_certificate_that_is_not_good_here_and_now(
    installation: Installation, names: list[str], validity: tuple[datetime, datetime], what: str
) -> None:
    authority = trustme.CA()
    not_before, not_after = validity
    certificate = authority.issue_cert(*names, not_before=not_before, not_after=not_after)
    with tls_server(certificate) as server:
        assert version_that_others_get(server.port) == "TLSv1.3"
        told = failure(installation, server, authority)
    assert str(told["what"]).startswith("its certificate is not trusted: ")
    assert what in str(told["what"])


def test_a_certificate_of_another_authority(installation: Installation) -> None:
    with tls_server(trustme.CA().issue_cert("localhost")) as server:
        told = failure(installation, server, trustme.CA())
    assert "its certificate is not trusted" in str(told["what"])
    assert "set ca_file" in str(told["hint"])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("latest", "name"), [(ssl.TLSVersion.TLSv1, "TLSv1"), (ssl.TLSVersion.TLSv1_1, "TLSv1.1")]
)
def test_tls_older_than_1_2(installation: Installation, latest: ssl.TLSVersion, name: str) -> None:
    authority = trustme.CA()
    with tls_server(authority.issue_cert("localhost"), latest) as server:
        try:
            assert version_that_others_get(server.port) == name
        except ssl.SSLError:
            pytest.skip("this OpenSSL has nothing as old")
        told = failure(installation, server, authority)
    assert told["what"] == "the server offers no TLS 1.2 or later"
