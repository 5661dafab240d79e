"""The servers that tests ask for by name: each is started at its first use, once a session."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.servers import courier as courier_server
from tests.servers import cyrus as cyrus_server
from tests.servers import dovecot as dovecot_server
from tests.servers import greenmail as greenmail_server
from tests.servers import mariadb as mariadb_server
from tests.servers import pgbouncer as pgbouncer_server
from tests.servers import postgres as postgres_server
from tests.servers.courier import Courier
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot
from tests.servers.greenmail import GreenMail
from tests.servers.imap import ImapServer
from tests.servers.mariadb import MariaDb
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import Postgres
from tests.servers.process import Unavailable
from tests.servers.s3 import S3
from tests.servers.token_server import TokenServer

settings.register_profile("anywhere", deadline=None)  # a busy machine fails no test; benchmarks show speed
settings.load_profile("anywhere")


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder for all that the servers write.

    Not pytest's own: paths of sockets end at 108 bytes, and servers that drop root's rights
    have to pass through.
    """
    with tempfile.TemporaryDirectory(prefix="mail-archiver-", dir="/tmp", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o711)
        yield folder


@pytest.fixture(scope="session")
def token_server() -> Iterator[TokenServer]:
    """An authorization server, the one that Dovecot asks."""
    server = TokenServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def dovecot(server_folder: Path, token_server: TokenServer) -> Iterator[Dovecot]:
    """Dovecot, with what only Dovecot can do for a test (`doveadm`, `set_uidvalidity`)."""
    server = dovecot_server.start(_subfolder(server_folder, "dovecot"), token_server.introspection_url)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def greenmail(server_folder: Path) -> Iterator[GreenMail]:
    """GreenMail; the test is skipped where it cannot run."""
    try:
        server = greenmail_server.start(_subfolder(server_folder, "greenmail"))
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def cyrus(server_folder: Path) -> Iterator[Cyrus]:
    """Cyrus; the test is skipped where it cannot run."""
    try:
        server = cyrus_server.start(_subfolder(server_folder, "cyrus"))
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def courier(server_folder: Path) -> Iterator[Courier]:
    """Courier; the test is skipped where it cannot run."""
    try:
        server = courier_server.start(_subfolder(server_folder, "courier"))
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield server
    server.stop()


@pytest.fixture(scope="session", params=["dovecot", "greenmail", "cyrus", "courier"])
def imap_server(request: pytest.FixtureRequest) -> ImapServer:
    """Each IMAP server in turn: for what holds with any of them."""
    server: ImapServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[Postgres]:
    """PostgreSQL, for tests that stop and start it; the others ask for a URL."""
    server = postgres_server.start(_subfolder(server_folder, "postgres"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def pgbouncer(server_folder: Path, postgres: Postgres) -> Iterator[PgBouncer]:
    """PgBouncer before PostgreSQL, in transaction mode; the test is skipped where it cannot run."""
    yield from _pgbouncer(_subfolder(server_folder, "pgbouncer"), postgres)


@pytest.fixture(scope="session")
def small_pgbouncer(server_folder: Path, postgres: Postgres) -> Iterator[PgBouncer]:
    """One that has two connections for each database, and sends away who has waited four seconds for one."""
    folder = _subfolder(server_folder, "small-pgbouncer")
    yield from _pgbouncer(folder, postgres, pool_size=2, patience_s=4)


@pytest.fixture(scope="session")
def mariadb(server_folder: Path) -> Iterator[MariaDb]:
    """MariaDB; the test is skipped where it cannot run."""
    try:
        server = mariadb_server.start(_subfolder(server_folder, "mariadb"))
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """S3 object storage."""
    server = S3()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """An empty PostgreSQL database of the test's own."""
    return postgres.new_database()


@pytest.fixture
def mariadb_url(mariadb: MariaDb) -> str:
    """An empty MariaDB database of the test's own."""
    return mariadb.new_database()


@pytest.fixture
def pgbouncer_url(pgbouncer: PgBouncer, postgres_url: str) -> str:
    """The database of `postgres_url`, by way of PgBouncer."""
    return pgbouncer.before(postgres_url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite database of the test's own, whose file is not there yet."""
    return f"sqlite:///{tmp_path / 'crm.db'}"


@pytest.fixture(params=["sqlite_url", "postgres_url"], ids=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind in turn: for what holds with both."""
    url: str = request.getfixturevalue(request.param)
    return url


def _pgbouncer(folder: Path, postgres: Postgres, **options: int) -> Iterator[PgBouncer]:
    try:
        server = pgbouncer_server.start(folder, postgres.new_database(), **options)
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield server
    server.stop()


def _subfolder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder
