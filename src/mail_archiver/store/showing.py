"""One archive record, whole: what `mail-archiver show` shows. Every query goes by an index."""

from collections.abc import Iterable

import sqlalchemy as sa

from mail_archiver.domain.address import Role
from mail_archiver.domain.kind import DeliveryReport, Kind
from mail_archiver.domain.linking import Direction
from mail_archiver.domain.outcome import Outcome
from mail_archiver.domain.record import (
    ArchiveRecord,
    LinkedAssociation,
    LinkedContact,
    Namesake,
    RecordedAddress,
    RecordedAttachment,
    RecordedDefect,
    Road,
)
from mail_archiver.store.tables import (
    archive,
    archive_address,
    archive_contact,
    archive_opportunity,
    archive_organization,
    attachment,
    contact,
    delivery_report,
    mailbox,
    mailbox_epoch,
    opportunity,
    organization,
    processed_uid,
)

_MAX_ID = 2**63 - 1
_MAX_ID_DIGITS = 19


def show_archive(connection: sa.Connection, name: str) -> ArchiveRecord | tuple[Namesake, ...]:
    """The archive of that id or Message-ID.

    Args:
        name: Digits are an id; anything else is a Message-ID, with or without brackets.

    Returns:
        Where there is not exactly one archive, those that there are: none, or several with that Message-ID.
    """
    found = _find(connection, name.strip())
    return _read(connection, found[0].id) if len(found) == 1 else found


def _find(connection: sa.Connection, name: str) -> tuple[Namesake, ...]:
    columns = archive.c
    query = sa.select(columns.id, columns.received_at, columns.subject)
    if name.isascii() and name.isdigit():
        if len(name) > _MAX_ID_DIGITS or int(name) > _MAX_ID:
            return ()
        query = query.where(columns.id == int(name))
    else:
        # As it stands too: what a broken header holds between its brackets may have some itself.
        bare = name.removeprefix("<").removesuffix(">")
        query = query.where(columns.message_id.in_({name, bare})).order_by(columns.id)
    return tuple(Namesake(*row) for row in connection.execute(query))


def _read(connection: sa.Connection, archive_id: int) -> ArchiveRecord:
    row = connection.execute(sa.select(archive).where(archive.c.id == archive_id)).one()
    roads = _roads(connection, archive_id)
    return ArchiveRecord(
        id=row.id,
        fingerprint=row.fingerprint,
        message_id=row.message_id,
        thread_id=row.thread_id,
        thread_archive_ids=_others_in_thread(connection, archive_id, row.thread_id),
        kind=Kind(row.kind),
        list_id=row.list_id,
        auto_submitted=row.auto_submitted,
        direction=Direction(row.direction) if row.direction else None,
        subject=row.subject,
        sent_at=row.sent_at,
        received_at=row.received_at,
        archived_at=row.archived_at,
        addresses=_addresses(connection, archive_id, roads),
        contacts=_contacts(connection, archive_id),
        organizations=_associations(connection, archive_organization, organization, archive_id),
        opportunities=_associations(connection, archive_opportunity, opportunity, archive_id),
        attachments=_attachments(connection, archive_id),
        attachments_name=row.attachments_name,
        attachments_sha256=row.attachments_sha256,
        delivery_reports=_delivery_reports(connection, archive_id),
        defects=tuple(RecordedDefect(each["code"], each["where"], each["action"]) for each in row.defects),
        roads=roads,
        size_octets=row.size_octets,
        source_sha256=row.source_sha256,
        body_text=row.body_text,
        body_html=row.body_html,
    )


def _others_in_thread(connection: sa.Connection, archive_id: int, thread_id: str | None) -> tuple[int, ...]:
    if thread_id is None:
        return ()
    columns = archive.c
    query = sa.select(columns.id).where(columns.thread_id == thread_id, columns.id != archive_id)
    return tuple(connection.execute(query.order_by(columns.id)).scalars())


def _addresses(
    connection: sa.Connection, archive_id: int, roads: Iterable[Road]
) -> tuple[RecordedAddress, ...]:
    columns = archive_address.c
    query = (
        sa.select(
            columns.role,
            columns.display_name,
            columns.address,
            columns.normalized,
            columns.epoch_id,
            columns.uid,
        )
        .where(columns.archive_id == archive_id)
        .order_by(columns.position)
    )
    found = [RecordedAddress(Role(role), *rest) for role, *rest in connection.execute(query)]
    nth = {(road.epoch_id, road.uid): number for number, road in enumerate(roads)}
    found.sort(key=lambda each: (each.role.rank, nth.get((each.epoch_id, each.uid), len(nth))))
    return tuple(found)


def _contacts(connection: sa.Connection, archive_id: int) -> tuple[LinkedContact, ...]:
    link = archive_contact.c
    query = (
        sa.select(
            link.contact_id,
            contact.c.external_id,
            contact.c.kind,
            contact.c.first_name,
            contact.c.last_name,
            link.role,
            link.address,
            link.rule,
            link.origin,
            link.ambiguous,
            link.linked_at,
            link.unlinked_at,
        )
        .join(contact, contact.c.id == link.contact_id)
        .where(link.archive_id == archive_id)
        .order_by(link.contact_id)
    )
    return tuple(
        LinkedContact(**{**row, "role": Role(row["role"]) if row["role"] else None})
        for row in connection.execute(query).mappings()
    )


def _associations(
    connection: sa.Connection, table: sa.Table, target: sa.Table, archive_id: int
) -> tuple[LinkedAssociation, ...]:
    link, target_id = table.c, list(table.primary_key.columns)[1]
    query = (
        sa.select(
            target_id.label("id"),
            target.c.external_id,
            target.c.name,
            link.role,
            link.address,
            link.rule,
            link.origin,
            link.ambiguous,
            link.contact_id,
            link.linked_at,
            link.unlinked_at,
        )
        .join(target, target.c.id == target_id)
        .where(link.archive_id == archive_id)
        .order_by(target_id)
    )
    return tuple(
        LinkedAssociation(**{**row, "role": Role(row["role"]) if row["role"] else None})
        for row in connection.execute(query).mappings()
    )


def _attachments(connection: sa.Connection, archive_id: int) -> tuple[RecordedAttachment, ...]:
    columns = [column for column in attachment.c if column.name != "archive_id"]
    query = sa.select(*columns).where(attachment.c.archive_id == archive_id).order_by(attachment.c.position)
    return tuple(RecordedAttachment(**row) for row in connection.execute(query).mappings())


def _delivery_reports(connection: sa.Connection, archive_id: int) -> tuple[DeliveryReport, ...]:
    columns = delivery_report.c
    query = sa.select(
        columns.recipient, columns.normalized, columns.action, columns.status, columns.message_id
    )
    rows = connection.execute(query.where(columns.archive_id == archive_id).order_by(columns.position))
    return tuple(DeliveryReport(*row) for row in rows)


def _roads(connection: sa.Connection, archive_id: int) -> tuple[Road, ...]:
    ledger = processed_uid.c
    query = (
        sa.select(
            mailbox.c.account,
            mailbox.c.host,
            mailbox.c.username,
            mailbox.c.name.label("mailbox"),
            mailbox_epoch.c.uidvalidity,
            ledger.epoch_id,
            ledger.uid,
            ledger.outcome,
            ledger.source_sha256,
            ledger.size_octets,
            ledger.received_at,
            ledger.processed_at,
            ledger.disposed_at,
        )
        .join(mailbox_epoch, mailbox_epoch.c.id == ledger.epoch_id)
        .join(mailbox, mailbox.c.id == mailbox_epoch.c.mailbox_id)
        .where(ledger.archive_id == archive_id)
        .order_by(ledger.processed_at, ledger.epoch_id, ledger.uid)
    )
    roads = (
        Road(**{**row, "outcome": Outcome(row["outcome"])}) for row in connection.execute(query).mappings()
    )
    return tuple(sorted(roads, key=lambda road: road.outcome is not Outcome.ARCHIVED))
