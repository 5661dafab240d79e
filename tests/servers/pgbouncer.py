"""PgBouncer before a PostgreSQL, private to the test session: it hands out connections by transaction."""

import os
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from tests.servers import installed
from tests.servers.process import Identity, ServerProcess, Unavailable, identity_of, start_on_free_ports

CONNECT_TIMEOUT_S = 5

_CONFIG = """
[databases]
* = host={server.host} port={server.port}

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
query_wait_timeout = {patience_s}
"""


class PgBouncer:
    """A PgBouncer that runs; `start` makes one."""

    host = "127.0.0.1"
    port: int

    def __init__(self, program: Path, folder: Path, server: URL, pool_size: int, patience_s: int) -> None:
        self._program = program
        self._folder = folder
        self._server = server
        self._pool_size = pool_size
        self._patience_s = patience_s
        # It refuses to be root, as PostgreSQL does.
        self._identity: Identity = identity_of("nobody") if os.geteuid() == 0 else {}
        (folder / "users").write_text(f'"{server.username}" "{server.password}"\n')
        self._process = start_on_free_ports(1, self._start_on)

    def before(self, url: str) -> str:
        """The same database, by way of this pooler."""
        through = make_url(url).set(host=self.host, port=self.port)
        return through.render_as_string(hide_password=False)

    def stop(self) -> None:
        """Cut every connection."""
        self._process.stop()

    def _start_on(self, ports: list[int]) -> ServerProcess:
        [self.port] = ports
        config = self._folder / "pgbouncer.ini"
        values = {"server": self._server, "host": self.host, "port": self.port, "folder": self._folder}
        config.write_text(_CONFIG.format(**values, pool_size=self._pool_size, patience_s=self._patience_s))
        if self._identity:
            for path in (self._folder, self._folder / "users", config):
                os.chown(path, self._identity["user"], self._identity["group"])
        process = ServerProcess(
            [self._program, config], log=self._folder / "pgbouncer.log", identity=self._identity
        )
        process.wait_until(self._answers)
        return process

    def _answers(self) -> bool:
        url = make_url(self.before(self._server.render_as_string(hide_password=False)))
        engine = create_engine(
            url.set(drivername="postgresql+psycopg2"),
            poolclass=NullPool,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError:
            return False
        return True


def start(folder: Path, url: str, *, pool_size: int = 20, patience_s: int = 120) -> PgBouncer:
    """Start a PgBouncer, with its own defaults but for what is said here.

    Args:
        folder: For its files; other users can pass through.
        url: A database of the server that it stands before; it serves all the others too.
        pool_size: How many connections it has for each database.
        patience_s: How long a client waits for one of them before it is sent away.

    Raises:
        Unavailable: It is not installed.
        ServerFailed: It is there and does not start.
    """
    program = installed.pgbouncer()
    if program is None:
        raise Unavailable("PgBouncer is not installed: see python -m tests.servers.provide")
    return PgBouncer(program, folder, make_url(url), pool_size, patience_s)
