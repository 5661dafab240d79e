"""What came to the CRM's side and was not yet looked up in the archive, whoever wrote it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.linking import Target
from mail_archiver.store.tables import (
    contact,
    contact_address,
    opportunity_contact,
    organization_address,
)

_ADDRESSES = {Target.CONTACT: contact_address, Target.ORGANIZATION: organization_address}


class Latecomers:
    """Implements `archiving.crm_ports.Latecomers` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def addresses(self, target: Target, limit: int) -> list[tuple[int, str]]:
        table = _ADDRESSES[target]
        owner, normalized = table.primary_key.columns
        query = sa.select(owner, normalized).where(table.c.matched_at.is_(None))
        if target is Target.CONTACT:
            query = query.join(contact, contact.c.id == owner).where(contact.c.deleted_at.is_(None))
        rows = self._connection.execute(query.order_by(owner, normalized).limit(limit))
        return [(owner_id, address) for owner_id, address in rows]

    def addresses_matched(
        self, target: Target, addresses: Collection[tuple[int, str]], now: datetime
    ) -> None:
        self._note(_ADDRESSES[target], "matched_at", addresses, now)

    def members(self, limit: int) -> list[int]:
        columns = contact.c
        query = sa.select(columns.id).where(
            columns.organization_id.is_not(None), columns.organization_matched_at.is_(None)
        )
        return list(self._connection.execute(query.order_by(columns.id).limit(limit)).scalars())

    def members_matched(self, contact_ids: Collection[int], now: datetime) -> None:
        self._note(contact, "organization_matched_at", [(each,) for each in contact_ids], now)

    def opportunities(self, limit: int) -> list[tuple[int, int]]:
        columns = opportunity_contact.c
        query = sa.select(columns.opportunity_id, columns.contact_id).where(columns.matched_at.is_(None))
        rows = self._connection.execute(query.order_by(columns.contact_id).limit(limit))
        return [(opportunity_id, contact_id) for opportunity_id, contact_id in rows]

    def opportunities_matched(self, pairs: Collection[tuple[int, int]], now: datetime) -> None:
        self._note(opportunity_contact, "matched_at", pairs, now)

    def forget(self, target: Target, ids: Collection[int] | None) -> None:
        if target is Target.OPPORTUNITY:
            self._forget(opportunity_contact, "matched_at", opportunity_contact.c.opportunity_id, ids)
            return
        addresses = _ADDRESSES[target]
        self._forget(addresses, "matched_at", next(iter(addresses.primary_key.columns)), ids)
        its_contacts = contact.c.id if target is Target.CONTACT else contact.c.organization_id
        self._forget(contact, "organization_matched_at", its_contacts, ids)
        if target is Target.CONTACT:
            self._forget(opportunity_contact, "matched_at", opportunity_contact.c.contact_id, ids)

    def _note(self, table: sa.Table, column: str, keys: Collection[tuple[Any, ...]], now: datetime) -> None:
        names = [f"key_{number}" for number, _ in enumerate(table.primary_key.columns)]
        same = [key == sa.bindparam(name) for key, name in zip(table.primary_key.columns, names, strict=True)]
        rows = [dict(zip(names, key, strict=True)) for key in sorted(keys)]
        if rows:
            self._connection.execute(sa.update(table).where(*same).values({column: now}), rows)

    def _forget(
        self, table: sa.Table, column: str, key: sa.ColumnElement[int], ids: Collection[int] | None
    ) -> None:
        statement = sa.update(table).where(table.c[column].is_not(None)).values({column: None})
        self._connection.execute(statement if ids is None else statement.where(key.in_(ids)))
