"""Another program on the same database: plain SQL through connections of its own."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from mail_archiver.store.database import read_url


class Sql:
    """Runs statements, each in a transaction of its own."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(read_url(url), poolclass=NullPool)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite; else PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    def run(self, *statements: str) -> None:
        """Run statements in one transaction."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def rows(self, statement: str | sa.Executable) -> list[Any]:
        """The rows of a query, as tuples."""
        with self.engine.begin() as connection:
            executable = sa.text(statement) if isinstance(statement, str) else statement
            return [tuple(row) for row in connection.execute(executable)]

    def value(self, statement: str | sa.Executable) -> Any:
        """The one value of a query."""
        [[value]] = self.rows(statement)
        return value

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.value(f"SELECT count(*) FROM {table}"))

    def objects(self) -> set[str]:
        """The names of all that is in the database: tables, indexes, sequences, triggers, functions."""
        if self.is_sqlite:
            return {name for [name] in self.rows("SELECT name FROM sqlite_master")}
        kinds = ("pg_class", "relnamespace", "relname"), ("pg_proc", "pronamespace", "proname")
        query = " UNION ".join(
            f"SELECT nspname || '.' || {name} FROM {kind} JOIN pg_namespace n ON n.oid = {namespace}"
            " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
            for kind, namespace, name in kinds
        )
        return {name for [name] in self.rows(query)}
