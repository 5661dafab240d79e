"""PostgreSQL, private to the test session: a cluster of its own, or a container where it is not installed."""

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from secrets import token_urlsafe

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from tests.servers import containers, installed
from tests.servers.process import (
    Identity,
    ServerFailed,
    ServerProcess,
    Unavailable,
    free_ports,
    identity_of,
    start_on_free_ports,
)

OWNER = "mail_archiver"
CONNECT_TIMEOUT_S = 5

# Nothing here survives a power cut, and nothing has to, but where what that costs is measured.
_FORGETFUL = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
_SETTINGS = ["max_wal_size=1GB"]
_INITDB = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync"]


class Postgres(ABC):
    """A PostgreSQL server, which asks for passwords; `start` makes one."""

    host: str
    port: int
    identity: Identity | None
    """Who it runs as; None in a container, where the users and the disks are others."""

    def __init__(self, *, durable: bool) -> None:
        settings = [*_SETTINGS, *([] if durable else _FORGETFUL)]
        self._options = [part for setting in settings for part in ("-c", setting)]
        self._password = token_urlsafe(9)
        self._database_numbers = count(1)

    def new_database(self, like: str | None = None, encoding: str | None = None) -> str:
        """The URL of a database that nobody else has: empty, or a copy of the one with the URL `like`.

        Args:
            encoding: None for UTF8.
        """
        name = f"test_{next(self._database_numbers)}"
        template = f" TEMPLATE {make_url(like).database}" if like else ""
        if encoding:
            template = f" ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        self._execute(f"CREATE DATABASE {name}{template}")
        if like:
            self._execute("CHECKPOINT")  # else the copy would be written to the disk while it is used
        return self._url(name, "postgresql")

    def drop_database(self, url: str) -> None:
        """Remove one that `new_database` made."""
        self._execute(f"DROP DATABASE {make_url(url).database}")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Be away while the block runs, and back on the same port after it, whatever happened in it."""
        self.stop_server()
        try:
            yield
        finally:
            self.start_server()

    @abstractmethod
    def stop_server(self) -> None:
        """Cut every connection and refuse new ones, as a server that restarts; databases stay."""

    @abstractmethod
    def start_server(self) -> None:
        """Serve again, on the same port."""

    @abstractmethod
    def stop(self) -> None:
        """End it for good."""

    def _answers(self) -> bool:
        with suppress(OperationalError):
            self._execute("SELECT 1")
            return True
        return False

    def _execute(self, statement: str) -> None:
        engine = create_engine(
            self._url("postgres", "postgresql+psycopg2"),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",  # CREATE DATABASE refuses to run in a transaction
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
        with engine.connect() as connection:
            connection.execute(text(statement))

    def _url(self, database: str, driver: str) -> str:
        url = URL.create(driver, OWNER, self._password, self.host, self.port, database)
        return url.render_as_string(hide_password=False)


def start(folder: Path, *, durable: bool = False) -> Postgres:
    """Start a PostgreSQL that keeps everything in `folder`.

    Args:
        folder: A short path, since a socket is made in it, that other users can pass through.
        durable: Whether a commit reaches the disk, as it does by default everywhere but in tests.

    Raises:
        Unavailable: Neither PostgreSQL nor a Docker engine with its image is there.
        ServerFailed: It is there and does not start.
    """
    programs = installed.postgres()
    if programs:
        return _PrivatePostgres(programs, folder, durable=durable)
    if containers.can_run(containers.POSTGRES):
        return _PostgresContainer(durable=durable)
    raise Unavailable("neither PostgreSQL nor a Docker engine: see python -m tests.servers.provide")


class _PrivatePostgres(Postgres):
    host = "127.0.0.1"

    def __init__(self, programs: Path, folder: Path, *, durable: bool) -> None:
        super().__init__(durable=durable)
        self._programs = programs
        self._folder = folder
        self._cluster = folder / "cluster"
        # PostgreSQL refuses to be root.
        self.identity: Identity = identity_of("nobody") if os.geteuid() == 0 else {}
        self._initialise()
        self._process = start_on_free_ports(1, self._start_on)

    def stop_server(self) -> None:
        self._process.stop(signal.SIGINT)  # "fast shutdown": it does not wait for the clients to leave

    def start_server(self) -> None:
        self._process = self._start_on([self.port])

    def stop(self) -> None:
        self.stop_server()

    def _initialise(self) -> None:
        password_file = self._folder / "password"
        password_file.write_text(self._password)
        if self.identity:
            for path in (self._folder, password_file):
                os.chown(path, self.identity["user"], self.identity["group"])
        options = [f"--pgdata={self._cluster}", f"--username={OWNER}", f"--pwfile={password_file}"]
        made = subprocess.run(
            [str(self._programs / "initdb"), *options, *_INITDB],
            capture_output=True,
            text=True,
            cwd=self._folder,
            **self.identity,
        )
        if made.returncode:
            raise ServerFailed(made.stderr)

    def _start_on(self, ports: list[int]) -> ServerProcess:
        [self.port] = ports
        settings = [
            f"listen_addresses={self.host}",
            f"port={self.port}",
            f"unix_socket_directories={self._folder}",
        ]
        arguments = [*self._options, *(part for setting in settings for part in ("-c", setting))]
        process = ServerProcess(
            [str(self._programs / "postgres"), "-D", str(self._cluster), *arguments],
            log=self._folder / "postgres.log",
            identity=self.identity,
        )
        process.wait_until(self._answers)
        return process


class _PostgresContainer(Postgres):
    identity = None

    def __init__(self, *, durable: bool) -> None:
        super().__init__(durable=durable)
        containers.disable_ryuk()
        from testcontainers.community.postgres import PostgresContainer

        # Docker gives a port of its own choice anew at every start; ours stays.
        [self.port] = free_ports(1)
        container = PostgresContainer(
            containers.POSTGRES, username=OWNER, password=self._password, dbname="postgres", driver=None
        )
        container.with_bind_ports(5432, self.port)
        container.with_env("POSTGRES_INITDB_ARGS", " ".join(_INITDB))
        container.with_command(["postgres", *self._options])
        self._container = container
        containers.start(container, self._answers)

    def stop_server(self) -> None:
        self._container.get_wrapped_container().stop()

    def start_server(self) -> None:
        self._container.get_wrapped_container().start()
        containers.wait_until(self._container, self._answers)

    def stop(self) -> None:
        self._container.stop()

    def _answers(self) -> bool:
        self.host = self._container.get_container_host_ip()
        return super()._answers()
