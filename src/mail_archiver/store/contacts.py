"""The CRM's contacts: looking them up, and bringing them in."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.linking import ContactAddress
from mail_archiver.store.addresses import replace_addresses
from mail_archiver.store.dialect import ROWS_A_STATEMENT, insert
from mail_archiver.store.organizations import Organizations
from mail_archiver.store.tables import contact, contact_address


class Contacts:
    """Implements `archiving.ports.Contacts` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._organizations = Organizations(connection)

    def with_addresses(self, normalized: Collection[str]) -> list[ContactAddress]:
        columns, wanted = contact_address.c, list(normalized)
        query = (
            sa.select(columns.contact_id, columns.normalized)
            .join(contact, contact.c.id == columns.contact_id)
            .where(contact.c.deleted_at.is_(None))
        )
        found: list[ContactAddress] = []
        for start in range(0, len(wanted), ROWS_A_STATEMENT):
            portion = columns.normalized.in_(wanted[start : start + ROWS_A_STATEMENT])
            rows = self._connection.execute(query.where(portion))
            found.extend(ContactAddress(row.contact_id, row.normalized) for row in rows)
        return found

    def has(self, external_id: str) -> bool:
        query = sa.select(sa.exists().where(contact.c.external_id == external_id))
        return bool(self._connection.execute(query).scalar())

    def objection(self, record: ImportedContact) -> str | None:
        external_id = record.organization_id
        if external_id and not record.organization and not self._organizations.has(external_id):
            return f"there is no organization {external_id}"  # and no name to make it with
        return None

    def upsert(self, record: ImportedContact, now: datetime) -> None:
        values = {
            "kind": record.kind,
            "first_name": record.first_name,
            "last_name": record.last_name,
            "organization_id": self._organization_id(record),
            "updated_at": now,
            "deleted_at": None,
        }
        statement = insert(self._connection, contact).values(
            external_id=record.external_id, created_at=now, **values
        )
        contact_id = self._connection.execute(
            statement.on_conflict_do_update(index_elements=[contact.c.external_id], set_=values).returning(
                contact.c.id
            )
        ).scalar_one()
        replace_addresses(self._connection, contact_address, contact_id, record.addresses)

    def _organization_id(self, record: ImportedContact) -> int | None:
        external_id, name = record.organization_id, record.organization
        if external_id and name:
            return self._organizations.called(external_id, name)
        if external_id:
            return self._organizations.with_external_id(external_id)
        return self._organizations.named(name) if name else None
