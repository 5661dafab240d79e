"""Archives in the history of organizations and opportunities."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.association import Association, ContactLink
from mail_archiver.domain.linking import Target
from mail_archiver.store.dialect import constant, one_of
from mail_archiver.store.link_rows import AUTO, MANUAL, TABLES, Columns, rank, upsert
from mail_archiver.store.tables import archive, archive_contact, archive_opportunity, contact

_ID_COLUMNS = {Target.ORGANIZATION: "organization_id", Target.OPPORTUNITY: "opportunity_id"}


class Associations:
    """Implements `archiving.crm_ports.Associations` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def contact_links(
        self,
        archive_ids: Collection[int],
        *,
        linked_at: datetime | None = None,
        contact_ids: Collection[int] | None = None,
    ) -> dict[int, list[ContactLink]]:
        query = _contact_links(self._connection.dialect.name)
        if linked_at is not None:
            query = query.where(archive_contact.c.linked_at == linked_at)
        if contact_ids is not None:
            query = query.where(archive_contact.c.contact_id.in_(contact_ids))
        found: dict[int, list[ContactLink]] = defaultdict(list)
        for archive_id, *rest in self._connection.execute(query, {"archive_ids": list(archive_ids)}):
            found[archive_id].append(ContactLink(*rest))
        return found

    def archives_of(self, contact_ids: Collection[int], *, without_opportunity: bool = False) -> list[int]:
        link = archive_contact.c
        query = sa.select(link.archive_id).where(link.contact_id.in_(contact_ids), link.unlinked_at.is_(None))
        if without_opportunity:
            query = query.where(~sa.exists().where(archive_opportunity.c.archive_id == link.archive_id))
        return sorted(set(self._connection.execute(query).scalars()))

    def not_settled(self, archive_ids: Collection[int]) -> dict[int, datetime]:
        columns, link = archive.c, archive_opportunity.c
        settled = sa.exists().where(link.archive_id == columns.id, link.origin == MANUAL)
        query = sa.select(columns.id, columns.received_at, columns.sent_at, columns.archived_at)
        rows = self._connection.execute(query.where(columns.id.in_(archive_ids), ~settled))
        return {row.id: row.received_at or row.sent_at or row.archived_at for row in rows}

    def add(self, target: Target, by_archive: Mapping[int, Sequence[Association]], now: datetime) -> int:
        rows = [
            {
                "archive_id": archive_id,
                _ID_COLUMNS[target]: each.target_id,
                "role": each.role,
                "address": each.address,
                "rule": each.rule,
                "ambiguous": each.ambiguous,
                "contact_id": each.contact_id,
                "linked_at": now,
            }
            for archive_id in sorted(by_archive)  # in one order, so that no two batches wait in a circle
            for each in by_archive[archive_id]
        ]
        return len(upsert(self._connection, target, rows, _precedence))

    def contacts_told(self, archive_id: int) -> set[int]:
        told: set[int] = set()
        for target in _ID_COLUMNS:
            columns = TABLES[target].c
            query = sa.select(columns.contact_id).where(columns.archive_id == archive_id)
            told.update(self._connection.execute(query).scalars())
        return told

    def forget_through(self, archive_id: int, contact_id: int) -> None:
        for target in _ID_COLUMNS:
            table = TABLES[target]
            self._connection.execute(
                sa.delete(table).where(
                    table.c.archive_id == archive_id,
                    table.c.contact_id == contact_id,
                    table.c.origin == AUTO,
                    table.c.unlinked_at.is_(None),
                )
            )


@cache
def _contact_links(dialect: str) -> sa.Select[Any]:
    link = archive_contact.c
    return (
        sa.select(link.archive_id, link.contact_id, contact.c.organization_id)
        .join(contact, contact.c.id == link.contact_id)
        .where(
            one_of(dialect, link.archive_id, "archive_ids"),
            link.unlinked_at.is_(None),
            contact.c.deleted_at.is_(None),
        )
    )


def _precedence(row: Columns) -> sa.ColumnElement[Any]:
    """As `Association.precedence`."""
    return sa.tuple_(
        row.contact_id.is_not(None),
        rank(row.role),
        sa.func.coalesce(row.address, constant("")),
        sa.func.coalesce(row.contact_id, constant(0)),
    )
