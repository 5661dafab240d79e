"""The CRM's contacts: looking them up, and bringing them in."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.linking import ContactAddress
from mail_archiver.store.dialect import ROWS_A_STATEMENT, insert
from mail_archiver.store.tables import contact, contact_address, organization


class Contacts:
    """Implements `archiving.ports.Contacts` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

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

    def objection(self, record: ImportedContact) -> str | None:  # noqa: ARG002 an organization is made
        return None

    def upsert(self, record: ImportedContact, now: datetime) -> None:
        values = {
            "kind": record.kind,
            "first_name": record.first_name,
            "last_name": record.last_name,
            "organization_id": self._organization_id(record.organization),
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
        self._set_addresses(contact_id, record)

    def _set_addresses(self, contact_id: int, record: ImportedContact) -> None:
        self._connection.execute(
            sa.delete(contact_address).where(
                contact_address.c.contact_id == contact_id,
                contact_address.c.normalized.not_in([normalized for _, normalized in record.addresses]),
            )
        )
        for position, (address, normalized) in enumerate(record.addresses):
            statement = insert(self._connection, contact_address).values(
                contact_id=contact_id, address=address, normalized=normalized, is_primary=position == 0
            )
            self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[contact_address.c.contact_id, contact_address.c.normalized],
                    set_={"is_primary": statement.excluded.is_primary},
                )
            )

    def _organization_id(self, name: str | None) -> int | None:
        """The organization of that name, made when there is none."""
        if name is None:
            return None
        found = self._connection.execute(
            sa.select(organization.c.id)
            .where(organization.c.name == name)
            .order_by(organization.c.id)
            .limit(1)
        ).scalar()
        if found is not None:
            return int(found)
        made = sa.insert(organization).values(name=name).returning(organization.c.id)
        return int(self._connection.execute(made).scalar_one())
