"""Ourselves, as cron starts us, with contacts in the CRM."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path

import sqlalchemy as sa
from tests.e2e.installation import bare_environment

from benchmarks.disk import connect, database_octets, file_octets
from benchmarks.measure import Cost, cost_of
from benchmarks.people import OUR_DOMAIN, people
from benchmarks.servers import Mailbox, Servers

PROGRAM = Path(sys.executable).with_name("mail-archiver")
_PROFILED = Path(__file__).with_name("profiled.py")

# As a CRM writes them, and a run has looked for them in the archive.
_CONTACTS = (
    "INSERT INTO contact (last_name, external_id) VALUES (:name, :address)",
    """INSERT INTO contact_address (contact_id, address, normalized, is_primary, matched_at)
    SELECT id, external_id, external_id, true, CURRENT_TIMESTAMP FROM contact WHERE external_id = :address""",
)


class Archiver:
    """mail-archiver with PostgreSQL or SQLite and blobs in a folder.

    Args:
        program: Another checkout's, to compare with.
        profile: A file for what cProfile says of the last run, which is slower for it.
    """

    def __init__(
        self,
        servers: Servers,
        database: str,
        *,
        program: Path = PROGRAM,
        profile: Path | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or f"mail-archiver, {database}"
        self.security = "none"
        self.has_all_blobs = True
        self._servers = servers
        self._program = program
        self._is_sqlite = database == "SQLite"
        self._profiler: list[str | Path] = []
        if profile:
            self._profiler = [program.with_name("python"), _PROFILED, profile.absolute()]
        self.template = self._with_contacts()
        """What every home is a copy of."""

    def home(self, mailboxes: Sequence[Mailbox]) -> "ArchiverHome":
        folder = self._new_folder()
        if self._is_sqlite:
            shutil.copytree(self.template.folder, folder, dirs_exist_ok=True)
            url = _sqlite(folder)
        else:
            url = self._servers.postgres.new_database(like=self.template.url)
        return self._installed(folder, url, mailboxes)

    def over_tls(self) -> "Archiver":
        """The same, with TLS to the mail server."""
        other = copy(self)
        other.name, other.security = f"{self.name}, TLS", "tls"
        return other

    def grown(self, statements: str) -> "Archiver":
        """The same, with rows in the database from the beginning, for which there are no blobs."""
        other = copy(self)
        other.has_all_blobs = False
        other.template = self.home([])
        with connect(other.template.url) as connection:
            # The driver's own cursor takes a % as it is.
            connection.connection.cursor().execute(statements)
            connection.connection.commit()
            # As autovacuum has done long ago where rows are old.
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "VACUUM (FREEZE, ANALYZE)"
            )
        return other

    def _with_contacts(self) -> "ArchiverHome":
        """Tables, and contacts."""
        folder = self._new_folder()
        url = _sqlite(folder) if self._is_sqlite else self._servers.postgres.new_database()
        home = self._installed(folder, url, [])
        home.tell("db", "upgrade")
        with connect(url) as connection:
            for statement in _CONTACTS:
                connection.execute(sa.text(statement), [vars(each) for each in people().contacts])
            connection.commit()
        return home

    def _installed(self, folder: Path, url: str, mailboxes: Sequence[Mailbox]) -> "ArchiverHome":
        settings = {"DATABASE_URL": url, "STORAGE_URL": "file:./blobs", "INTERNAL_DOMAINS": OUR_DOMAIN}
        for n, mailbox in enumerate(mailboxes):
            account = _account(mailbox, self.security)
            settings |= {f"ACCOUNTS__A{n}__{key}": value for key, value in account.items()}
        lines = [f"MAIL_ARCHIVER_{name}={value}\n" for name, value in settings.items()]
        (folder / ".env").write_text("".join(lines), encoding="utf-8")
        drop = None if self._is_sqlite else self._servers.postgres.drop_database
        command = [*self._profiler, self._program]
        return ArchiverHome(command, folder, url, drop, is_audited=self.has_all_blobs)

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._servers.folder))


class ArchiverHome:
    """A folder with the settings and the blobs, and a database."""

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        url: str,
        drop: Callable[[str], None] | None,
        *,
        is_audited: bool,
    ) -> None:
        self.folder = folder
        self.url = url
        self._command = command
        self._drop = drop
        self._is_audited = is_audited

    def run(self) -> Cost:
        return self.measured("run")

    def measured(self, command: str) -> Cost:
        """What another command costs.

        Raises:
            Failed: Its exit code is not 0.
        """
        return cost_of([*self._command, command], self.folder, bare_environment())

    def archived(self) -> int:
        """The ledger's count, once `audit` has found every original and every attachment file."""
        if self._is_audited:
            self.tell("audit")
        with connect(self.url) as connection:
            query = sa.text("SELECT count(*) FROM processed_uid WHERE outcome = 'archived'")
            return int(connection.scalar(query) or 0)

    def stored_octets(self) -> int:
        return file_octets(self.folder) + (database_octets(self.url) if self._drop else 0)

    def remove(self) -> None:
        shutil.rmtree(self.folder)
        if self._drop:
            self._drop(self.url)

    def tell(self, *command: str) -> None:
        """Run another command than `run`, unmeasured.

        Raises:
            Failed: Its exit code is not 0.
        """
        cost_of([self._command[-1], *command], self.folder, bare_environment())


def _account(mailbox: Mailbox, security: str) -> Mapping[str, str]:
    server = mailbox.server
    return {
        "HOST": "127.0.0.1",
        "USERNAME": mailbox.user.username,
        "PASSWORD": mailbox.user.password,
        "SECURITY": security,
        "PORT": str(server.port if security == "none" else server.tls_port),
        **({} if security == "none" else {"CA_FILE": str(server.ca_file)}),
    }


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'crm.db'}"
