"""The engine: one URL in, a connection that behaves the same on PostgreSQL and SQLite out."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from mail_archiver.errors import (
    ConfigError,
    DatabaseRefused,
    DatabaseUnavailable,
    RowsRefused,
    SchemaMismatch,
    StoreError,
)

CONNECT_TIMEOUT_S = 15
SQLITE_BUSY_TIMEOUT_MS = 30_000
_POSTGRESQL_NAMES = ("postgresql", "postgres", "postgresql+psycopg2")
_BEGIN = "mail_archiver_begin"

# SQLSTATE classes that blame the rows: data exception, integrity, program limit, feature not supported.
_ROW_CLASSES = ("22", "23", "54", "0A")
_DUPLICATE_TABLE = "42P07"
_REFUSED = ("28P01", "28000", "42501")

# A connection that is not made has no SQLSTATE, only text: of several addresses tried, the last line counts.
_REFUSALS = (
    "authentication failed",
    "pg_hba.conf",
    "no password supplied",
    "permission denied",
    "not permitted to log in",
    'FATAL:  role "',
)
_COMMENTS = ("\t", "DETAIL:", "HINT:")


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
        sa.event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = sa.create_engine(
            url,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "mail-archiver"},
            pool_pre_ping=True,
            **options,
        )
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
        raise DatabaseUnavailable(
            f"cannot open the database file: {error.strerror}",
            database=f"sqlite:///{path}",
            hint="Check that its folder exists and that this user may write there.",
        ) from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin and commit behind our back, DDL included
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # in WAL mode, NORMAL may lose the last commits with the power
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def shown(url: sa.URL) -> str:
    """The URL as a person may see it: a password can also stand among its parameters."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def _blame_rows(context: sa.ExceptionContext) -> sa.exc.DataError | None:
    """What a driver refuses by itself is about the rows too: NUL, lone surrogates, numbers without end."""
    error = context.original_exception
    return sa.exc.DataError(None, None, error) if isinstance(error, ValueError | OverflowError) else None


@contextmanager
def translated(url: sa.URL) -> Iterator[None]:
    """Turn the driver's exceptions into ours, without a word of the rows."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _translate(error, shown(url)) from error
    except sa.exc.TimeoutError as error:
        raise DatabaseUnavailable("no connection is free", database=shown(url)) from error


def _translate(error: sa.exc.DBAPIError, database: str) -> StoreError:
    state = getattr(error.orig, "pgcode", None) or ""
    reason = _reason(error, state)
    if state in _REFUSED or (not state and any(sign in reason for sign in _REFUSALS)):
        return DatabaseRefused(reason, database=database, hint="Check the user name, password and rights.")
    if not state and "database " in reason and "does not exist" in reason:
        return SchemaMismatch(
            "the database does not exist",
            database=database,
            hint="Create it (createdb), then run: mail-archiver db upgrade",
        )
    if state == _DUPLICATE_TABLE:
        return SchemaMismatch(
            "another program has a table of the same name",
            database=database,
            hint="Keep ours apart by setting MAIL_ARCHIVER_DATABASE_SCHEMA.",
        )
    if state[:2] in ("42", "3F"):
        return SchemaMismatch(reason, database=database, hint="Run: mail-archiver db upgrade")
    rows_to_blame = isinstance(error, sa.exc.IntegrityError | sa.exc.DataError) or state[:2] in _ROW_CLASSES
    if rows_to_blame and not error.connection_invalidated:
        return RowsRefused(reason, database=database)
    return DatabaseUnavailable(
        reason, database=database, hint="Check that the database runs and can be reached and written."
    )


def _reason(error: sa.exc.DBAPIError, state: str) -> str:
    """One line for a person. Once connected, PostgreSQL may quote values: only its class is told."""
    if state:
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        return f"{type(error.orig).__name__} ({state}{', ' + constraint if constraint else ''})"
    if isinstance(error.orig, UnicodeError):
        return type(error.orig).__name__  # its text quotes the character
    lines = [line for line in str(error.orig).splitlines() if line and not line.startswith(_COMMENTS)]
    return lines[-1].removeprefix("connection to server ") if lines else type(error.orig).__name__
