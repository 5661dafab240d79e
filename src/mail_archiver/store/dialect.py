"""What PostgreSQL and SQLite both have and SQLAlchemy spells twice."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

ROWS_A_STATEMENT = 5_000
"""SQLite takes 32,766 parameters in one statement."""

MAX_ID = 2**63 - 1
"""The largest that a key's column holds."""


def constant(value: StrEnum | str | int) -> sa.ColumnElement[Any]:
    """A word or number of our own, written into the SQL: statements for many rows take no parameters."""
    return sa.literal_column(str(value) if isinstance(value, int) else f"'{value}'")


def portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Values in as many as a statement takes."""
    for start in range(0, len(values), ROWS_A_STATEMENT):
        yield values[start : start + ROWS_A_STATEMENT]


def one_of(dialect: str, column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """Whether a column has one of the values of the parameter `name`, a list: for a query that is built once.

    On PostgreSQL they are an array, and the statement's text is the same whatever their number. SQLite has
    JSON for that alone, which ends a text at its first NUL; it takes one of `portions` at a time.
    """
    if dialect == "postgresql":
        return column == sa.any_(sa.bindparam(name, type_=postgresql.ARRAY(column.type)))
    return column.in_(sa.bindparam(name, expanding=True))


def insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert:
    """An INSERT that knows ON CONFLICT; the two dialects' classes offer the same methods."""
    return insert_of(connection.dialect, table)


def insert_of(dialect: sa.Dialect, table: sa.Table) -> postgresql.Insert:
    """The same where no connection is at hand."""
    if dialect.name == "postgresql":
        return postgresql.insert(table)
    return cast(postgresql.Insert, sqlite.insert(table))
