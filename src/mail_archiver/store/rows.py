"""Many rows in one statement: SQLAlchemy spells it once, the driver does the rest.

Made for what every message pays for: SQLAlchemy itself takes rows apart into named parameters one by one, and
sends an upsert to PostgreSQL row by row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from mail_archiver.store.dialect import insert_of

MAX_PARAMETERS = 32_766
"""SQLite takes so many in one statement."""

Ending = Callable[[postgresql.Insert], sa.Insert]
"""Adds ON CONFLICT and RETURNING to an INSERT: a function of a module, by which the text is found again."""

_ROWS = "/* rows */"


def insert_rows(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    ending: Ending | None = None,
) -> list[Any]:
    """Insert rows, in their order, in one statement (more, where they have very many values).

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
    values = [spelled.values(row) for row in rows]
    if connection.dialect.name == "sqlite" and not spelled.returns:
        connection.exec_driver_sql(spelled.text(1), values)
        return []
    answers: list[Any] = []
    portion = MAX_PARAMETERS // len(columns)
    for start in range(0, len(values), portion):
        some = values[start : start + portion]
        result = connection.exec_driver_sql(
            spelled.text(len(some)), tuple(value for row in some for value in row)
        )
        if spelled.returns:
            answers.extend(result)
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
class _Spelled:
    """An INSERT in a database's own words, whatever the number of rows."""

    pattern: str
    row: str
    columns: tuple[str, ...]
    processors: tuple[tuple[int, Callable[[Any], Any]], ...]
    returns: bool

    def text(self, rows: int) -> str:
        return self.pattern.replace(_ROWS, f"VALUES {', '.join([self.row] * rows)}")

    def values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        values = [row[column] for column in self.columns]
        for position, process in self.processors:
            values[position] = process(values[position])
        return tuple(values)


@lru_cache(maxsize=128)
def _spell(
    dialect: sa.Dialect, schema: str | None, table: sa.Table, columns: tuple[str, ...], ending: Ending | None
) -> _Spelled:
    plain = insert_of(dialect, table)
    statement = (ending(plain) if ending else plain).from_select(columns, sa.text(_ROWS).columns())
    options: dict[str, Any] = (
        {"schema_translate_map": {None: schema}, "render_schema_translate": True} if schema else {}
    )
    marker = "?" if dialect.paramstyle == "qmark" else "%s"
    processors = (
        (n, table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
        for n, name in enumerate(columns)
    )
    return _Spelled(
        pattern=statement.compile(dialect=dialect, **options).string,
        row=f"({', '.join([marker] * len(columns))})",
        columns=columns,
        processors=tuple((n, process) for n, process in processors if process),
        returns=bool(statement.exported_columns),
    )


def _schema(connection: sa.Connection) -> str | None:
    return (connection.get_execution_options().get("schema_translate_map") or {}).get(None)
