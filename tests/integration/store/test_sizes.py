"""Messages larger than anybody expects: kept whole."""

import sqlalchemy as sa
from tests.integration.store.messages import add_contact, begin_epoch, draft, record
from tests.integration.store.sql import Sql

from mail_archiver.store.store import Store
from mail_archiver.store.tables import archive


def test_a_message_id_of_any_length_is_kept_whole(store: Store, sql: Sql) -> None:
    message_id = "x" * 100_000 + "@example.com"
    epoch = begin_epoch(store)
    record(store, epoch, draft(1, {"Message-ID": f"<{message_id}>"}))
    [second] = record(store, epoch, draft(2, {"Message-ID": f"<{message_id}>", "Subject": "Another"}))
    assert second.reuses_message_id
    assert sql.rows("SELECT DISTINCT message_id FROM archive") == [(message_id,)]


def test_a_body_of_nearly_a_megabyte_is_kept_whole(store: Store, sql: Sql) -> None:
    body = "As agreed, é\r\n" * 60_000
    record(store, begin_epoch(store), draft(1, {"Content-Type": "text/plain; charset=utf-8"}, body))
    assert sql.value(sa.select(archive.c.body_text)).strip().split() == body.split()


def test_thousands_of_recipients_are_all_kept_and_linked(store: Store, sql: Sql) -> None:
    for number in (7, 2_999):
        add_contact(store, str(number), f"r{number}@client.example")
    recipients = ",\r\n ".join(f"r{number}@client.example" for number in range(3_000))
    [recorded] = record(store, begin_epoch(store), draft(1, {"To": recipients}))
    assert recorded.links == 2
    assert sql.value("SELECT count(*) FROM archive_address WHERE role = 'to'") == 3_000


def test_an_address_of_any_length_is_kept(store: Store, sql: Sql) -> None:
    long = "x" * 20_000 + "@client.example"
    record(store, begin_epoch(store), draft(1, {"To": long}))
    assert sql.rows("SELECT address, normalized FROM archive_address WHERE role = 'to'") == [(long, None)]
