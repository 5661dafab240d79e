"""A run that finds nothing new: what it does all the same, and what it does without."""

import json
import subprocess
import sys

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event, events
from tests.e2e.mails import deliver, mail
from tests.e2e.soundness import wait_until
from tests.servers.courier import Courier
from tests.servers.dovecot import Dovecot

_RUN = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules))))
sys.argv = ["mail-archiver", "run"]
from mail_archiver.cli import main
main()
"""

NOT_LOADED = {
    "alembic",
    "chardet",
    "difflib",
    "idna",
    "nh3",
    "obstore",
    "pygments",
    "rich",
    "sqlalchemy",
    "mail_archiver.archiving.opened",
    "mail_archiver.blobs.object_store",
    "mail_archiver.domain.message",
    "mail_archiver.mime",
    "mail_archiver.oauth",
    "mail_archiver.store.store",
    "mail_archiver.store.tables",
}
"""Most polls find nothing: what only a message needs would be most of their cost."""

NOTHING_NEW = ["run.started", "mailbox.selected", "run.finished"]
"""The events of such a poll."""


@pytest.fixture
def archived(installation: Installation, dovecot: Dovecot) -> Installation:
    """All that is in the mailbox is in the archive."""
    deliver(dovecot, installation.user, "One", "Two")
    assert installation.run("run").returncode == 0
    return installation


def loaded_by_run(installation: Installation) -> set[str]:
    """The modules that a run loads."""
    installation.write_settings()
    run = subprocess.run(
        [sys.executable, "-c", _RUN],
        cwd=installation.folder,
        env=installation.environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout))


def test_loads_nothing_that_only_a_message_needs(archived: Installation) -> None:
    loaded = loaded_by_run(archived)
    assert loaded & NOT_LOADED == set()
    assert ("psycopg2" in loaded) != archived.settings["DATABASE_URL"].startswith("sqlite")


def test_loads_them_when_there_is_a_message(archived: Installation, dovecot: Dovecot) -> None:
    deliver(dovecot, archived.user, "Three")
    assert {"sqlalchemy", "mail_archiver.mime", "mail_archiver.store.store"} <= loaded_by_run(archived)
    assert archived.subjects() == ["One", "Three", "Two"]


def test_tells_what_a_run_tells_and_notes_that_it_has_looked(archived: Installation) -> None:
    before = archived.rows("SELECT polled_at FROM mailbox_epoch")
    run = archived.run("run")
    assert run.returncode == 0
    assert [each["event"] for each in events(run.stderr)] == NOTHING_NEW
    assert event(run.stderr, "mailbox.selected")["exists"] == 2
    assert archived.rows("SELECT polled_at FROM mailbox_epoch") > before


def test_one_account_with_new_mail_has_only_its_own_mailboxes_worked_on(
    archived: Installation, dovecot: Dovecot
) -> None:
    archived.settings["ACCOUNTS__CRM__MAILBOXES"] = "INBOX,Sales"
    sales = archived.add_account("SALES", dovecot)
    dovecot.deliver(archived.users["CRM"], mail("Three"), mailbox="Sales")
    archived.run("run")
    dovecot.deliver(sales, mail("Four"))
    dovecot.deliver(archived.users["CRM"], mail("Five"), mailbox="Sales")
    run = archived.run("run")
    assert run.returncode == 0
    looked_at = [(e["account"], e["mailbox"]) for e in events(run.stderr) if e["event"] == "mailbox.selected"]
    assert looked_at == [("crm", "INBOX"), ("crm", "Sales"), ("sales", "INBOX")]
    assert archived.subjects() == ["Five", "Four", "One", "Three", "Two"]


def test_what_waits_is_done_though_nothing_is_new(archived: Installation, dovecot: Dovecot) -> None:
    archived.execute("UPDATE processed_uid SET disposed_at = NULL")
    archived.settings["ACCOUNTS__CRM__DISPOSITION"] = "delete"
    assert archived.run("run").returncode == 0
    assert dovecot.uids(archived.user) == []


def test_contacts_that_come_later_are_linked_though_nothing_is_new(
    install: Install, archived: Installation
) -> None:
    archived.execute("INSERT INTO contact (kind, first_name) VALUES ('contact', 'Ann')")
    archived.execute(
        "INSERT INTO contact_address (contact_id, address, normalized) "
        "SELECT id, 'client@client.example', 'client@client.example' FROM contact"
    )
    run = archived.run("run")
    assert event(run.stderr, "run.finished")["links"] == 2


def test_a_mailbox_that_is_gone_is_told(archived: Installation, dovecot: Dovecot) -> None:
    archived.settings["ACCOUNTS__CRM__MAILBOXES"] = "INBOX,Sales"
    with dovecot.connect(archived.user) as client:
        client.create_folder("Sales")
    assert archived.run("run").returncode == 0
    with dovecot.connect(archived.user) as client:
        client.delete_folder("Sales")
    run = archived.run("run")
    assert run.returncode == 78
    assert event(run.stderr, "account.failed")["where"].endswith("Sales")


def test_an_inbox_without_a_message_yet_is_at_rest_though_its_uidvalidity_changes(
    install: Install, courier: Courier
) -> None:
    installation = install()
    user = installation.add_account("CRM", courier, START="new")
    assert installation.run("run").returncode == 0
    # Courier's is the time, until there is a message that has a UID.
    with courier.connect(user) as client:
        before = client.folder_status("INBOX", ["UIDVALIDITY"])
        wait_until(lambda: client.folder_status("INBOX", ["UIDVALIDITY"]) != before)
    run = installation.run("run")
    assert [each["event"] for each in events(run.stderr)] == NOTHING_NEW
    assert len(installation.epochs()) == 1
    courier.deliver(user, mail("First"))
    assert installation.run("run").returncode == 0
    assert installation.subjects() == ["First"]
