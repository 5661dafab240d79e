"""Contacts, organizations and opportunities by the names that a person has for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from mail_archiver.domain.address import normalize_address
from mail_archiver.domain.linking import Target
from mail_archiver.store.dialect import MAX_ID
from mail_archiver.store.tables import (
    contact,
    contact_address,
    opportunity,
    organization,
    organization_address,
)

_TABLES = {
    Target.CONTACT: contact,
    Target.ORGANIZATION: organization,
    Target.OPPORTUNITY: opportunity,
}


@dataclass(frozen=True, slots=True)
class Found:
    """A contact, organization or opportunity, as much of it as tells it from others."""

    id: int
    external_id: str | None
    name: str
    deleted_at: datetime | None


def find(connection: sa.Connection, target: Target, name: str) -> list[Found]:
    """Those of that id, else of that `external_id`, else with that name or address; ascending by id.

    A contact is known by its addresses, an opportunity by its name, an organization by either.
    """
    table = _TABLES[target]
    for condition in _conditions(target, name):
        query = sa.select(table).where(condition).order_by(table.c.id)
        found = [_found(row) for row in connection.execute(query).mappings()]
        if found:
            return found
    return []


def _conditions(target: Target, name: str) -> Iterator[sa.ColumnElement[bool]]:
    columns = _TABLES[target].c
    if name.isascii() and name.isdigit() and int(name) <= MAX_ID:
        yield columns.id == int(name)
    yield columns.external_id == name
    if target is not Target.CONTACT:
        yield columns.name == name
    if target is not Target.OPPORTUNITY:
        addresses = contact_address if target is Target.CONTACT else organization_address
        owner, normalized = addresses.primary_key.columns
        yield columns.id.in_(sa.select(owner).where(normalized == normalize_address(name)))


def _found(row: sa.RowMapping) -> Found:
    name = row["name"] if "name" in row else " ".join(filter(None, (row["first_name"], row["last_name"])))
    return Found(row["id"], row["external_id"], name, row.get("deleted_at"))
