"""What the tables are made of: types that hold the same on PostgreSQL and SQLite, and columns that recur."""

from datetime import UTC, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware moment. SQLite keeps no zone, so it is given UTC and what comes back is UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _ReadInUtc(UtcDateTime):
    """Read as a clock in UTC shows it.

    Unasked, PostgreSQL answers in the zone of its server, where the last hours of the year 9999 are in 10000,
    and the first of the year 1 before it: Python has no such moments, and a Date header may say anything.
    """

    cache_ok = True

    def column_expression(self, column: sa.ColumnElement[datetime]) -> sa.ColumnElement[datetime]:
        return sa.func.timezone("UTC", column, type_=self)


# SQLite generates keys only for a column whose type is exactly INTEGER.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = UtcDateTime().with_variant(_ReadInUtc(), "postgresql")


def one_of(column: str, values: type[StrEnum] | tuple[str, ...]) -> sa.CheckConstraint:
    """A column of text that takes these words alone."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def generated_id() -> sa.Column[int]:
    """A key that the database makes."""
    return sa.Column("id", ID, sa.Identity(), primary_key=True)


def reference(column: str, target: str, *, nullable: bool = False, **options: object) -> sa.Column[int]:
    """A column that points to another table's."""
    key = sa.ForeignKey(target, **options)  # type: ignore[arg-type]
    return sa.Column(column, sa.BigInteger, key, nullable=nullable)


def moment_of_writing(name: str) -> sa.Column[datetime]:
    """A moment that is the present one unless it is given."""
    return sa.Column(name, MOMENT, nullable=False, server_default=sa.func.current_timestamp())
