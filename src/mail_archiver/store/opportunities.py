"""The CRM's opportunities: bringing them in."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from mail_archiver.domain.opportunity import ImportedOpportunity
from mail_archiver.store.dialect import insert
from mail_archiver.store.organizations import Organizations
from mail_archiver.store.tables import contact, opportunity, opportunity_contact


class Opportunities:
    """Implements `archiving.crm_ports.ImportTarget` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._organizations = Organizations(connection)

    def has(self, external_id: str) -> bool:
        query = sa.select(sa.exists().where(opportunity.c.external_id == external_id))
        return bool(self._connection.execute(query).scalar())

    def objection(self, record: ImportedOpportunity) -> str | None:
        if record.organization_id and not self._organizations.has(record.organization_id):
            return f"there is no organization {record.organization_id}"
        there = self._contacts(record.contact_ids)
        missing = next((each for each in record.contact_ids if each not in there), None)
        return f"there is no contact {missing}" if missing else None

    def upsert(self, record: ImportedOpportunity, now: datetime) -> None:
        organization_id = record.organization_id
        values = {
            "name": record.name,
            "organization_id": self._organizations.with_external_id(organization_id)
            if organization_id
            else None,
            "stage": record.stage,
            "closed_at": record.closed_at,
            "updated_at": record.updated_at or now,
        }
        created_at = {"created_at": record.created_at} if record.created_at else {}
        statement = insert(self._connection, opportunity).values(
            external_id=record.external_id, **{"created_at": now, **values, **created_at}
        )
        opportunity_id = self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[opportunity.c.external_id], set_={**values, **created_at}
            ).returning(opportunity.c.id)
        ).scalar_one()
        self._set_contacts(opportunity_id, record.contact_ids)

    def _set_contacts(self, opportunity_id: int, external_ids: Collection[str]) -> None:
        columns = opportunity_contact.c
        self._connection.execute(
            sa.delete(opportunity_contact).where(columns.opportunity_id == opportunity_id)
        )
        rows = [
            {"opportunity_id": opportunity_id, "contact_id": contact_id}
            for contact_id in self._contacts(external_ids).values()
        ]
        if rows:
            self._connection.execute(sa.insert(opportunity_contact), rows)

    def _contacts(self, external_ids: Collection[str]) -> dict[str, int]:
        """The contacts' keys by their external ids."""
        query = sa.select(contact.c.external_id, contact.c.id).where(contact.c.external_id.in_(external_ids))
        return {row.external_id: row.id for row in self._connection.execute(query)}
