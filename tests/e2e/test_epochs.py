"""The lives of a mailbox: whatever begins a new one, no message is lost, doubled, or downloaded in vain."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.e2e.answers import once, replaced
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapUser
from tests.servers.proxy import Proxy

pytestmark = pytest.mark.usefixtures("no_pauses")

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite_url"], indirect=True)

RECEIVED_AT = datetime(2026, 10, 5, 7, 30, tzinfo=UTC)
OUTCOMES_OF_EPOCH = (
    "SELECT outcome, count(*) FROM processed_uid WHERE epoch_id = {} GROUP BY outcome ORDER BY 1"
)


def test_any_other_uidvalidity_costs_headers_alone(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    deliver(dovecot, behind.user, [mail(f"Old {number}") for number in range(3)])
    assert behind.run_here("run").returncode == 0
    known = 3
    for uidvalidity in (7, 0, 2**32 + 7, 2**63 - 1, 0, 7):
        between.heal()
        between.change(b" EXAMINE ", replaced(rb"UIDVALIDITY \d+", b"UIDVALIDITY %d" % uidvalidity))
        before = downloads(between)

        run = behind.run_here("run")

        assert run.returncode == 0, run.stderr
        assert downloads(between) == before
        assert event(run.stderr, "mailbox.epoch_started")["uidvalidity"] == uidvalidity
        assert outcomes(behind, epochs(behind)[-1]) == {"duplicate": known}
        dovecot.deliver(behind.user, mail(f"New {known}"))
        assert behind.run_here("run").returncode == 0
        assert outcomes(behind, epochs(behind)[-1]) == {"duplicate": known, "archived": 1}
        known += 1
    assert len(subjects(behind)) == len(set(subjects(behind))) == known
    assert behind.rows("SELECT uidvalidity FROM mailbox_epoch ORDER BY id")[1:] == [
        (each,) for each in (7, 0, 2**32 + 7, 2**63 - 1, 0, 7)
    ]


def test_another_host_or_user_with_the_same_mail_costs_headers_alone(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    sources = [mail(f"Old {number}") for number in range(3)]
    deliver(dovecot, behind.user, sources)
    assert behind.run_here("run").returncode == 0
    first_host = behind.settings["ACCOUNTS__CRM__HOST"]

    def is_moved_to(host: str) -> None:
        before = downloads(between)
        behind.settings["ACCOUNTS__CRM__HOST"] = host
        assert behind.run_here("run").returncode == 0
        assert downloads(between) == before
        assert outcomes(behind, epochs(behind)[-1]) == {"duplicate": 3}

    is_moved_to("localhost")
    is_moved_to(first_host)
    another = behind.add_account("CRM", dovecot, **between.settings)
    deliver(dovecot, another, sources)
    is_moved_to(first_host)
    assert len(epochs(behind)) == 4
    assert subjects(behind) == ["Old 0", "Old 1", "Old 2"]


def test_one_more_than_before_may_be_another_message_and_is_looked_at(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    twins = [mail("Twins", text=f"{word}\r\n") for word in ("Left.", "Left.", "Othr.")]
    for source in twins[:2]:
        dovecot.deliver(behind.user, source, received_at=RECEIVED_AT)
    assert behind.run_here("run").returncode == 0
    dovecot.set_uidvalidity(behind.user, "INBOX", 4_000_000_000)
    dovecot.deliver(behind.user, twins[2], received_at=RECEIVED_AT)
    before = downloads(between)

    assert behind.run_here("run").returncode == 0

    assert downloads(between) > before
    assert outcomes(behind, epochs(behind)[-1]) == {"duplicate": 2, "archived": 1}
    assert behind.rows("SELECT body_text FROM archive ORDER BY id") == [("Left.\n",), ("Othr.\n",)]


def test_two_archives_that_look_alike_are_told_apart_by_their_bodies(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    for word in ("Left.", "Right"):
        dovecot.deliver(behind.user, mail("Twins", text=f"{word}\r\n"), received_at=RECEIVED_AT)
    assert behind.run_here("run").returncode == 0
    dovecot.set_uidvalidity(behind.user, "INBOX", 4_000_000_000)
    before = downloads(between)

    assert behind.run_here("run").returncode == 0

    assert downloads(between) > before
    first, second = epochs(behind)
    query = "SELECT uid, archive_id, source_sha256 FROM processed_uid WHERE epoch_id = :epoch ORDER BY uid"
    assert behind.rows(query, epoch=second) == behind.rows(query, epoch=first)
    assert outcomes(behind, second) == {"duplicate": 2}


@pytest.mark.parametrize("disposition", ["delete", "move:Done"], ids=["delete", "move"])
def test_what_is_recognised_is_disposed_of_too(
    behind: Installation, dovecot: Dovecot, between: Proxy, disposition: str
) -> None:
    deliver(dovecot, behind.user, [mail("Old")])
    assert behind.run_here("run").returncode == 0
    dovecot.set_uidvalidity(behind.user, "INBOX", 4_000_000_000)
    behind.settings["ACCOUNTS__CRM__DISPOSITION"] = disposition

    assert behind.run_here("run").returncode == 0

    assert downloads(between) == 1
    assert dovecot.uids(behind.user) == []
    if disposition.startswith("move"):
        assert len(dovecot.uids(behind.user, "Done")) == 1


def test_a_start_with_new_mail_stays_one_when_uids_change_their_meaning(
    install: Install, dovecot: Dovecot, between: Proxy
) -> None:
    installation = install()
    user = installation.add_account("CRM", dovecot, **between.settings, START="new")
    deliver(dovecot, user, [mail("Old")])
    assert installation.run_here("run").returncode == 0
    dovecot.deliver(user, mail("New, seen"))
    assert installation.run_here("run").returncode == 0
    dovecot.deliver(user, mail("New, unseen"))
    dovecot.set_uidvalidity(user, "INBOX", 4_000_000_000)

    assert installation.run_here("run").returncode == 0

    assert subjects(installation) == ["New, seen", "New, unseen"]
    assert outcomes(installation, epochs(installation)[-1]) == {"filtered": 1, "duplicate": 1, "archived": 1}
    assert installation.run_here("backfill", "--since", "2026-01-01").returncode == 0
    assert subjects(installation) == ["New, seen", "New, unseen", "Old"]


@ON_SQLITE
def test_a_mailbox_that_is_renamed_or_deleted_is_told_and_keeps_no_other_from_its_turn(
    behind: Installation, dovecot: Dovecot
) -> None:
    behind.settings["ACCOUNTS__CRM__MAILBOXES"] = "Clients,INBOX"
    deliver(dovecot, behind.user, [mail("First")], "Clients")
    assert behind.run_here("run").returncode == 0
    with dovecot.connect(behind.user) as client:
        client.rename_folder("Clients", "Clients 2026")
    deliver(dovecot, behind.user, [mail("In the inbox")])

    renamed = behind.run_here("run")
    with dovecot.connect(behind.user) as client:
        client.delete_folder("Clients 2026")
    deleted = behind.run_here("run")

    assert (renamed.returncode, deleted.returncode) == (78, 78)
    assert event(renamed.stderr, "account.failed")["hint"] == "Did you mean Clients 2026?"
    assert "no such mailbox" in event(deleted.stderr, "account.failed")["what"]
    assert subjects(behind) == ["First", "In the inbox"]


@ON_SQLITE
@pytest.mark.parametrize("uidvalidity", [None, 7], ids=["another UIDVALIDITY", "the same UIDVALIDITY"])
def test_a_mailbox_that_is_made_anew_is_read_from_its_beginning(
    behind: Installation, dovecot: Dovecot, between: Proxy, uidvalidity: int | None
) -> None:
    if uidvalidity:
        between.change(b" EXAMINE ", replaced(rb"UIDVALIDITY \d+", b"UIDVALIDITY %d" % uidvalidity))
    behind.settings["ACCOUNTS__CRM__MAILBOXES"] = "Clients"
    deliver(dovecot, behind.user, [mail("First"), mail("Second")], "Clients")
    assert behind.run_here("run").returncode == 0
    with dovecot.connect(behind.user) as client:
        client.delete_folder("Clients")
    deliver(dovecot, behind.user, [mail("Third")], "Clients")
    assert dovecot.uids(behind.user, "Clients") == [1]

    assert behind.run_here("run").returncode == 0

    assert subjects(behind) == ["First", "Second", "Third"]
    assert len(epochs(behind)) == 2


@ON_SQLITE
def test_a_mailbox_that_is_emptied_lives_on(behind: Installation, dovecot: Dovecot) -> None:
    deliver(dovecot, behind.user, [mail("First")])
    assert behind.run_here("run").returncode == 0
    dovecot.doveadm("expunge", "-u", behind.user.username, "mailbox", "INBOX", "all")
    assert behind.run_here("run").returncode == 0
    deliver(dovecot, behind.user, [mail("Second")])

    assert behind.run_here("run").returncode == 0

    assert subjects(behind) == ["First", "Second"]
    assert len(epochs(behind)) == 1


@ON_SQLITE
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
    deliver(dovecot, behind.user, [mail("First"), mail("Second")], "Clients")
    deliver(dovecot, behind.user, [mail("In the inbox")])
    between.change(command, once(meet_fate))

    run = behind.run_here("run")

    assert run.returncode in (0, 69, 78), run.stderr
    between.heal()
    behind.settings["ACCOUNTS__CRM__MAILBOXES"] = "INBOX" + {
        "renamed": ",Customers", "of another UIDVALIDITY": ",Clients"
    }.get(fate, "")  # fmt: skip
    assert behind.run_here("run").returncode == 0
    found = subjects(behind)
    assert len(found) == len(set(found))
    assert {"In the inbox"} <= set(found) <= {"First", "Second", "In the inbox"}
    if fate in ("renamed", "of another UIDVALIDITY"):
        assert len(found) == 3
    assert behind.rows("SELECT count(*) FROM processed_uid WHERE outcome = 'quarantined'") == [(0,)]


def deliver(dovecot: Dovecot, user: ImapUser, sources: Sequence[bytes], mailbox: str = "INBOX") -> None:
    """Messages a minute apart."""
    for number, source in enumerate(sources):
        dovecot.deliver(user, source, mailbox=mailbox, received_at=RECEIVED_AT + timedelta(minutes=number))


def downloads(between: Proxy) -> int:
    """How often messages were asked for as a whole."""
    return between.sent.count(b"BODY.PEEK[]")


def epochs(installation: Installation) -> list[int]:
    """Their ids, the oldest first."""
    return [epoch for (epoch,) in installation.rows("SELECT id FROM mailbox_epoch ORDER BY id")]


def outcomes(installation: Installation, epoch: int) -> dict[str, int]:
    """How many UIDs of an epoch came to what."""
    query = "SELECT outcome, count(*) FROM processed_uid WHERE epoch_id = :epoch GROUP BY outcome"
    return dict(map(tuple, installation.rows(query, epoch=epoch)))


def subjects(installation: Installation) -> list[str]:
    """What is archived."""
    return [subject for (subject,) in installation.rows("SELECT subject FROM archive ORDER BY subject")]
