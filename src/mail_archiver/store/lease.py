"""Who may work on an account: a lease that frees itself when its holder dies.

Leases make runs cheap, not correct: the ledger's uniqueness does that, even if every lease were broken.
PostgreSQL: an advisory lock of a transaction, which also holds behind a pooler that hands out connections by
transaction. SQLite: a lock on a file beside the database.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from mail_archiver.errors import AccountBusy, DatabaseUnavailable
from mail_archiver.store.database import sqlite_file, translated

BATCH_WAIT_S = 300.0
"""How long a run waits for the batch of a backfill to end, before it counts the account as busy."""

_PEEK_WAIT_S = 0.5
"""How long a run waits for its own lock: a backfill looks at it by taking it for a moment."""

_POLL_S = 0.02
_LIFT_LIMITS = """
SELECT set_config(name, '0', true) FROM pg_settings
WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""  # set_config, because not every release of PostgreSQL has all of them
_LOCK_NOT_AVAILABLE = "55P03"


class Leases:
    """The leases of all accounts in one database."""

    def __init__(self, engine: sa.Engine, schema: str | None) -> None:
        self._engine = engine
        self._schema = schema

    @contextmanager
    def run(self, account: str) -> Iterator[None]:
        """See `archiving.ports.Store.run_lease`."""
        with (
            self._held(f"run:{account}", account, _PEEK_WAIT_S),
            self._held(f"work:{account}", account, BATCH_WAIT_S),
        ):
            yield

    @contextmanager
    def backfill(self, account: str) -> Iterator[None]:
        """See `archiving.ports.Store.backfill_lease`."""
        with self._held(f"backfill:{account}", account, 0):
            yield

    @contextmanager
    def backfill_turn(self, account: str) -> Iterator[None]:
        """See `archiving.ports.Store.backfill_turn`."""
        # A run announces itself by its own lock before it waits for the work: let it go first.
        with self._held(f"run:{account}", account, None):
            pass
        with self._held(f"work:{account}", account, None):
            yield

    @contextmanager
    def _held(self, name: str, account: str, wait_s: float | None) -> Iterator[None]:
        """Hold a lock; `wait_s` None waits as long as it takes."""
        file = sqlite_file(self._engine.url)
        with ExitStack() as stack:
            if self._engine.dialect.name == "postgresql":
                acquired = stack.enter_context(self._advisory_lock(name, wait_s))
            elif file is not None:
                acquired = stack.enter_context(_file_lock(file, name, wait_s))
            else:
                acquired = True  # a database in memory is nobody else's
            if not acquired:
                raise AccountBusy(account)
            yield

    @contextmanager
    def _advisory_lock(self, name: str, wait_s: float | None) -> Iterator[bool]:
        key = _key(f"{self._schema or ''}:{name}")
        with translated(self._engine.url):
            connection = self._engine.connect()
        try:
            with translated(self._engine.url):
                acquired = self._acquire(connection, key, wait_s)
            yield acquired
        finally:
            with suppress(sa.exc.DBAPIError):  # a connection that is lost has freed it already
                connection.close()  # rolls back, which frees the lock

    @staticmethod
    def _acquire(connection: sa.Connection, key: int, wait_s: float | None) -> bool:
        # The transaction stays open and idle for as long as the lease is held; it holds no snapshot.
        connection.exec_driver_sql(_LIFT_LIMITS)
        if wait_s == 0:
            return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key))).scalar())
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int((wait_s or 0) * 1000)}")  # 0: no limit
        try:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) == _LOCK_NOT_AVAILABLE:
                return False
            raise
        return True


def _key(name: str) -> int:
    """A signed 64-bit key, as advisory locks have them."""
    return int.from_bytes(hashlib.sha256(f"mail-archiver:{name}".encode()).digest()[:8], "big", signed=True)


@contextmanager
def _file_lock(database: Path, name: str, wait_s: float | None) -> Iterator[bool]:
    folder = database.with_name(f"{database.name}-locks")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(folder / quote(name, safe=""), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise DatabaseUnavailable(
            f"cannot make a lock file: {error.strerror}",
            database=f"sqlite:///{database}",
            hint=f"Check that this user may write to {folder}.",
        ) from error
    try:
        yield _lock_file(handle, wait_s)
    finally:
        os.close(handle)  # frees the lock; the file stays, since removing it would race with another's lock


def _lock_file(handle: int, wait_s: float | None) -> bool:
    deadline = None if wait_s is None else time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        else:
            return True
