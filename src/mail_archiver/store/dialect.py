"""What PostgreSQL and SQLite both have and SQLAlchemy spells twice."""

from typing import cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert:
    """An INSERT that knows ON CONFLICT; the two dialects' classes offer the same methods."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return cast(postgresql.Insert, sqlite.insert(table))
