"""From the drivers' exceptions to ours: what is to blame, and whether it may be over in a moment."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from mail_archiver.errors import (
    DatabaseRefused,
    DatabaseUnavailable,
    DatabaseUnusable,
    RowsRefused,
    SchemaMismatch,
    StoreError,
)

# SQLSTATEs, or the classes they begin with (PostgreSQL's appendix A).
# Data exception, integrity, program limit, feature not supported, view's check, and what triggers raise;
# SQLite has one name for all that a statement, or a trigger that it sets off, meets as it runs.
_ROWS = ("22", "23", "44", "54", "0A", "09", "27", "P0", "SQLITE_ERROR")
_REFUSED = ("28P01", "28000", "42501")
_SCHEMA = ("42", "3F")
_DUPLICATE_TABLE = "42P07"
_FULL = ("53100", "SQLITE_FULL")
_READ_ONLY = ("25006", "SQLITE_READONLY")
_READ_ONLY_HINTS = (
    "It may only be read: check its settings, and that it is no standby.",
    "It may only be read: check the rights of the file, of its folder, and of those beside it (-wal, -shm).",
)
_DAMAGED = ("58", "XX", "SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CANTOPEN", "SQLITE_PERM")

# A connection that is not made has no SQLSTATE, only text: of several addresses tried, the last line counts.
_REFUSALS = (
    "authentication failed",
    "pg_hba.conf",
    "no password supplied",
    "permission denied",
    "not permitted to log in",
    'FATAL:  role "',
)
_TRIGGERS_OWN = "SQLITE_CONSTRAINT_TRIGGER"
_UNDECODABLE, _NOT_UTF_8 = "Could not decode to UTF-8", "a text in the database is not UTF-8"
_MISSING = ("no such table", "no such column")  # SQLite's words
_COMMENTS = ("\t", "DETAIL:", "HINT:")


@contextmanager
def translated(url: sa.URL) -> Iterator[None]:
    """Turn the driver's exceptions into ours, without a word of the rows."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise translate(error, shown(url)) from error
    except sa.exc.StatementError as error:  # a value of ours that cannot even be handed to the driver
        raise RowsRefused(type(error.orig).__name__, database=shown(url)) from error
    except sa.exc.TimeoutError as error:
        raise DatabaseUnavailable("no connection is free", database=shown(url)) from error


def shown(url: sa.URL) -> str:
    """The URL as a person may see it: a password can also stand among its parameters."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def translate(error: sa.exc.DBAPIError, database: str) -> StoreError:
    """Ours for a driver's exception.

    Args:
        database: Its URL, as a person may see it.
    """
    state = state_of(error)
    reason = reason_of(error)
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
    if state.startswith(_SCHEMA) or reason.startswith(_MISSING):
        return SchemaMismatch(reason, database=database, hint="Run: mail-archiver db upgrade")
    if reason == _NOT_UTF_8:
        return DatabaseUnusable(reason, database=database, hint="Mend what another program has written.")
    if state.startswith(_FULL):
        return DatabaseUnusable(reason, database=database, hint="Its disk is full: make room there.")
    if state.startswith(_READ_ONLY):
        return DatabaseUnusable(reason, database=database, hint=_READ_ONLY_HINTS[state[:6] == "SQLITE"])
    if state.startswith(_DAMAGED):
        return DatabaseUnusable(
            reason, database=database, hint="Check the file and its folder, their rights, and the disk."
        )
    rows_to_blame = isinstance(error, sa.exc.IntegrityError | sa.exc.DataError) or state.startswith(_ROWS)
    if rows_to_blame and not error.connection_invalidated:
        return RowsRefused(reason, database=database)
    return DatabaseUnavailable(
        reason, database=database, hint="Check that the database runs and can be reached."
    )


def state_of(error: sa.exc.DBAPIError) -> str:
    """PostgreSQL's SQLSTATE, or SQLite's name for it; "" where neither was told."""
    return str(getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlite_errorname", None) or "")


def reason_of(error: sa.exc.DBAPIError) -> str:
    """One line for a person. Once connected, PostgreSQL may quote values: only its class is told.

    SQLite quotes none, but for a trigger's own words and, in Python's driver, a text that cannot be read.
    """
    if getattr(error.orig, "pgcode", None) or state_of(error) == _TRIGGERS_OWN:
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        return f"{type(error.orig).__name__} ({state_of(error)}{', ' + constraint if constraint else ''})"
    if isinstance(error.orig, UnicodeError):
        return type(error.orig).__name__  # its text quotes the character
    if str(error.orig).startswith(_UNDECODABLE):
        return _NOT_UTF_8
    lines = [line for line in str(error.orig).splitlines() if line and not line.startswith(_COMMENTS)]
    return lines[-1].removeprefix("connection to server ") if lines else type(error.orig).__name__
