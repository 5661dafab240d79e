"""Links of archives to contacts, and what they give way to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.address import Role
from mail_archiver.domain.draft import Draft
from mail_archiver.domain.linking import ContactAddress, decide_links
from mail_archiver.store.dialect import constant, insert
from mail_archiver.store.tables import archive_contact


def link_contacts(
    connection: sa.Connection,
    drafts: Sequence[Draft],
    ids: dict[str, int],
    contacts: Collection[ContactAddress],
    now: datetime,
) -> dict[int, int]:
    """Link to contacts; returns the number of links a UID brought or made stronger.

    A stronger role replaces a weaker one, and of equals the first address in the alphabet stays, so that
    the order of the copies does not matter; what a person linked or unlinked stays.
    """
    statement = insert(connection, archive_contact)
    there, excluded = archive_contact.c, statement.excluded
    replaced = ("role", "address", "rule")
    upsert = statement.on_conflict_do_update(
        index_elements=[there.archive_id, there.contact_id],
        set_={column: excluded[column] for column in replaced},
        where=sa.and_(
            sa.or_(
                _rank(excluded.role) < _rank(there.role),
                sa.and_(excluded.role == there.role, excluded.address < there.address),
            ),
            there.origin == constant("auto"),
            there.unlinked_at.is_(None),
        ),
    ).returning(there.contact_id)
    links: dict[int, int] = {}
    for draft in drafts:
        rows = [
            {
                "archive_id": ids[draft.message.fingerprint],
                "contact_id": link.contact_id,
                "role": link.role,
                "address": link.address,
                "rule": link.rule,
                "linked_at": now,
            }
            for link in decide_links(draft.linkable, contacts)
        ]
        if rows:
            links[draft.uid] = len(connection.execute(upsert, rows).all())
    return links


def _rank(role: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    ranks = [(role == constant(each), constant(each.rank)) for each in Role]
    return sa.case(*ranks, else_=constant(len(Role)))
