"""The rows that link archives to contacts, organizations and opportunities: one a pair."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from mail_archiver.domain.address import Role
from mail_archiver.domain.linking import Target
from mail_archiver.store.dialect import constant, insert
from mail_archiver.store.rows import Ending, insert_rows
from mail_archiver.store.tables import archive_contact, archive_opportunity, archive_organization

TABLES = {
    Target.CONTACT: archive_contact,
    Target.ORGANIZATION: archive_organization,
    Target.OPPORTUNITY: archive_opportunity,
}
AUTO, MANUAL = constant("auto"), "manual"

Columns = sa.ColumnCollection[str, sa.ColumnElement[Any]]
Precedence = Callable[[Columns], sa.ColumnElement[Any]]
"""What is lower for a stronger reason, out of the columns of a row: a function of a module."""


def upsert(
    connection: sa.Connection,
    target: Target,
    rows: Sequence[dict[str, Any]],
    precedence: Precedence,
) -> list[int]:
    """Link by rule; returns the archive of each link that is new or has a stronger reason than before.

    What a person linked or unlinked stays.

    Args:
        rows: Of columns of the target's table, all the same ones.
    """
    if not rows:
        return []
    ending = _or_strengthen(target, tuple(rows[0]), precedence)
    return [archive_id for (archive_id,) in insert_rows(connection, TABLES[target], rows, ending)]


@cache
def _or_strengthen(target: Target, columns: tuple[str, ...], precedence: Precedence) -> Ending:
    """One function for each kind of rows: by it the text of the statement is found again."""
    table = TABLES[target]
    key = list(table.primary_key.columns)
    replaced = set(columns) - {*(column.name for column in key), "linked_at"}

    def ending(links: postgresql.Insert) -> sa.Insert:
        there, excluded = table.c, links.excluded
        return links.on_conflict_do_update(
            index_elements=key,
            set_={name: excluded[name] for name in columns if name in replaced},
            where=sa.and_(
                precedence(excluded) < precedence(there), there.origin == AUTO, there.unlinked_at.is_(None)
            ),
        ).returning(there.archive_id)

    return ending


def link_by_hand(
    connection: sa.Connection, target: Target, archive_id: int, target_id: int, now: datetime
) -> bool:
    """Link as a person wants it; False where the link stands already, by hand."""
    table = TABLES[target]
    archive_column, target_column = table.primary_key.columns
    values = {"origin": MANUAL, "linked_at": now, "unlinked_at": None}
    statement = insert(connection, table).values(
        {archive_column.name: archive_id, target_column.name: target_id, **values}
    )
    linked = connection.execute(
        statement.on_conflict_do_update(
            index_elements=[archive_column, target_column],
            set_=values,
            where=sa.or_(table.c.origin == AUTO, table.c.unlinked_at.is_not(None)),
        ).returning(archive_column)
    )
    return linked.first() is not None


def unlink_by_hand(
    connection: sa.Connection, target: Target, archive_id: int, target_id: int, now: datetime
) -> bool:
    """Unlink as a person wants it, for good; False where there is no such link."""
    table = TABLES[target]
    archive_column, target_column = table.primary_key.columns
    unlinked = connection.execute(
        sa.update(table)
        .where(archive_column == archive_id, target_column == target_id, table.c.unlinked_at.is_(None))
        .values(unlinked_at=now, origin=MANUAL)
        .returning(archive_column)
    )
    return unlinked.first() is not None


def rank(role: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """`Role.rank`; no role comes last."""
    ranks = [(role == constant(each), constant(each.rank)) for each in Role]
    return sa.case(*ranks, else_=constant(len(Role)))
