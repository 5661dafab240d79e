"""A second database that owns contacts: read, never written."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from mail_archiver.errors import ConfigError, DatabaseRefused, DatabaseUnavailable, MailArchiverError
from mail_archiver.store.connecting import SESSION, SQLITE_BUSY_TIMEOUT_MS
from mail_archiver.store.database import read_url, sqlite_file
from mail_archiver.store.translation import reason_of, shown, state_of, translate

COLUMNS = (
    "external_id",
    "kind",
    "first_name",
    "last_name",
    "organization",
    "organization_id",
    "address",
    "addresses",
    "is_primary",
    "updated_at",
    "deleted",
)

_URL, _QUERY = "contact_source.url", "contact_source.query"
_MYSQL = ("mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql")
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_ROWS_A_FETCH = 1_000

# MySQL's error numbers.
_MYSQL_REFUSED = {1044, 1045, 1142, 1143, 1227, 1698}
_MYSQL_NO_DATABASE = {1046, 1049}
_MYSQL_AWAY = {1040, 1053, 1205, 1213, *range(2000, 2100)}  # from 2000 on, the client's own


class ContactSource:
    """Implements `archiving.crm_ports.ContactSource`. Making one connects to nothing."""

    def __init__(self, url: str, query: str) -> None:
        self._url = _read_url(url)
        # A comment may speak of :since, and SQLite would count it.
        self._query = sa.text(_COMMENT.sub("", query).strip().rstrip(";"))
        self.database = shown(self._url)
        self.definition = hashlib.sha256(f"{self.database}\n{query}".encode()).hexdigest()
        parameters = set(self._query.compile().params)
        self.is_incremental = "since" in parameters
        for name in sorted(parameters - {"since"}):
            raise ConfigError(
                f"the query names :{name}, and :since alone is known",
                setting=_QUERY,
                hint=rf"Write \:{name} where no parameter is meant.",
            )

    def rows(self, since: datetime) -> Iterator[Mapping[str, object]]:
        """See `archiving.crm_ports.ContactSource.rows`."""
        parameters = {"since": self._moment(since)} if self.is_incremental else {}
        engine = self._engine()
        streaming = {"yield_per": _ROWS_A_FETCH}
        with (
            self._translated(),
            engine.connect() as connection,
            connection.execute(self._query, parameters, execution_options=streaming) as result,
        ):
            names = self._check(result)
            for row in result:
                yield dict(zip(names, row, strict=True))

    def _engine(self) -> sa.Engine:
        options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
        backend = self._url.get_backend_name()
        if backend == "sqlite":
            return sa.create_engine("sqlite://", creator=self._open_sqlite, **options)
        if backend == "postgresql":
            engine = sa.create_engine(
                self._url, connect_args={"application_name": "mail-archiver", **SESSION}, **options
            )
            sa.event.listen(engine, "begin", _begin_postgresql)
            return engine
        try:
            engine = sa.create_engine(
                self._url, connect_args={"connect_timeout": SESSION["connect_timeout"]}, **options
            )
        except ModuleNotFoundError as error:
            raise ConfigError(
                "MySQL and MariaDB need the driver PyMySQL", setting=_URL, hint="Run: pip install pymysql"
            ) from error
        sa.event.listen(engine, "connect", _prepare_mysql)
        return engine

    def _open_sqlite(self) -> sqlite3.Connection:
        path = quote(str(sqlite_file(self._url)))
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=SQLITE_BUSY_TIMEOUT_MS / 1000)

    def _moment(self, since: datetime) -> datetime | str:
        """As the database compares moments: MySQL's have no zone, SQLite's are text."""
        utc = since.astimezone(UTC)
        match self._url.get_backend_name():
            case "postgresql":
                return utc
            case "sqlite":
                return utc.strftime("%Y-%m-%d %H:%M:%S")
        return utc.replace(tzinfo=None)

    def _check(self, result: sa.CursorResult[Any]) -> list[str]:
        """The names of the columns."""
        hint = f"The columns are {', '.join(COLUMNS)}; required are external_id and address or addresses."
        if not result.returns_rows:
            raise ConfigError("the query yields no rows, it does something else", setting=_QUERY, hint=hint)
        names = list(result.keys())
        for name in names:
            if name not in COLUMNS:
                raise ConfigError(f"the query yields an unknown column {name}", setting=_QUERY, hint=hint)
        if "external_id" not in names or not {"address", "addresses"} & {*names}:
            missing = "address" if "external_id" in names else "external_id"
            raise ConfigError(f"the query yields no column {missing}", setting=_QUERY, hint=hint)
        if self.is_incremental and "updated_at" not in names:
            raise ConfigError("a query that names :since yields updated_at too", setting=_QUERY, hint=hint)
        return names

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise _blame(error, self._url) from error


def _read_url(url: str) -> sa.URL:
    hint = (
        "Use postgresql://, mysql://, mariadb:// (user:password@host/database) or sqlite:///path/to/file.db."
    )
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigError("not a database URL", setting=_URL, hint=hint) from None
    if parsed.drivername in _MYSQL:
        return parsed.set(drivername=f"{parsed.get_backend_name()}+pymysql")
    try:
        parsed = read_url(url)
    except ConfigError as error:
        raise ConfigError(error.what, setting=_URL, hint=hint) from error
    file = sqlite_file(parsed)
    if parsed.get_backend_name() == "sqlite" and not (file and file.is_file()):
        raise ConfigError("there is no such file", setting=_URL, hint=hint)
    return parsed


def _begin_postgresql(connection: sa.Connection) -> None:
    # In the transaction, and not as parameters of the session, which a pooler does not take.
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")


def _prepare_mysql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.execute("SET SESSION time_zone = '+00:00'")


def _blame(error: sa.exc.DBAPIError, url: sa.URL) -> MailArchiverError:
    """Who has to do something: whoever wrote the query, gave the URL or the rights, or nobody but wait."""
    database, state = shown(url), state_of(error)
    number = getattr(error.orig, "args", (0,))[0] if url.drivername.endswith("pymysql") else 0
    text = str(getattr(error.orig, "args", ("", ""))[-1]) if number else str(error.orig)
    first_line = next(iter(text.strip().splitlines()), type(error.orig).__name__)
    if number in _MYSQL_REFUSED or state == "42501":
        return DatabaseRefused(
            f"the contact source refuses: {first_line}",
            database=database,
            hint="Check the user name, password and rights.",
        )
    if number in _MYSQL_NO_DATABASE or (not state and "does not exist" in text and "database" in text):
        return ConfigError(first_line, setting=_URL)
    if number in _MYSQL_AWAY:
        return DatabaseUnavailable(
            first_line, database=database, hint="Check that the database runs and can be reached."
        )
    if number or state.startswith("42") or state == "SQLITE_ERROR":
        return ConfigError(f"the database does not take the query: {first_line}", setting=_QUERY)
    if state in ("25006", "SQLITE_READONLY"):
        return ConfigError("the query writes; a contact source is only read", setting=_QUERY)
    if state.startswith("22"):
        return ConfigError(f"the query fails on a value: {reason_of(error)}", setting=_QUERY)
    return translate(error, database)
