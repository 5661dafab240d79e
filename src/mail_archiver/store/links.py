"""Links of archives to contacts, and what they give way to."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.address import Address, Role
from mail_archiver.domain.linking import Link, Target
from mail_archiver.store.link_rows import Columns, link_by_hand, rank, unlink_by_hand, upsert
from mail_archiver.store.tables import archive_address


class Links:
    """Implements `archiving.crm_ports.Links` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def mentioning(self, normalized: Collection[str], *, subaddresses: bool) -> list[int]:
        columns, wanted = archive_address.c, sorted(normalized)
        spelled = [columns.normalized, columns.without_tag] if subaddresses else [columns.normalized]
        found: set[int] = set()
        for column in spelled:  # one after the other: each by its index
            query = sa.select(columns.archive_id).where(column.in_(wanted)).distinct()
            found.update(self._connection.execute(query).scalars())
        return sorted(found)

    def addresses(self, archive_ids: Collection[int]) -> dict[int, list[Address]]:
        columns = archive_address.c
        query = sa.select(
            columns.archive_id,
            columns.role,
            columns.display_name,
            columns.address,
            columns.normalized,
            columns.rule,
        ).where(columns.archive_id.in_(archive_ids))
        found: dict[int, list[Address]] = defaultdict(list)
        for archive_id, role, *rest in self._connection.execute(query):
            found[archive_id].append(Address(Role(role), *rest))
        return found

    def add(self, by_archive: Mapping[int, Sequence[Link]], now: datetime) -> dict[int, int]:
        changed = dict.fromkeys(by_archive, 0)
        rows = [
            {
                "archive_id": archive_id,
                "contact_id": link.contact_id,
                "role": link.role,
                "address": link.address,
                "rule": link.rule,
                "ambiguous": link.ambiguous,
                "linked_at": now,
            }
            for archive_id in sorted(by_archive)  # in one order, so that no two batches wait in a circle
            for link in by_archive[archive_id]
        ]
        for archive_id in upsert(self._connection, Target.CONTACT, rows, _precedence):
            changed[archive_id] += 1
        return changed

    def link_by_hand(self, target: Target, archive_id: int, target_id: int, now: datetime) -> bool:
        return link_by_hand(self._connection, target, archive_id, target_id, now)

    def unlink_by_hand(self, target: Target, archive_id: int, target_id: int, now: datetime) -> bool:
        return unlink_by_hand(self._connection, target, archive_id, target_id, now)


def _precedence(row: Columns) -> sa.ColumnElement[Any]:
    """A stronger role comes first, and of equals the first address in the alphabet.

    So the order of the copies of a message does not matter.
    """
    return sa.tuple_(rank(row.role), row.address)
