"""The CRM's contacts: looking them up, and bringing them in."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.contact_sync import KnownContact, is_same
from mail_archiver.domain.linking import ContactAddress
from mail_archiver.domain.source_state import SourceState
from mail_archiver.store.addresses import replace_addresses
from mail_archiver.store.dialect import insert, one_of, portions
from mail_archiver.store.organizations import Organizations
from mail_archiver.store.tables import contact, contact_address, contact_source, organization


class Contacts:
    """Implements `archiving.crm_ports.Contacts` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._organizations = Organizations(connection)

    def with_addresses(self, normalized: Collection[str]) -> list[ContactAddress]:
        query = _contacts_with_addresses(self._connection.dialect.name)
        found: list[ContactAddress] = []
        for portion in portions(list(normalized)):
            rows = self._connection.execute(query, {"addresses": portion})
            found.extend(ContactAddress(*row) for row in rows)
        return found

    def create(
        self, address: str, normalized: str, *, kind: str, first_name: str | None, last_name: str | None
    ) -> int:
        made = sa.insert(contact).values(kind=kind, first_name=first_name, last_name=last_name)
        contact_id = int(self._connection.execute(made.returning(contact.c.id)).scalar_one())
        values = {"contact_id": contact_id, "address": address, "normalized": normalized, "is_primary": True}
        self._connection.execute(sa.insert(contact_address).values(values))
        return contact_id

    def says_the_same(self, record: ImportedContact) -> bool | None:
        known = self.known([record.external_id]).get(record.external_id)
        return None if known is None else not known.is_deleted and is_same(record, known.contact)

    def objection(self, record: ImportedContact) -> str | None:
        external_id = record.organization_id
        if (
            external_id
            and not record.organization
            and self._organizations.with_external_id(external_id) is None
        ):
            return f"there is no organization {external_id}"  # and no name to make it with
        return None

    def upsert(self, record: ImportedContact, now: datetime) -> None:
        self._write(record, now)

    def upsert_from(self, source: str, record: ImportedContact, now: datetime) -> None:
        self._write(record, now, source=source)

    def delete(self, external_ids: Sequence[str], now: datetime) -> None:
        for portion in portions(external_ids):
            self._connection.execute(
                sa.update(contact)
                .where(contact.c.external_id.in_(portion), contact.c.deleted_at.is_(None))
                .values(deleted_at=now, updated_at=now)
            )

    def known(self, external_ids: Collection[str] | None) -> dict[str, KnownContact]:
        if external_ids is None:
            return dict(self._known(contact.c.external_id.is_not(None)))
        found: dict[str, KnownContact] = {}
        for portion in portions(list(external_ids)):
            found.update(self._known(contact.c.external_id.in_(portion)))
        return found

    def source_state(self, source: str) -> SourceState | None:
        columns = contact_source.c
        query = sa.select(columns.definition_sha256, columns.newest_updated_at, columns.full_at)
        row = self._connection.execute(query.where(columns.name == source)).one_or_none()
        return SourceState(*row) if row else None

    def save_source_state(self, source: str, state: SourceState, now: datetime) -> None:
        values = {
            "definition_sha256": state.definition,
            "newest_updated_at": state.newest,
            "full_at": state.full_at,
            "synced_at": now,
        }
        statement = insert(self._connection, contact_source).values(name=source, **values)
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=[contact_source.c.name], set_=values)
        )

    def _known(self, condition: sa.ColumnElement[bool]) -> Iterator[tuple[str, KnownContact]]:
        columns = contact_address.c
        addresses: dict[int, list[tuple[str, str]]] = {}
        query = sa.select(columns.contact_id, columns.address, columns.normalized)
        query = query.join(contact, contact.c.id == columns.contact_id).where(condition)
        for row in self._connection.execute(query.order_by(columns.is_primary.desc())):
            addresses.setdefault(row.contact_id, []).append((row.address, row.normalized))
        columns_of_all = (*contact.c, organization.c.name, organization.c.external_id.label("company_id"))
        everyone = sa.select(*columns_of_all).join_from(contact, organization, isouter=True).where(condition)
        for row in self._connection.execute(everyone):
            imported = ImportedContact(
                row.external_id,
                row.kind,
                row.first_name,
                row.last_name,
                row.name,
                tuple(addresses.get(row.id, ())),
                row.company_id,
            )
            yield row.external_id, KnownContact(imported, row.source, row.deleted_at is not None)

    def _write(self, record: ImportedContact, now: datetime, **ownership: str) -> None:
        self._look_up_again_what_was_deleted(record.external_id)
        values = {
            "kind": record.kind,
            "first_name": record.first_name,
            "last_name": record.last_name,
            "organization_id": self._organization_id(record),
            "updated_at": now,
            "deleted_at": None,
            **ownership,
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

    def _look_up_again_what_was_deleted(self, external_id: str) -> None:
        """Mail that came while a contact was deleted has not been linked to it."""
        deleted = sa.select(contact.c.id).where(
            contact.c.external_id == external_id, contact.c.deleted_at.is_not(None)
        )
        self._connection.execute(
            sa.update(contact_address)
            .where(contact_address.c.contact_id.in_(deleted))
            .values(matched_at=None)
        )

    def _organization_id(self, record: ImportedContact) -> int | None:
        external_id, name = record.organization_id, record.organization
        if external_id and name:
            return self._organizations.called(external_id, name)
        if external_id:
            return self._organizations.with_external_id(external_id)
        return self._organizations.named(name) if name else None


@cache
def _contacts_with_addresses(dialect: str) -> sa.Select[Any]:
    columns = contact_address.c
    return (
        sa.select(
            columns.contact_id,
            columns.normalized,
            columns.is_primary,
            contact.c.created_at,
            contact.c.organization_id,
        )
        .join(contact, contact.c.id == columns.contact_id)
        .where(contact.c.deleted_at.is_(None), one_of(dialect, columns.normalized, "addresses"))
    )
