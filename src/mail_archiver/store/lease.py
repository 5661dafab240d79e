"""Who may work on an account: a lease that frees itself when its holder dies.

Leases make runs cheap, not correct: the ledger's uniqueness does that, even if every lease were broken.
PostgreSQL: advisory locks of one transaction, which also hold behind a pooler that hands out connections by
transaction. SQLite: locks on files beside the database.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import sqlalchemy as sa

from mail_archiver.errors import AccountBusy, DatabaseUnavailable, DatabaseUnusable, SyncBusy
from mail_archiver.store.database import sqlite_file
from mail_archiver.store.translation import shown, translated

BATCH_WAIT_S = 300.0
"""How long a run waits for the batch of a backfill to end, before it counts the account as busy."""

TURN_WAIT_S = 3600.0
"""How long a backfill's turn waits for a run to end, before it counts the account as busy."""

CLEAN_UP_WAIT_S = 60.0
"""How long a batch and a clean-up of blobs wait for each other; both hold their lock for moments."""

_BLOBS = "blobs"
_CLEANED_UP = "a clean-up of the storage does not come to its end"
_STORED = "others have been storing blobs without a pause"

_PEEK_WAIT_S = 0.5
"""How long a run waits for its own lock: a backfill looks at it by taking it for a moment."""

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0

_HELD_LONG = """
SELECT set_config(name, wanted, true) FROM pg_settings JOIN (VALUES
    ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0')
) AS lease (name, wanted) USING (name)
"""  # joined, because not every release of PostgreSQL has all of them


class _Locks(Protocol):
    """Locks that are held together, and freed together when their block ends."""

    def take(self, name: str, *, shared: bool = False) -> bool:
        """Take one more, if it is free; one that is shared keeps out only who wants it alone."""


class Leases:
    """The leases of all accounts in one database."""

    def __init__(self, engine: sa.Engine, schema: str | None) -> None:
        self._engine = engine
        self._schema = schema

    @contextmanager
    def run(self, account: str, *, patiently: bool) -> Iterator[None]:
        """See `archiving.ports.Store.run_lease`."""
        with self._locks() as locks:
            _take(locks, "run", account, _PEEK_WAIT_S if patiently else 0)
            _take(locks, "work", account, BATCH_WAIT_S if patiently else 0)
            yield

    @contextmanager
    def sync(self) -> Iterator[None]:
        """See `archiving.ports.Store.sync_lease`."""
        with self._locks() as locks:
            if not locks.take("contacts"):
                raise SyncBusy
            yield

    @contextmanager
    def backfill(self, account: str) -> Iterator[None]:
        """See `archiving.ports.Store.backfill_lease`."""
        with self._locks() as locks:
            _take(locks, "backfill", account, 0)
            yield

    @contextmanager
    def backfill_turn(self, account: str) -> Iterator[None]:
        """See `archiving.ports.Store.backfill_turn`."""
        # A run announces itself by its own lock before it waits for the work: let it go first.
        with self._locks() as locks:
            _take(locks, "run", account, TURN_WAIT_S)
        with self._locks() as locks:
            _take(locks, "work", account, TURN_WAIT_S)
            yield

    @contextmanager
    def blobs_kept(self) -> Iterator[None]:
        """Keep clean-ups away while blobs are stored and named, where no transaction can (SQLite).

        Raises:
            DatabaseUnavailable: A clean-up does not come to its end.
        """
        with self._locks() as locks:
            if not _wait_for(locks, _BLOBS, CLEAN_UP_WAIT_S, shared=True):
                raise DatabaseUnavailable(_CLEANED_UP, database=shown(self._engine.url))
            yield

    def keep_blobs(self, connection: sa.Connection) -> None:
        """The same until a transaction on PostgreSQL ends, however long it takes to store them."""
        self._lock_blobs(connection, "pg_advisory_xact_lock_shared")

    @contextmanager
    def blobs_alone(self) -> Iterator[None]:
        """See `archiving.ports.Store.blobs_alone`."""
        if self._engine.dialect.name == "postgresql":
            # In a queue: with many accounts at work there is no moment at which nobody stores anything.
            with translated(self._engine.url), self._engine.begin() as connection:
                self._lock_blobs(connection, "pg_advisory_xact_lock")
                yield
            return
        with self._locks() as locks:
            if not _wait_for(locks, _BLOBS, CLEAN_UP_WAIT_S):
                raise DatabaseUnavailable(_STORED, database=shown(self._engine.url))
            yield

    def _lock_blobs(self, connection: sa.Connection, lock: str) -> None:
        statement = f"SELECT set_config('idle_in_transaction_session_timeout', '0', true), {lock}(%s)"
        connection.exec_driver_sql(statement, (_key(self._schema, _BLOBS),))

    @contextmanager
    def _locks(self) -> Iterator[_Locks]:
        file = sqlite_file(self._engine.url)
        if self._engine.dialect.name != "postgresql":
            with ExitStack() as open_files:
                yield _FileLocks(file, open_files) if file else _NoLocks()
            return
        with translated(self._engine.url):
            connection = self._engine.connect()
        try:
            yield _AdvisoryLocks(connection, self._schema)
        finally:
            with suppress(sa.exc.DBAPIError):  # a connection that is lost has freed them already
                connection.close()  # rolls back, which frees them


class _AdvisoryLocks:
    """Locks of a transaction that stays open and idle for as long as one is held; it holds no snapshot."""

    def __init__(self, connection: sa.Connection, schema: str | None) -> None:
        self._connection = connection
        self._schema = schema
        self._holds_one = False

    def take(self, name: str, *, shared: bool = False) -> bool:
        lock = sa.func.pg_try_advisory_xact_lock_shared if shared else sa.func.pg_try_advisory_xact_lock
        key = _key(self._schema, name)
        with translated(self._connection.engine.url):
            if not self._holds_one:
                self._connection.exec_driver_sql(_HELD_LONG)
            taken = bool(self._connection.scalar(sa.select(lock(key))))
            self._holds_one = self._holds_one or taken
            if not self._holds_one:
                self._connection.rollback()  # who waits needs no connection of a pooler's
        return taken


class _FileLocks:
    """Locks on files in a folder beside the database; no child process inherits them (PEP 446)."""

    def __init__(self, database: Path, open_files: ExitStack) -> None:
        self._database = database
        self._open_files = open_files

    def take(self, name: str, *, shared: bool = False) -> bool:
        handle = self._open(name)
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        # Frees the lock; the file stays, since removing it would race with another's lock.
        self._open_files.callback(os.close, handle)
        return True

    def _open(self, name: str) -> int:
        folder = self._database.with_name(f"{self._database.name}-locks")
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            return os.open(folder / quote(name, safe=""), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise DatabaseUnusable(
                f"cannot make a lock file: {error.strerror}",
                database=f"sqlite:///{self._database}",
                hint=f"Check that this user may write to {folder}.",
            ) from error


class _NoLocks:
    """For a database in memory, which is nobody else's."""

    def take(self, name: str, *, shared: bool = False) -> bool:  # noqa: ARG002 the others need them
        return True


def _take(locks: _Locks, kind: str, account: str, wait_s: float) -> None:
    """Take a lock of an account.

    Raises:
        AccountBusy: It was not free in time.
    """
    if not _wait_for(locks, f"{kind}:{account}", wait_s):
        raise AccountBusy(account)


def _wait_for(locks: _Locks, name: str, wait_s: float, *, shared: bool = False) -> bool:
    """Take a lock as soon as it is free; False when it was not in time.

    By asking again and again, less and less often: a pooler's connections are few, and who waits inside a
    statement keeps one from the very holder that it waits for.
    """
    started = time.monotonic()
    while not locks.take(name, shared=shared):
        waited_s = time.monotonic() - started
        if waited_s >= wait_s:
            return False
        time.sleep(min(max(waited_s / 10, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S))
    return True


def _key(schema: str | None, name: str) -> int:
    """A signed 64-bit key, as advisory locks have them."""
    text = f"mail-archiver:{schema or ''}:{name}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
