"""Many rows in one statement, which SQLAlchemy spells once.

Made for what every message pays for: SQLAlchemy itself takes rows apart into named parameters one by one, and
sends an upsert to PostgreSQL row by row. PostgreSQL is given an array for each column: that takes it, and the
driver, half the time that a parameter for each value takes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from mail_archiver.store.dialect import ROWS_A_STATEMENT, insert_of

MAX_PARAMETERS = 32_766
"""SQLite takes so many in one statement."""

_LONG_TEXT = 1_000
"""Characters, on average."""

Ending = Callable[[postgresql.Insert], sa.Insert]
"""Adds ON CONFLICT and RETURNING to an INSERT: a function of a module, by which the text is found again."""

_ROWS = "/* rows */"


def insert_rows(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    ending: Ending | None = None,
) -> list[Any]:
    """Insert rows, in their order, in one statement; more, where they are very many.

    Args:
        rows: All with the same columns. PostgreSQL refuses an ON CONFLICT DO UPDATE with the same key twice.
        ending: What follows the rows. It takes no parameters.

    Returns:
        What its RETURNING answers, tuples as the driver has them; nothing without one.

    Raises:
        sa.exc.StatementError: As `Connection.execute`.
    """
    if not rows:
        return []
    columns = tuple(rows[0])
    spelled = _spell(connection.dialect, _schema(connection), table, columns, ending)
    answers: list[Any] = []
    if connection.dialect.name == "postgresql":
        for start in range(0, len(rows), ROWS_A_STATEMENT):  # or a hostile mailbox would be one of any length
            arrays = spelled.arrays(rows[start : start + ROWS_A_STATEMENT])
            result = connection.exec_driver_sql(spelled.pattern, arrays)
            if spelled.returns:
                answers += result
        return answers
    values = [spelled.values(row) for row in rows]
    if not spelled.returns:
        connection.exec_driver_sql(spelled.text(1), values)
        return []
    portion = MAX_PARAMETERS // len(columns)
    for start in range(0, len(values), portion):
        some = values[start : start + portion]
        answers += connection.exec_driver_sql(spelled.text(len(some)), tuple(chain.from_iterable(some)))
    return answers


def replace_values(
    connection: sa.Connection, of: sa.Column[Any], to: sa.Column[Any], new: Mapping[Any, Any]
) -> None:
    """Give `to` a new value in all rows with some value in `of`, together where that saves journeys."""
    if not new:
        return
    table = sa.update(of.table)
    if connection.dialect.name != "postgresql":
        each = table.where(of == sa.bindparam("old")).values({to.name: sa.bindparam("new")})
        connection.execute(each, [{"old": key, "new": value} for key, value in new.items()])
        return
    keys, values = (
        sa.bindparam(name, type_=postgresql.ARRAY(column.type))
        for name, column in (("keys", of), ("values", to))
    )
    pairs = sa.func.unnest(keys, values).table_valued("old", "new").render_derived()
    together = table.where(of == pairs.c.old).values({to.name: pairs.c.new})
    connection.execute(together, {"keys": list(new), "values": list(new.values())})


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that rows are inserted into."""

    name: str
    process: Callable[[Any], Any] | None
    is_text: bool

    def array(self, rows: Sequence[Mapping[str, Any]]) -> str | list[Any]:
        """Its values in all rows, as PostgreSQL spells an array (section 8.15.2 of its manual)."""
        values = [row[self.name] for row in rows]
        if self.process:
            values = [self.process(value) for value in values]
        if not self.is_text:
            return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"
        texts = [value for value in values if value]
        if sum(map(len, texts)) > _LONG_TEXT * len(values):
            return values  # one by one: it reads an array more slowly than a statement
        together = "".join(texts)
        if '"' in together or "\\" in together:
            values = [value and value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
        return "{" + ",".join(["NULL" if value is None else f'"{value}"' for value in values]) + "}"


@dataclass(frozen=True, slots=True)
class _Spelled:
    """An INSERT in a database's own words, whatever the number of rows."""

    pattern: str
    columns: tuple[_Column, ...]
    returns: bool

    def text(self, rows: int) -> str:
        """For SQLite, where each value is a parameter."""
        row = f"({', '.join('?' * len(self.columns))})"
        return self.pattern.replace(_ROWS, f"VALUES {', '.join([row] * rows)}")

    def values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """The parameters for one row, on SQLite."""
        return tuple(
            column.process(row[column.name]) if column.process else row[column.name]
            for column in self.columns
        )

    def arrays(self, rows: Sequence[Mapping[str, Any]]) -> tuple[str | list[Any], ...]:
        """The parameters for all rows, on PostgreSQL."""
        return tuple(column.array(rows) for column in self.columns)


@lru_cache(maxsize=128)
def _spell(
    dialect: sa.Dialect, schema: str | None, table: sa.Table, names: tuple[str, ...], ending: Ending | None
) -> _Spelled:
    plain = insert_of(dialect, table)
    statement = (ending(plain) if ending else plain).from_select(names, sa.text(_ROWS).columns())
    options: dict[str, Any] = (
        {"schema_translate_map": {None: schema}, "render_schema_translate": True} if schema else {}
    )
    pattern = statement.compile(dialect=dialect, **options).string
    types = [table.c[name].type.dialect_impl(dialect) for name in names]
    if dialect.name == "postgresql":
        arrays = ", ".join(f"CAST(%s AS {type_.compile(dialect)}[])" for type_ in types)
        pattern = pattern.replace(_ROWS, f"SELECT * FROM unnest({arrays})")  # noqa: S608 types alone
    columns = (
        _Column(name, type_.bind_processor(dialect), isinstance(type_, sa.Text | sa.JSON))
        for name, type_ in zip(names, types, strict=True)
    )
    return _Spelled(pattern, tuple(columns), bool(statement.exported_columns))


def _schema(connection: sa.Connection) -> str | None:
    return (connection.get_execution_options().get("schema_translate_map") or {}).get(None)
