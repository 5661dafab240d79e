"""A glance: what a poll may rely on without the store, and what it has to leave to the store."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.store.messages import (
    KEY,
    NOW,
    OTHER_KEY,
    add_contact,
    begin_epoch,
    numbered,
    record,
    status,
)
from tests.integration.store.sql import Sql

from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.mailbox_state import Epoch, MailboxKey
from mail_archiver.domain.outcome import pause_after
from mail_archiver.store import glance as module
from mail_archiver.store.glance import take_glance
from mail_archiver.store.store import Store
from mail_archiver.store.tables import metadata

DUE = NOW + pause_after(1)
LARGE = ("processed_uid", "contact_address", "organization_address", "opportunity_contact")
PARTIAL = {
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}


@pytest.fixture
def polled(store: Store) -> Epoch:
    """An epoch that a run has finished with."""
    return poll(store, begin_epoch(store))


def poll(store: Store, epoch: Epoch) -> Epoch:
    """Let a run finish with an epoch."""
    with store.transaction() as uow:
        uow.ledger.polled(epoch, status(), NOW)
    return epoch


def quarantine(store: Store, epoch: Epoch) -> None:
    with store.transaction() as uow:
        uow.ledger.quarantine(epoch, MessageSummary(1, 100, None), "a reason", NOW)


def at_rest(url: str, key: MailboxKey = KEY, *, disposes: bool = False, later_s: float = 0) -> Epoch | None:
    """What a glance says of a mailbox."""
    with take_glance(url, None, DUE + timedelta(seconds=later_s)) as glance:
        assert glance is not None
        return glance.epoch_at_rest(key, disposes=disposes)


def test_an_epoch_with_nothing_to_do_is_at_rest_as_it_was_left(
    store: Store, store_url: str, polled: Epoch
) -> None:
    with store.transaction() as uow:
        uow.ledger.advance(polled, 2**40)
    assert at_rest(store_url) == Epoch(polled.id, KEY, 1, 2**40)


def test_a_mailbox_never_seen_is_not_at_rest(store_url: str, polled: Epoch) -> None:
    assert at_rest(store_url, OTHER_KEY) is None


def test_an_epoch_that_no_run_has_finished_with_is_not_at_rest(store: Store, store_url: str) -> None:
    begin_epoch(store)
    assert at_rest(store_url) is None


def test_an_epoch_is_not_at_rest_once_a_quarantined_message_is_due(
    store: Store, store_url: str, polled: Epoch
) -> None:
    quarantine(store, polled)
    assert at_rest(store_url, later_s=-0.000001) == polled
    assert at_rest(store_url) is None


def test_an_epoch_is_not_at_rest_while_one_before_it_has_something_due(
    store: Store, store_url: str, polled: Epoch
) -> None:
    quarantine(store, polled)
    poll(store, begin_epoch(store, uidvalidity=2))
    assert at_rest(store_url) is None


def test_an_epoch_is_unused_until_the_ledger_has_a_uid_of_it(
    store: Store, store_url: str, polled: Epoch
) -> None:
    def is_unused() -> bool:
        with take_glance(store_url, None, NOW) as glance:
            assert glance is not None
            return glance.is_unused(polled)

    record(store, begin_epoch(store, OTHER_KEY), numbered(1, 1))
    assert is_unused()
    record(store, polled, numbered(1, 2))
    assert not is_unused()


def test_what_is_due_elsewhere_disturbs_no_rest(store: Store, store_url: str, polled: Epoch) -> None:
    quarantine(store, begin_epoch(store, OTHER_KEY))
    assert at_rest(store_url) == polled


def test_the_last_epoch_counts_wherever_the_mailbox_was_before(
    store: Store, store_url: str, polled: Epoch
) -> None:
    moved = MailboxKey(KEY.account, "new.example.com", KEY.username, KEY.name)
    epoch = poll(store, begin_epoch(store, moved))
    assert at_rest(store_url, moved) == epoch
    assert at_rest(store_url, KEY) is None


def test_a_message_to_be_disposed_of_matters_to_accounts_that_dispose(
    store: Store, store_url: str, polled: Epoch
) -> None:
    record(store, polled, numbered(1, 1), disposed=False)
    assert at_rest(store_url) == polled
    assert at_rest(store_url, disposes=True) is None


def test_what_was_not_looked_up_in_the_archive_yet_is_noticed(store: Store, store_url: str, sql: Sql) -> None:
    add_contact(store, "1", "ann@client.example", organization="Client")
    sql.run(
        "INSERT INTO organization_address (organization_id, address, normalized) VALUES (1, 'a@b', 'a@b')"
    )
    sql.run("INSERT INTO opportunity (name) VALUES ('A')")
    sql.run("INSERT INTO opportunity_contact (opportunity_id, contact_id) VALUES (1, 1)")
    sql.run("INSERT INTO linking_rule (name, set_up_at) VALUES ('opportunities', CURRENT_TIMESTAMP)")
    for statement, unmatched in (
        ("UPDATE contact_address SET matched_at = CURRENT_TIMESTAMP", True),
        ("UPDATE organization_address SET matched_at = CURRENT_TIMESTAMP", True),
        ("UPDATE contact SET organization_matched_at = CURRENT_TIMESTAMP", True),
        ("UPDATE opportunity_contact SET matched_at = CURRENT_TIMESTAMP", False),
        ("UPDATE contact_address SET matched_at = NULL", True),
        ("UPDATE contact SET deleted_at = CURRENT_TIMESTAMP", False),
        ("UPDATE opportunity_contact SET matched_at = NULL", True),
        ("DELETE FROM linking_rule", False),
        ("UPDATE contact SET organization_matched_at = NULL", True),
        ("UPDATE contact SET organization_id = NULL", False),
        ("UPDATE organization_address SET matched_at = NULL", True),
    ):
        sql.run(statement)
        with take_glance(store_url, None, NOW) as glance:
            assert glance is not None
            assert glance.unmatched is unmatched, statement


def test_a_poll_is_noted_in_the_current_epoch_alone(
    store: Store, store_url: str, sql: Sql, polled: Epoch
) -> None:
    with take_glance(store_url, None, NOW) as glance:
        assert glance is not None
        assert glance.note_polled(polled, status(highest_modseq=2**40), DUE)
        with store.reading() as uow:
            assert uow.ledger.first_polled(KEY) is not None
        assert sql.value("SELECT highest_modseq FROM mailbox_epoch") == 2**40
        written = sql.value("SELECT polled_at FROM mailbox_epoch")
        poll(store, polled)
        sql.run("UPDATE mailbox_epoch SET ended_at = started_at")
        assert glance.note_polled(polled, status(), DUE)
    assert str(written).startswith(DUE.strftime("%Y-%m-%d %H:%M:%S.%f"))
    assert sql.value("SELECT highest_modseq FROM mailbox_epoch") is None


def test_a_poll_that_cannot_be_noted_is_told(store_url: str, sql: Sql, polled: Epoch) -> None:
    with take_glance(store_url, None, NOW) as glance:
        assert glance is not None
        sql.run("ALTER TABLE mailbox_epoch RENAME TO gone")
        try:
            assert not glance.note_polled(polled, status(), DUE)
        finally:
            sql.run("ALTER TABLE gone RENAME TO mailbox_epoch")


@pytest.mark.parametrize("revision", ["0000", "9999"])
def test_tables_of_another_release_are_left_to_the_store(store_url: str, sql: Sql, revision: str) -> None:
    current = sql.value("SELECT version_num FROM mail_archiver_version")
    sql.run(f"UPDATE mail_archiver_version SET version_num = '{revision}'")
    try:
        with take_glance(store_url, None, NOW) as glance:
            assert glance is None
    finally:
        sql.run(f"UPDATE mail_archiver_version SET version_num = '{current}'")


def test_a_database_without_our_tables_is_left_to_the_store(database_url: str, tmp_path: Path) -> None:
    with take_glance(database_url, None, NOW) as glance:
        assert glance is None
    assert list(tmp_path.iterdir()) == []  # SQLite's file is not made by the way


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///crm.db?mode=ro",
        "mysql://crm",
        "postgresql://nobody:n%2Fa@127.0.0.1:1/crm",
        "postgresql://[",
        "postgresql://crm/\0",
        "postgresql://crm/\udc80",
        "sqlite:///crm\0.db",
        "sqlite:///crm\udc80.db",
        "",
    ],
)
def test_what_a_glance_cannot_open_is_left_to_the_store(url: str) -> None:
    with take_glance(url, None, NOW) as glance:
        assert glance is None


def test_the_tables_may_be_in_a_schema_of_their_own(postgres_url: str) -> None:
    store = Store(postgres_url, "Archive")
    store.upgrade()
    epoch = poll(store, begin_epoch(store))
    store.close()
    with take_glance(postgres_url, "Archive", NOW) as glance:
        assert glance is not None
        assert glance.epoch_at_rest(KEY, disposes=True) == epoch
        assert glance.note_polled(epoch, status(), NOW)
    with take_glance(postgres_url, None, NOW) as glance:
        assert glance is None


@pytest.mark.parametrize("name", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_the_url_may_name_its_driver(emptied_postgres_url: str, name: str) -> None:
    with take_glance(emptied_postgres_url.replace("postgresql", name, 1), None, NOW) as glance:
        assert glance is not None


def test_a_pooler_may_stand_between(pgbouncer_url: str, postgres_url: str) -> None:
    store = Store(postgres_url)
    store.upgrade()
    epoch = poll(store, begin_epoch(store))
    store.close()
    with take_glance(pgbouncer_url, None, NOW) as glance:
        assert glance is not None
        assert glance.note_polled(epoch, status(), NOW)


def test_no_table_that_grows_is_scanned(store: Store, store_url: str, sql: Sql, polled: Epoch) -> None:
    record(store, polled, numbered(1, 1))
    quarantine(store, polled)
    many = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
    values = f"{polled.id}, i, 'archived', 1, processed_at, processed_at FROM n, processed_uid WHERE uid = 1"
    sql.run(
        "INSERT INTO processed_uid (epoch_id, uid, outcome, archive_id, processed_at, disposed_at) "
        f"{many} SELECT {values}",
        f"INSERT INTO organization (name, external_id) {many} SELECT 'A', cast(i AS text) FROM n",
        "INSERT INTO contact (external_id, organization_id, organization_matched_at) "
        "SELECT external_id, id, CURRENT_TIMESTAMP FROM organization",
        "INSERT INTO opportunity (name, external_id) SELECT 'A', external_id FROM organization",
        *(
            f"INSERT INTO {kind}_address ({kind}_id, address, normalized, matched_at) "
            f"SELECT id, external_id, external_id, CURRENT_TIMESTAMP FROM {kind}"
            for kind in ("contact", "organization")
        ),
        "INSERT INTO opportunity_contact (opportunity_id, contact_id, matched_at) "
        "SELECT opportunity.id, contact.id, CURRENT_TIMESTAMP "
        "FROM opportunity JOIN contact USING (external_id)",
        "ANALYZE",
    )
    with take_glance(store_url, None, DUE) as glance:
        assert glance is not None
        explain = "EXPLAIN QUERY PLAN" if sql.is_sqlite else "EXPLAIN"
        plans = [
            *glance._database.execute(f"{explain} {module._RELEASE}"),
            *glance._database.execute(f"{explain} {module._EPOCHS}", now=DUE),
        ]
    steps = [str(row[-1]) for row in plans]
    names = (*LARGE, "unmatched", "owner", "member", "due", "undisposed", "shown")
    scans = [f"SCAN {name}" if sql.is_sqlite else f"Seq Scan on {name} " for name in names]
    assert any("due" in step for step in steps)
    # An index of nothing but what is to be done may be gone through: it is as long as there is work.
    scanned = [step for step in steps if any(scan in f"{step} " for scan in scans)]
    assert [step for step in scanned if step.split()[-1] not in PARTIAL] == []
