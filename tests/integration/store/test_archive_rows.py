"""What is written of one message."""

import hashlib
from dataclasses import replace

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import (
    MIXED,
    NOW,
    PARTS,
    RECEIVED_AT,
    add_contact,
    begin_epoch,
    draft,
    draft_bytes,
    record,
    source,
)
from tests.integration.store.sql import Sql

from mail_archiver.domain.draft import Recorded
from mail_archiver.domain.kind import DeliveryReport, Kind
from mail_archiver.domain.outcome import Outcome
from mail_archiver.domain.threading import message_key
from mail_archiver.store.store import Store
from mail_archiver.store.tables import (
    archive,
    archive_address,
    archive_contact,
    attachment,
    delivery_report,
    processed_uid,
)


def test_writes_all_that_a_message_says(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    content = source({**MIXED, "Bcc": "Bob <bob@client.example>, broken", "Subject": "Offer é"}, PARTS)
    wanted = draft_bytes(12, content)
    [recorded] = record(store, epoch, wanted, disposed=False)
    assert recorded == Recorded(12, 1, Outcome.ARCHIVED)

    [row] = sql.rows(sa.select(archive))
    found = dict(zip(archive.c.keys(), row, strict=True))
    assert wanted.message.sent_at is not None
    assert found == {
        "id": 1,
        "fingerprint": wanted.message.fingerprint,
        "message_id": "offer@example.com",
        "thread_id": message_key("offer@example.com"),
        "kind": "message",
        "list_id": None,
        "auto_submitted": None,
        "subject": "Offer é",
        "sender": "eve@example.com",
        "sent_at": wanted.message.sent_at,
        "received_at": RECEIVED_AT,
        "archived_at": NOW,
        "direction": "outgoing",
        "body_text": wanted.message.body_text,
        "body_html": "<p>As <b>agreed</b>.</p>",
        "size_octets": len(content),
        "source_sha256": hashlib.sha256(content).hexdigest(),
        "attachment_count": 2,
        "attachments_name": wanted.attachments_name,
        "attachments_sha256": wanted.attachments_sha256,
        "defects": [
            {"code": each.code, "where": each.where, "action": each.action} for each in wanted.message.defects
        ],
    }
    assert "address-invalid" in {each["code"] for each in found["defects"]}
    columns = archive_address.c
    assert sql.rows(
        sa.select(
            columns.role,
            columns.position,
            columns.display_name,
            columns.address,
            columns.normalized,
            columns.epoch_id,
            columns.uid,
        ).order_by(columns.role, columns.position)
    ) == [
        ("bcc", 0, "Bob", "bob@client.example", "bob@client.example", epoch.id, 12),
        ("bcc", 1, "", "broken", None, epoch.id, 12),
        ("sender", 0, "Eve", "eve@example.com", "eve@example.com", epoch.id, 12),
        ("to", 0, "Ann Archer", "Ann@Client.example", "ann@client.example", epoch.id, 12),
    ]
    assert sql.rows(sa.select(attachment).order_by(attachment.c.position)) == [
        (
            1,
            0,
            "offer.pdf",
            "offer.pdf",
            "application/pdf",
            5,
            hashlib.sha256(b"%PDF-").hexdigest(),
            False,
            None,
        ),
        (
            1,
            1,
            "../prices.csv",
            wanted.message.attachments[1].safe_name,
            "text/csv",
            3,
            wanted.message.attachments[1].sha256,
            False,
            None,
        ),
    ]
    ledger = processed_uid.c
    assert sql.rows(
        sa.select(
            ledger.uid,
            ledger.outcome,
            ledger.archive_id,
            ledger.source_sha256,
            ledger.header_sha256,
            ledger.size_octets,
            ledger.received_at,
            ledger.attempts,
            ledger.processed_at,
            ledger.disposed_at,
        )
    ) == [
        (
            12,
            "archived",
            1,
            wanted.message.source_sha256,
            wanted.message.header_sha256,
            len(content),
            RECEIVED_AT,
            1,
            NOW,
            None,
        )
    ]


def test_what_a_message_does_not_say_stays_null(store: Store, sql: Sql) -> None:
    headers = dict.fromkeys(("Message-ID", "Date", "From", "To", "Subject"), "")
    record(store, begin_epoch(store), draft(1, headers))
    columns = archive.c
    assert sql.rows(
        sa.select(columns.message_id, columns.sent_at, columns.subject, columns.sender, columns.direction)
    ) == [(None, None, None, None, None)]
    assert sql.count("archive_address") == 0


@pytest.mark.parametrize("kind", Kind)
def test_the_kind_of_mail_is_kept_with_what_tells_it(store: Store, sql: Sql, kind: Kind) -> None:
    read = draft(1)
    message = replace(read.message, kind=kind, list_id="Offers <offers.example.com>", auto_submitted="no")
    record(store, begin_epoch(store), replace(read, message=message))
    columns = archive.c
    assert sql.rows(sa.select(columns.kind, columns.list_id, columns.auto_submitted)) == [
        (kind.value, "Offers <offers.example.com>", "no")
    ]


def test_what_a_bounce_reports_is_kept_for_each_recipient_once(store: Store, sql: Sql) -> None:
    reports = (
        DeliveryReport("Bob@Client.example", "bob@client.example", "failed", "5.1.1", "x" * 100_000),
        DeliveryReport("x" * 20_000, None, None, None, None),
    )
    epoch, read = begin_epoch(store), draft(1)
    bounce = replace(read, message=replace(read.message, kind=Kind.BOUNCE, delivery_reports=reports))
    record(store, epoch, bounce)
    record(store, epoch, replace(bounce, uid=2))
    assert sql.rows(sa.select(delivery_report).order_by(delivery_report.c.position)) == [
        (1, 0, "Bob@Client.example", "bob@client.example", "failed", "5.1.1", "x" * 100_000),
        (1, 1, "x" * 20_000, None, None, None, None),
    ]


def test_a_file_tells_which_file_it_was_found_in(store: Store, sql: Sql) -> None:
    read = draft_bytes(1, source(MIXED, PARTS))
    first, second = read.message.attachments
    message = replace(read.message, attachments=(first, replace(second, within=0)))
    record(store, begin_epoch(store), replace(read, message=message))
    columns = attachment.c
    assert sql.rows(sa.select(columns.within).order_by(columns.position)) == [(None,), (0,)]


def test_a_link_tells_address_role_and_rule(store: Store, sql: Sql) -> None:
    add_contact(store, "1", "ann@client.example", "bob@client.example")
    add_contact(store, "2", "eve@example.com")
    [recorded] = record(store, begin_epoch(store), draft(1, {"Bcc": "bob@client.example"}))
    assert recorded.links == 1
    columns = archive_contact.c
    assert sql.rows(
        sa.select(
            columns.contact_id,
            columns.role,
            columns.address,
            columns.origin,
            columns.rule,
            columns.linked_at,
            columns.unlinked_at,
        )
    ) == [(1, "to", "ann@client.example", "auto", "recipient-address", NOW, None)]
