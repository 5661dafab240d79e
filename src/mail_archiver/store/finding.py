"""Contacts by the names that a person has for them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mail_archiver.domain.address import normalize_address
from mail_archiver.store.dialect import MAX_ID
from mail_archiver.store.tables import contact, contact_address


@dataclass(frozen=True, slots=True)
class FoundContact:
    """A contact, as much of it as tells it from others."""

    id: int
    external_id: str | None
    name: str
    deleted_at: datetime | None


def find_contacts(connection: sa.Connection, name: str) -> list[FoundContact]:
    """The contacts of that id, else of that `external_id`, else with that address; ascending by id."""
    is_id = name.isascii() and name.isdigit() and int(name) <= MAX_ID
    having = sa.select(contact_address.c.contact_id).where(
        contact_address.c.normalized == normalize_address(name)
    )
    for condition in (
        contact.c.id == int(name) if is_id else sa.false(),
        contact.c.external_id == name,
        contact.c.id.in_(having),
    ):
        query = sa.select(contact).where(condition).order_by(contact.c.id)
        found = [
            FoundContact(
                row.id,
                row.external_id,
                " ".join(filter(None, (row.first_name, row.last_name))),
                row.deleted_at,
            )
            for row in connection.execute(query)
        ]
        if found:
            return found
    return []
