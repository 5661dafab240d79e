"""Links of archives to contacts, and what they give way to."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.address import Address, Role
from mail_archiver.domain.linking import Link
from mail_archiver.store.dialect import constant, insert
from mail_archiver.store.tables import archive_address, archive_contact, contact, contact_address

_AUTO, _MANUAL = constant("auto"), "manual"


class Links:
    """Implements `archiving.crm_ports.Links` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def unmatched(self, limit: int) -> list[tuple[int, str]]:
        columns = contact_address.c
        query = (
            sa.select(columns.contact_id, columns.normalized)
            .join(contact, contact.c.id == columns.contact_id)
            .where(columns.matched_at.is_(None), contact.c.deleted_at.is_(None))
            .order_by(columns.contact_id, columns.normalized)
            .limit(limit)
        )
        return [(row.contact_id, row.normalized) for row in self._connection.execute(query)]

    def matched(self, addresses: Collection[tuple[int, str]], now: datetime) -> None:
        columns = contact_address.c
        statement = (
            sa.update(contact_address)
            .where(columns.contact_id == sa.bindparam("of"), columns.normalized == sa.bindparam("address_"))
            .values(matched_at=now)
        )
        rows = [{"of": contact_id, "address_": normalized} for contact_id, normalized in sorted(addresses)]
        if rows:
            self._connection.execute(statement, rows)

    def forget_matches(self, contact_ids: Collection[int] | None) -> None:
        statement = sa.update(contact_address).values(matched_at=None)
        if contact_ids is not None:
            statement = statement.where(contact_address.c.contact_id.in_(contact_ids))
        self._connection.execute(statement)

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

    def add(self, archive_id: int, links: Sequence[Link], now: datetime) -> int:
        return link_contacts(self._connection, {archive_id: links}, now)[archive_id]

    def link_by_hand(self, archive_id: int, contact_id: int, now: datetime) -> bool:
        values = {"origin": _MANUAL, "linked_at": now, "unlinked_at": None}
        statement = insert(self._connection, archive_contact)
        there = archive_contact.c
        upsert = statement.values(archive_id=archive_id, contact_id=contact_id, **values)
        linked = self._connection.execute(
            upsert.on_conflict_do_update(
                index_elements=[there.archive_id, there.contact_id],
                set_=values,
                where=sa.or_(there.origin == _AUTO, there.unlinked_at.is_not(None)),
            ).returning(there.contact_id)
        )
        return linked.first() is not None

    def unlink_by_hand(self, archive_id: int, contact_id: int, now: datetime) -> bool:
        there = archive_contact.c
        unlinked = self._connection.execute(
            sa.update(archive_contact)
            .where(
                there.archive_id == archive_id, there.contact_id == contact_id, there.unlinked_at.is_(None)
            )
            .values(unlinked_at=now, origin=_MANUAL)
            .returning(there.contact_id)
        )
        return unlinked.first() is not None


def link_contacts(
    connection: sa.Connection, links_by_archive: Mapping[int, Sequence[Link]], now: datetime
) -> dict[int, int]:
    """Link archives to contacts; returns, for each archive, how many links are new or stronger than before.

    A stronger role replaces a weaker one, and of equals the first address in the alphabet stays, so that
    the order of the copies does not matter; what a person linked or unlinked stays.

    Args:
        links_by_archive: By archive id. Several links to one contact count as the strongest of them.
    """
    changed = dict.fromkeys(links_by_archive, 0)
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
        for archive_id in sorted(links_by_archive)  # in one order, so that no two batches wait in a circle
        for link in _strongest(links_by_archive[archive_id])
    ]
    if not rows:
        return changed
    statement = insert(connection, archive_contact)
    there, excluded = archive_contact.c, statement.excluded
    replaced = ("role", "address", "rule", "ambiguous")
    upsert = statement.on_conflict_do_update(
        index_elements=[there.archive_id, there.contact_id],
        set_={column: excluded[column] for column in replaced},
        where=sa.and_(
            sa.or_(
                _rank(excluded.role) < _rank(there.role),
                sa.and_(excluded.role == there.role, excluded.address < there.address),
            ),
            there.origin == _AUTO,
            there.unlinked_at.is_(None),
        ),
    ).returning(there.archive_id)
    for archive_id in connection.execute(upsert, rows).scalars():
        changed[archive_id] += 1
    return changed


def _strongest(links: Iterable[Link]) -> list[Link]:
    """One link for each contact, by the rule that holds between copies; ascending by contact."""
    best: dict[int, Link] = {}
    for link in links:
        known = best.get(link.contact_id)
        if known is None or (link.role.rank, link.address) < (known.role.rank, known.address):
            best[link.contact_id] = link
    return [best[contact_id] for contact_id in sorted(best)]


def _rank(role: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    ranks = [(role == constant(each), constant(each.rank)) for each in Role]
    return sa.case(*ranks, else_=constant(len(Role)))
