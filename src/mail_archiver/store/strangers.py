"""Addresses that mail in the archive goes to or comes from, and that no contact has."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mail_archiver.domain.address import OwnAddresses
from mail_archiver.domain.linking import LINKING_ROLES
from mail_archiver.store.tables import archive, archive_address, contact, contact_address

ROWS_A_FETCH = 1_000


@dataclass(frozen=True, slots=True)
class UnmatchedAddress:
    """An address without a contact.

    Attributes:
        display_name: As some message has it; "" where none does.
        archives: How many have it.
        last_received_at: When the latest of them was received; None where no server told.
    """

    normalized: str
    display_name: str
    archives: int
    last_received_at: datetime | None


def unmatched_addresses(connection: sa.Connection, own: OwnAddresses, limit: int) -> list[UnmatchedAddress]:
    """Those with most archives first; ours are left out, and contacts that were deleted count as none."""
    there, archives = archive_address.c, sa.func.count(archive_address.c.archive_id.distinct())
    known = (
        sa.select(contact_address.c.normalized)
        .join(contact, contact.c.id == contact_address.c.contact_id)
        .where(contact_address.c.normalized == there.normalized, contact.c.deleted_at.is_(None))
    )
    query = (
        sa.select(
            there.normalized,
            sa.func.max(there.display_name),
            archives,
            sa.func.max(archive.c.received_at, type_=archive.c.received_at.type),
        )
        .join(archive, archive.c.id == there.archive_id)
        .where(there.role.in_(LINKING_ROLES), there.normalized.is_not(None), sa.not_(known.exists()))
        .group_by(there.normalized)
        .order_by(archives.desc(), there.normalized)
    )
    found: list[UnmatchedAddress] = []
    for row in connection.execute(query, execution_options={"yield_per": ROWS_A_FETCH}):
        if row.normalized not in own:
            found.append(UnmatchedAddress(*row))
        if len(found) == limit:
            break
    return found
