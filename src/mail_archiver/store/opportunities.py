"""The CRM's opportunities: looking them up, bringing them in, and the rule that links archives to them."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.opportunity import ImportedOpportunity, Opportunity
from mail_archiver.store.dialect import insert, one_of
from mail_archiver.store.organizations import Organizations
from mail_archiver.store.tables import (
    archive_opportunity,
    contact,
    linking_rule,
    opportunity,
    opportunity_contact,
    organization,
)

_RULE = "opportunities"

_settled = archive_opportunity.alias("settled")
_BY_RULE_ALONE = sa.and_(
    archive_opportunity.c.origin == "auto",
    ~sa.exists().where(
        _settled.c.archive_id == archive_opportunity.c.archive_id, _settled.c.origin == "manual"
    ),
)
"""Where a person has linked or unlinked an opportunity, the rule does not meddle with the archive again."""


class Opportunities:
    """Implements `archiving.crm_ports.Opportunities` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._organizations = Organizations(connection)

    def says_the_same(self, record: ImportedOpportunity) -> bool | None:
        columns, pair = opportunity.c, opportunity_contact.c
        query = sa.select(*columns, organization.c.external_id.label("company_id"))
        query = query.join_from(opportunity, organization, isouter=True)
        row = self._connection.execute(query.where(columns.external_id == record.external_id)).one_or_none()
        if row is None:
            return None
        theirs = sa.select(contact.c.external_id).join(opportunity_contact, pair.contact_id == contact.c.id)
        contact_ids = set(self._connection.execute(theirs.where(pair.opportunity_id == row.id)).scalars())
        return (
            (row.name, row.stage, row.closed_at) == (record.name, record.stage, record.closed_at)
            and row.company_id == record.organization_id
            and contact_ids == set(record.contact_ids)
            and record.created_at in (None, row.created_at)
            and record.updated_at in (None, row.updated_at)
        )

    def objection(self, record: ImportedOpportunity) -> str | None:
        if record.organization_id and self._organizations.with_external_id(record.organization_id) is None:
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

    def of_contacts(self, contact_ids: Collection[int]) -> dict[int, list[Opportunity]]:
        query = _opportunities_of_contacts(self._connection.dialect.name)
        rows = self._connection.execute(query, {"contact_ids": list(contact_ids)})
        found: dict[int, list[Opportunity]] = defaultdict(list)
        for contact_id, *rest in rows:
            found[contact_id].append(Opportunity(*rest))
        return found

    def set_up_at(self) -> datetime | None:
        columns = linking_rule.c
        return self._connection.execute(
            sa.select(columns.set_up_at).where(columns.name == _RULE)
        ).scalar_one_or_none()

    def set_up(self, now: datetime) -> bool:
        # The second of two runs that begin together waits here for the first, and finds it done.
        statement = insert(self._connection, linking_rule).values(name=_RULE, set_up_at=now)
        is_first = self._connection.execute(statement.on_conflict_do_nothing()).rowcount == 1
        if is_first:
            self._unlink()
        return is_first

    def has_links_by_rule(self) -> bool:
        return bool(self._connection.execute(sa.select(sa.exists().where(_BY_RULE_ALONE))).scalar())

    def take_down(self) -> None:
        self._connection.execute(sa.delete(linking_rule).where(linking_rule.c.name == _RULE))
        self._unlink()

    def _unlink(self) -> None:
        self._connection.execute(sa.delete(archive_opportunity).where(_BY_RULE_ALONE))

    def _set_contacts(self, opportunity_id: int, external_ids: Collection[str]) -> None:
        """Those it has already stay as they are: they have been looked up."""
        columns, wanted = opportunity_contact.c, list(self._contacts(external_ids).values())
        self._connection.execute(
            sa.delete(opportunity_contact).where(
                columns.opportunity_id == opportunity_id, columns.contact_id.not_in(wanted)
            )
        )
        rows = [{"opportunity_id": opportunity_id, "contact_id": contact_id} for contact_id in wanted]
        if rows:
            self._connection.execute(
                insert(self._connection, opportunity_contact).on_conflict_do_nothing(), rows
            )

    def _contacts(self, external_ids: Collection[str]) -> dict[str, int]:
        """The contacts' keys by their external ids."""
        query = sa.select(contact.c.external_id, contact.c.id).where(contact.c.external_id.in_(external_ids))
        return {row.external_id: row.id for row in self._connection.execute(query)}


@cache
def _opportunities_of_contacts(dialect: str) -> sa.Select[Any]:
    columns, pair = opportunity.c, opportunity_contact.c
    query = sa.select(
        pair.contact_id, columns.id, columns.stage, columns.created_at, columns.closed_at, columns.updated_at
    )
    query = query.join(opportunity, columns.id == pair.opportunity_id)
    return query.where(one_of(dialect, pair.contact_id, "contact_ids"))
