"""Archives as a person wants to see them listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mail_archiver.store.tables import archive, archive_contact, contact, processed_uid


@dataclass(frozen=True, slots=True)
class ListedArchive:
    """One archive.

    Attributes:
        contacts: Those it is linked to, "First Last (role)".
        roads: UIDs that brought this message.
    """

    id: int
    received_at: datetime | None
    subject: str | None
    contacts: tuple[str, ...]
    attachments_name: str | None
    attachments_sha256: str | None
    roads: int


def list_archives(connection: sa.Connection) -> Iterator[ListedArchive]:
    """All archives in the order of receipt."""
    linked: dict[int, list[str]] = {}
    links = (
        sa.select(
            archive_contact.c.archive_id, archive_contact.c.role, contact.c.first_name, contact.c.last_name
        )
        .join(contact, contact.c.id == archive_contact.c.contact_id)
        .where(archive_contact.c.unlinked_at.is_(None))
        .order_by(archive_contact.c.contact_id)
    )
    for link in connection.execute(links):
        name = " ".join(filter(None, (link.first_name, link.last_name)))
        linked.setdefault(link.archive_id, []).append(f"{name} ({link.role})")
    roads = (
        sa.select(sa.func.count())
        .where(processed_uid.c.archive_id == archive.c.id)
        .scalar_subquery()
        .label("roads")
    )
    columns = archive.c
    query = sa.select(
        columns.id,
        columns.received_at,
        columns.subject,
        columns.attachments_name,
        columns.attachments_sha256,
        roads,
    ).order_by(columns.received_at, columns.id)
    for row in connection.execute(query):
        yield ListedArchive(
            row.id,
            row.received_at,
            row.subject,
            tuple(linked.get(row.id, ())),
            row.attachments_name,
            row.attachments_sha256,
            row.roads,
        )
