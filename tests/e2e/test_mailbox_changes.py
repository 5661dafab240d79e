"""Mailboxes that are renamed, deleted, made anew or emptied, before a run and in the midst of it."""

from collections.abc import Callable

import pytest
from tests.e2e.answers import once, replaced
from tests.e2e.installation import Installation, event
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot
from tests.servers.proxy import Proxy

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite_url"], indirect=True),
    pytest.mark.usefixtures("no_pauses"),
]


def test_a_mailbox_that_is_renamed_or_deleted_is_told_and_keeps_no_other_from_its_turn(
    behind: Installation, dovecot: Dovecot
) -> None:
    behind.settings["ACCOUNTS__CRM__MAILBOXES"] = "Clients,INBOX"
    dovecot.deliver(behind.user, mail("First"), mailbox="Clients")
    assert behind.run_here("run").returncode == 0
    with dovecot.connect(behind.user) as client:
        client.rename_folder("Clients", "Clients 2026")
    dovecot.deliver(behind.user, mail("In the inbox"))

    renamed = behind.run_here("run")
    with dovecot.connect(behind.user) as client:
        client.delete_folder("Clients 2026")
    deleted = behind.run_here("run")

    assert (renamed.returncode, deleted.returncode) == (78, 78)
    assert event(renamed.stderr, "account.failed")["hint"] == "Did you mean Clients 2026?"
    assert "no such mailbox" in event(deleted.stderr, "account.failed")["what"]
    assert behind.subjects() == ["First", "In the inbox"]


@pytest.mark.parametrize("uidvalidity", [None, 7], ids=["another UIDVALIDITY", "the same UIDVALIDITY"])
def test_a_mailbox_that_is_made_anew_is_read_from_its_beginning(
    behind: Installation, dovecot: Dovecot, between: Proxy, uidvalidity: int | None
) -> None:
    if uidvalidity:
        between.change(b" EXAMINE ", replaced(rb"UIDVALIDITY \d+", b"UIDVALIDITY %d" % uidvalidity))
    behind.settings["ACCOUNTS__CRM__MAILBOXES"] = "Clients"
    dovecot.deliver(behind.user, mail("First"), mailbox="Clients")
    dovecot.deliver(behind.user, mail("Second"), mailbox="Clients")
    assert behind.run_here("run").returncode == 0
    with dovecot.connect(behind.user) as client:
        client.delete_folder("Clients")
    dovecot.deliver(behind.user, mail("Third"), mailbox="Clients")
    assert dovecot.uids(behind.user, "Clients") == [1]

    assert behind.run_here("run").returncode == 0

    assert behind.subjects() == ["First", "Second", "Third"]
    assert len(behind.epochs()) == 2


def test_a_mailbox_that_is_emptied_lives_on(behind: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(behind.user, mail("First"))
    assert behind.run_here("run").returncode == 0
    dovecot.doveadm("expunge", "-u", behind.user.username, "mailbox", "INBOX", "all")
    assert behind.run_here("run").returncode == 0
    dovecot.deliver(behind.user, mail("Second"))

    assert behind.run_here("run").returncode == 0

    assert behind.subjects() == ["First", "Second"]
    assert len(behind.epochs()) == 1


@pytest.mark.parametrize("command", [b" EXAMINE ", b" UID SEARCH ", b" (RFC822.SIZE", b" SELECT "])
@pytest.mark.parametrize("fate", ["deleted", "emptied", "renamed", "of another UIDVALIDITY"])
def test_a_mailbox_that_changes_while_it_is_open_loses_nothing_that_is_left(
    behind: Installation, dovecot: Dovecot, between: Proxy, command: bytes, fate: str
) -> None:
    name = behind.user.username
    fates: dict[str, Callable[[], object]] = {
        "deleted": lambda: dovecot.doveadm("mailbox", "delete", "-u", name, "-s", "Clients"),
        "emptied": lambda: dovecot.doveadm("expunge", "-u", name, "mailbox", "Clients", "all"),
        "renamed": lambda: dovecot.doveadm("mailbox", "rename", "-u", name, "Clients", "Customers"),
        "of another UIDVALIDITY": lambda: dovecot.doveadm(
            "mailbox", "update", "-u", name, "--uid-validity", "4000000000", "Clients"
        ),
    }

    def meet_fate(_command: bytes, answer: bytes) -> bytes:
        fates[fate]()
        return answer

    behind.settings |= {
        "ACCOUNTS__CRM__MAILBOXES": "Clients,INBOX",
        "ACCOUNTS__CRM__DISPOSITION": "seen",
        "PATIENCE_S": "1",
    }
    dovecot.deliver(behind.user, mail("First"), mailbox="Clients")
    dovecot.deliver(behind.user, mail("Second"), mailbox="Clients")
    dovecot.deliver(behind.user, mail("In the inbox"))
    between.change(command, once(meet_fate))

    run = behind.run_here("run")

    assert run.returncode in (0, 69, 78), run.stderr
    between.heal()
    behind.settings["ACCOUNTS__CRM__MAILBOXES"] = "INBOX" + {
        "renamed": ",Customers", "of another UIDVALIDITY": ",Clients"
    }.get(fate, "")  # fmt: skip
    assert behind.run_here("run").returncode == 0
    found = behind.subjects()
    assert len(found) == len(set(found))
    assert {"In the inbox"} <= set(found) <= {"First", "Second", "In the inbox"}
    if fate in ("renamed", "of another UIDVALIDITY"):
        assert len(found) == 3
    assert behind.rows("SELECT count(*) FROM processed_uid WHERE outcome = 'quarantined'") == [(0,)]
