"""The engine: one URL in, a connection that behaves the same on PostgreSQL and SQLite out."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from mail_archiver.errors import ConfigError, DatabaseUnusable
from mail_archiver.store.connecting import APPLICATION_NAME, LIMITS, SESSION, SQLITE_BUSY_TIMEOUT_MS

_POSTGRESQL_NAMES = ("postgresql", "postgres", "postgresql+psycopg2")
_BEGIN = "mail_archiver_begin"
_FILE = "mail_archiver_file"


def read_url(url: str) -> sa.URL:
    """The database's URL with the driver we use: SQLAlchemy's own default has changed over time.

    Raises:
        ConfigError: It is no URL, or of another kind of database.
    """
    hint = "Use sqlite:///path/to/file.db or postgresql://user:password@host/database."
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigError("not a database URL", setting="database_url", hint=hint) from None
    if parsed.drivername in _POSTGRESQL_NAMES:
        return parsed.set(drivername="postgresql+psycopg2")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return parsed.set(drivername="sqlite+pysqlite")
    raise ConfigError(f"{parsed.drivername} is not supported", setting="database_url", hint=hint)


def open_engine(url: sa.URL, schema: str | None = None) -> sa.Engine:
    """An engine that connects when it is first used.

    Args:
        schema: PostgreSQL schema that holds our tables; None for the connection's own.
    """
    options: dict[str, Any] = {"hide_parameters": True}  # a message must never stand in an error's text
    if url.get_backend_name() == "sqlite":
        if schema:
            raise ConfigError("SQLite has no schemas", setting="database_schema", hint="Leave it out.")
        engine = sa.create_engine(url, **options)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        if file := sqlite_file(url):
            _watch_file(engine, file)
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = sa.create_engine(
            url,
            connect_args={"application_name": APPLICATION_NAME, **SESSION},
            pool_pre_ping=True,
            **options,
        )
        sa.event.listen(engine, "connect", _require_utf8)
        sa.event.listen(engine, "begin", _bound_waiting)
    sa.event.listen(engine, "handle_error", _blame_rows, retval=True)
    return engine.execution_options(schema_translate_map={None: schema}) if schema else engine


def for_writing(engine: sa.Engine) -> sa.Engine:
    """The same engine, its transactions holding SQLite's write lock from the start.

    A transaction that reads first and writes later fails at once when another has written in between.
    """
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


def sqlite_file(url: sa.URL) -> Path | None:
    """The file of a SQLite database; None for PostgreSQL and for a database in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def create_sqlite_file(path: Path) -> None:
    """Make the file before SQLite does, readable by its owner alone."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DatabaseUnusable(
            f"cannot open the database file: {error.strerror}",
            database=f"sqlite:///{path}",
            hint="Check that its folder exists and that this user may write there.",
        ) from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin and commit behind our back, DDL included
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
    _turn_wal_on(cursor)
    cursor.execute("PRAGMA synchronous=FULL")  # in WAL mode, NORMAL may lose the last commits with the power
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _turn_wal_on(cursor: sqlite3.Cursor) -> None:
    """A new file's first writer keeps others from doing so, and SQLite does not wait for it by itself."""
    patience_until = time.monotonic() + SQLITE_BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience_until:
                raise
            time.sleep(0.01)


def _watch_file(engine: sa.Engine, file: Path) -> None:
    """Begin no transaction on a file that has been moved, removed or replaced since it was opened.

    SQLite would go on writing to what nobody will ever read, and mail would be deleted on the strength of it.
    """

    def note(_connection: sqlite3.Connection, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info[_FILE] = _identity(file)

    def compare(connection: sa.Connection) -> None:
        if connection.info[_FILE] != _identity(file):
            raise DatabaseUnusable(
                "the database file was moved or replaced while it was in use",
                database=f"sqlite:///{file}",
                hint="Stop the cron job before you do that; the next run goes on with what is there now.",
            )

    sa.event.listen(engine, "connect", note)
    sa.event.listen(engine, "begin", compare)


def _identity(file: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        status = file.stat()
        return status.st_dev, status.st_ino
    return None


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _require_utf8(connection: Any, _record: object) -> None:
    """Before any message fails on its first accent, and goes into quarantine for it."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigError(
            f"the database {connection.info.dbname} is encoded in {encoding}, not UTF8",
            setting="database_url",
            hint="Make another one: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
        )


def _bound_waiting(connection: sa.Connection) -> None:
    connection.exec_driver_sql(LIMITS)


def _blame_rows(context: sa.ExceptionContext) -> sa.exc.DataError | None:
    """What a driver refuses by itself is about the rows too: NUL, lone surrogates, numbers without end."""
    error = context.original_exception
    return sa.exc.DataError(None, None, error) if isinstance(error, ValueError | OverflowError) else None
