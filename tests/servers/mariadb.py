"""MariaDB, private to the test session: what EspoCRM and SuiteCRM keep their contacts in."""

import os
import subprocess
from contextlib import suppress
from itertools import count
from pathlib import Path
from secrets import token_urlsafe

from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from tests.servers import installed
from tests.servers.process import (
    Identity,
    ServerFailed,
    ServerProcess,
    Unavailable,
    identity_of,
    start_on_free_ports,
)

OWNER = "mail_archiver"

# What its packages would do when they are installed.
_SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
_SETTINGS = ["--no-defaults", "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=4M"]


class MariaDb:
    """A MariaDB that runs; `start` makes one."""

    host = "127.0.0.1"
    port: int

    def __init__(self, program: Path, share: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._password = token_urlsafe(9)
        self._database_numbers = count(1)
        # It refuses to be root, as PostgreSQL does.
        self._identity: Identity = identity_of("nobody") if os.geteuid() == 0 else {}
        self._initialise(share)
        self._process = start_on_free_ports(1, self._start_on)

    def new_database(self) -> str:
        """The URL of a database that is empty and that nobody else has."""
        name = f"test_{next(self._database_numbers)}"
        self._execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return self._url(name, "mariadb")

    def stop(self) -> None:
        """End it for good."""
        self._process.stop()

    def _initialise(self, share: Path) -> None:
        tables = self._folder / "data"
        tables.mkdir()
        if self._identity:
            for path in (self._folder, tables):
                os.chown(path, self._identity["user"], self._identity["group"])
        statements = [
            "CREATE DATABASE mysql;",
            "USE mysql;",
            "SET @auth_root_socket = NULL;",
            *((share / name).read_text(encoding="utf-8") for name in _SYSTEM_TABLES),
            "FLUSH PRIVILEGES;",
            f"GRANT ALL ON *.* TO {OWNER}@'{self.host}' IDENTIFIED BY '{self._password}' WITH GRANT OPTION;",
        ]
        made = subprocess.run(
            [self._program, *_SETTINGS, "--bootstrap", f"--datadir={tables}"],
            input="\n".join([*statements, ""]),
            capture_output=True,
            text=True,
            cwd=self._folder,
            **self._identity,
        )
        if made.returncode:
            raise ServerFailed(made.stderr)

    def _start_on(self, ports: list[int]) -> ServerProcess:
        [self.port] = ports
        process = ServerProcess(
            [
                self._program,
                *_SETTINGS,
                f"--datadir={self._folder / 'data'}",
                f"--bind-address={self.host}",
                f"--port={self.port}",
                f"--socket={self._folder / 'socket'}",
                "--skip-name-resolve",
            ],
            log=self._folder / "mariadb.log",
            identity=self._identity,
        )
        process.wait_until(self._answers)
        return process

    def _answers(self) -> bool:
        with suppress(OperationalError):
            self._execute("SELECT 1")
            return True
        return False

    def _execute(self, statement: str) -> None:
        engine = create_engine(self._url("", "mariadb+pymysql"), poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(statement))

    def _url(self, database: str, driver: str) -> str:
        url = URL.create(driver, OWNER, self._password, self.host, self.port, database)
        return url.render_as_string(hide_password=False)


def start(folder: Path) -> MariaDb:
    """Start a MariaDB that keeps everything in `folder`.

    Args:
        folder: A short path, since a socket is made in it, that other users can pass through.

    Raises:
        Unavailable: It is not installed.
        ServerFailed: It is there and does not start.
    """
    program, share = installed.mariadb(), installed.mariadb_share()
    if program is None or share is None:
        raise Unavailable("MariaDB is not installed: see python -m tests.servers.provide")
    return MariaDb(program, share, folder)
