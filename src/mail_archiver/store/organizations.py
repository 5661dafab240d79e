"""The CRM's organizations: finding them, and bringing them in."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.association import OrganizationAddress
from mail_archiver.domain.organization import ImportedOrganization
from mail_archiver.store.addresses import replace_addresses
from mail_archiver.store.dialect import one_of, portions
from mail_archiver.store.tables import organization, organization_address


class Organizations:
    """Implements `archiving.crm_ports.Organizations` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def says_the_same(self, record: ImportedOrganization) -> bool | None:
        named = sa.select(organization.c.id, organization.c.name)
        row = self._connection.execute(
            named.where(organization.c.external_id == record.external_id)
        ).one_or_none()
        if row is None:
            return None
        columns = organization_address.c
        addresses = sa.select(columns.normalized).where(columns.organization_id == row.id)
        there = set(self._connection.execute(addresses).scalars())
        return bool(row.name == record.name) and there == {normalized for _, normalized in record.addresses}

    def objection(self, record: ImportedOrganization) -> str | None:  # noqa: ARG002 it refers to nothing
        return None

    def upsert(self, record: ImportedOrganization, now: datetime) -> None:  # noqa: ARG002 it keeps no time
        organization_id = self.called(record.external_id, record.name)
        replace_addresses(self._connection, organization_address, organization_id, record.addresses)

    def with_addresses(self, normalized: Collection[str]) -> list[OrganizationAddress]:
        query = _organizations_with_addresses(self._connection.dialect.name)
        found: list[OrganizationAddress] = []
        for portion in portions(sorted(normalized)):
            rows = self._connection.execute(query, {"addresses": portion})
            found.extend(OrganizationAddress(*row) for row in rows)
        return found

    def with_external_id(self, external_id: str) -> int | None:
        """The organization of that id."""
        return self._id_where(organization.c.external_id == external_id)

    def named(self, name: str) -> int:
        """The organization of that name, made when there is none."""
        found = self._id_where(organization.c.name == name)
        return self._make(name=name) if found is None else found

    def called(self, external_id: str, name: str) -> int:
        """The organization of that id, made when there is none, and named so.

        One that was known by its name alone gets the id: a contact was there before its organization.
        """
        found = self.with_external_id(external_id)
        if found is None:
            found = self._id_where(organization.c.name == name, organization.c.external_id.is_(None))
        if found is None:
            return self._make(name=name, external_id=external_id)
        self._connection.execute(
            sa.update(organization)
            .where(organization.c.id == found)
            .values(name=name, external_id=external_id)
        )
        return found

    def _id_where(self, *conditions: sa.ColumnElement[bool]) -> int | None:
        query = sa.select(organization.c.id).where(*conditions).order_by(organization.c.id).limit(1)
        return self._connection.execute(query).scalar()

    def _make(self, **values: str) -> int:
        made = sa.insert(organization).values(**values).returning(organization.c.id)
        return int(self._connection.execute(made).scalar_one())


@cache
def _organizations_with_addresses(dialect: str) -> sa.Select[Any]:
    columns = organization_address.c
    query = sa.select(columns.organization_id, columns.normalized)
    return query.where(one_of(dialect, columns.normalized, "addresses"))
