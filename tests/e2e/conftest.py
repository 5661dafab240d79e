"""An installation as an administrator makes one, for each test."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.installation import Installation
from tests.servers import dovecot as dovecot_server
from tests.servers.dovecot import Dovecot
from tests.servers.process import Unavailable
from tests.servers.proxy import Proxy, proxy

Install = Callable[..., Installation]


@pytest.fixture
def install(tmp_path: Path, database_url: str) -> Install:
    """Make an installation with the test's own database; keyword arguments are further settings."""

    def make(**settings: str) -> Installation:
        installation = Installation(tmp_path / "mail-archiver", {"DATABASE_URL": database_url, **settings})
        if not database_url.startswith("sqlite"):
            assert installation.run("db", "upgrade").returncode == 0
        return installation

    return make


@pytest.fixture
def installation(install: Install, dovecot: Dovecot) -> Installation:
    """One account on Dovecot over TLS, its mailbox empty; `example.com` is ours."""
    installation = install(INTERNAL_DOMAINS="example.com")
    installation.add_account("CRM", dovecot)
    return installation


@pytest.fixture
def between(dovecot: Dovecot) -> Iterator[Proxy]:
    """A proxy before Dovecot."""
    with proxy(dovecot.host, dovecot.port) as made:
        yield made


@pytest.fixture
def behind(install: Install, dovecot: Dovecot, between: Proxy) -> Installation:
    """One account on Dovecot, by way of the proxy and without TLS, that gives up after half a minute."""
    installation = install(PATIENCE_S="30")
    installation.add_account("CRM", dovecot, **between.settings)
    return installation


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts of runs in this process follow each other at once."""
    monkeypatch.setattr("mail_archiver.archiving.patience.FIRST_PAUSE_S", 0.001)


@pytest.fixture
def restartable_dovecot(server_folder: Path) -> Iterator[Dovecot]:
    """A Dovecot of the test's own; the test is skipped where it cannot be started again."""
    with tempfile.TemporaryDirectory(dir=server_folder, ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o711)
        server = dovecot_server.start(Path(made))
        try:
            server.stop()
            server.start_again()
            yield server
        except Unavailable as reason:
            pytest.skip(str(reason))
        finally:
            server.stop()
