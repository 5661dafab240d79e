"""A glance at the ledger: all that a poll needs to know where nothing is new.

In SQL, by the driver alone: most polls find nothing, and SQLAlchemy takes longer to load than all the rest of
such a poll together. Whatever is not as expected here (tables of another release, a database that is not
there, a URL that libpq reads otherwise) is left to the store, which can also say what is wrong.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote

from mail_archiver.domain.mailbox_state import Epoch, MailboxKey, MailboxStatus
from mail_archiver.store.connecting import APPLICATION_NAME, LIMITS, SESSION, SQLITE_BUSY_TIMEOUT_MS
from mail_archiver.store.release import HEAD

_SQLITE = re.compile(r"sqlite(?:\+pysqlite)?:///([^?]+)")
_POSTGRESQL = re.compile(r"(?:postgres|postgresql|postgresql\+psycopg2)://(.+)", re.DOTALL)

_RELEASE = """
SELECT version_num, EXISTS (
    SELECT 1 FROM [contact_address] AS unmatched JOIN [contact] AS owner ON owner.id = unmatched.contact_id
    WHERE unmatched.matched_at IS NULL AND owner.deleted_at IS NULL
) OR EXISTS (
    SELECT 1 FROM [organization_address] AS unmatched WHERE unmatched.matched_at IS NULL
) OR EXISTS (
    SELECT 1 FROM [contact] AS member
    WHERE member.organization_id IS NOT NULL AND member.organization_matched_at IS NULL
) OR EXISTS (
    SELECT 1 FROM [opportunity_contact] AS unmatched, [linking_rule] AS rule
    WHERE unmatched.matched_at IS NULL AND rule.name = 'opportunities'
), EXISTS (SELECT 1 FROM [linking_rule] WHERE name = 'opportunities') FROM [mail_archiver_version]
"""

# min() is looked up in an index; for EXISTS, PostgreSQL would go through the table.
_EPOCHS = """
SELECT place.account, place.host, place.username, place.name, epoch.id, epoch.uidvalidity, epoch.last_uid,
    epoch.polled_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM [mailbox] AS same JOIN [mailbox_epoch] AS life ON life.mailbox_id = same.id
        JOIN [processed_uid] AS due ON due.epoch_id = life.id
        WHERE same.account = place.account AND same.name = place.name AND due.next_attempt_at <= {now}
    ),
    EXISTS (
        SELECT 1 FROM [processed_uid] AS undisposed WHERE undisposed.epoch_id = epoch.id
        AND undisposed.disposed_at IS NULL AND undisposed.archive_id IS NOT NULL
    ),
    (SELECT min(shown.uid) FROM [processed_uid] AS shown WHERE shown.epoch_id = epoch.id) IS NULL
FROM [mailbox] AS place JOIN [mailbox_epoch] AS epoch ON epoch.mailbox_id = place.id
WHERE epoch.ended_at IS NULL ORDER BY epoch.id
"""

_POLLED = """
UPDATE [mailbox_epoch] SET polled_at = {now}, highest_modseq = {highest_modseq}
WHERE id = {epoch_id} AND ended_at IS NULL
"""

_TABLE = re.compile(r"\[(\w+)\]")


@dataclass(frozen=True, slots=True)
class _Seen:
    epoch: Epoch
    is_done: bool
    undisposed: bool
    is_unused: bool


class Glance:
    """Implements `archiving.ports.Glance`; `take_glance` makes one."""

    def __init__(
        self,
        database: "_Database",
        seen: Mapping[MailboxKey, _Seen],
        *,
        unmatched: bool,
        links_opportunities: bool,
    ) -> None:
        self.unmatched = unmatched
        self.links_opportunities = links_opportunities
        self._database = database
        self._seen = seen

    def epoch_at_rest(self, key: MailboxKey, *, disposes: bool) -> Epoch | None:
        """See the port."""
        seen = self._seen.get(key)
        return seen.epoch if seen and seen.is_done and not (disposes and seen.undisposed) else None

    def is_unused(self, epoch: Epoch) -> bool:
        """See the port."""
        return self._seen[epoch.key].is_unused

    def close(self) -> None:
        """Leave the database alone; SQLite's is opened again for what comes."""
        self._database.close()

    def note_polled(self, epoch: Epoch, status: MailboxStatus, now: datetime) -> bool:
        """See the port."""
        try:
            self._database.execute(_POLLED, now=now, highest_modseq=status.highest_modseq, epoch_id=epoch.id)
        except self._database.errors:
            return False
        return True


@contextmanager
def take_glance(url: str, schema: str | None, now: datetime) -> Iterator[Glance | None]:
    """Look at the database; None where only the store can tell.

    Args:
        schema: PostgreSQL schema that holds our tables; None for the connection's own.
    """
    sqlite, postgresql = _SQLITE.fullmatch(url), _POSTGRESQL.fullmatch(url)
    database: _Database | None = None
    if sqlite and not schema:
        database = _open_sqlite(sqlite[1])
    elif postgresql:
        database = _open_postgresql(f"postgresql://{postgresql[1]}", schema)
    if database is None:
        yield None
        return
    with closing(database):
        yield _look(database, now)


def _look(database: "_Database", now: datetime) -> Glance | None:
    try:
        [(release, unmatched, links_opportunities)] = database.execute(_RELEASE)[:1] or [(None, False, False)]
        if release != HEAD:
            return None
        rows = database.execute(_EPOCHS, now=now)
    except database.errors:
        return None
    seen: dict[tuple[str, str], _Seen] = {}
    for account, host, username, name, epoch_id, uidvalidity, last_uid, *facts in rows:
        # Of an account's mailboxes of one name, on whatever host, the last one that began counts.
        epoch = Epoch(epoch_id, MailboxKey(account, host, username, name), uidvalidity, last_uid)
        seen[account, name] = _Seen(epoch, *map(bool, facts))
    return Glance(
        database,
        {each.epoch.key: each for each in seen.values()},
        unmatched=bool(unmatched),
        links_opportunities=bool(links_opportunities),
    )


class _Database(Protocol):
    """A connection on which each statement is a transaction.

    Attributes:
        errors: What its driver raises.
    """

    errors: type[Exception]

    def execute(self, statement: str, **values: Any) -> list[tuple[Any, ...]]: ...

    def close(self) -> None: ...


class _Sqlite:
    errors: type[Exception] = sqlite3.Error

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = self._open()

    def execute(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        if isinstance(now := values.get("now"), datetime):  # as SQLAlchemy writes it: texts are compared
            values["now"] = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        sql = _TABLE.sub(r"\1", statement).format_map({name: f":{name}" for name in values})
        self._connection = self._connection or self._open()
        return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(self._path)}?mode=rw",  # which makes no file
            uri=True,
            timeout=SQLITE_BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
        )
        # Not synced: a poll that a power cut makes forgotten is made again.
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection


class _Postgresql:
    def __init__(self, connection: Any, schema: str | None, errors: type[Exception]) -> None:
        self.errors = errors
        self._connection = connection
        self._prefix = f'"{schema}".' if schema else ""

    def execute(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        placed = statement.format_map({name: f"%({name})s" for name in values})
        sql = _TABLE.sub(rf"{self._prefix}\1", placed)
        with self._connection.cursor() as cursor:
            # Together, in one transaction and one round trip.
            cursor.execute(f"{LIMITS}; {_UNSYNCED}; {sql}", values)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self._connection.close()


_UNSYNCED = "SELECT set_config('synchronous_commit', 'off', true)"
"""A poll that a power cut makes forgotten is made again."""


def _open_sqlite(path: str) -> _Sqlite | None:
    try:
        return _Sqlite(path)
    except (sqlite3.Error, ValueError):  # a path that cannot be one
        return None


def _open_postgresql(url: str, schema: str | None) -> _Postgresql | None:
    import psycopg2  # not where the database is SQLite

    try:
        connection = psycopg2.connect(url, application_name=APPLICATION_NAME, **SESSION)
    except (psycopg2.Error, ValueError):  # a URL that cannot even be handed over
        return None
    connection.autocommit = True
    return _Postgresql(connection, schema, psycopg2.Error)
