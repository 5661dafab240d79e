"""The lives of a mailbox: whatever begins a new one, no message is lost, doubled, or downloaded in vain."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.e2e.answers import replaced
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapUser
from tests.servers.proxy import Proxy

pytestmark = pytest.mark.usefixtures("no_pauses")

RECEIVED_AT = datetime(2026, 10, 5, 7, 30, tzinfo=UTC)
OUTCOMES_OF_EPOCH = (
    "SELECT outcome, count(*) FROM processed_uid WHERE epoch_id = {} GROUP BY outcome ORDER BY 1"
)


def test_any_other_uidvalidity_costs_headers_alone(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    deliver_minutes_apart(dovecot, behind.user, [mail(f"Old {number}") for number in range(3)])
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
        assert behind.outcomes(behind.epochs()[-1]) == {"duplicate": known}
        dovecot.deliver(behind.user, mail(f"New {known}"))
        assert behind.run_here("run").returncode == 0
        assert behind.outcomes(behind.epochs()[-1]) == {"duplicate": known, "archived": 1}
        known += 1
    assert len(behind.subjects()) == len(set(behind.subjects())) == known
    assert behind.rows("SELECT uidvalidity FROM mailbox_epoch ORDER BY id")[1:] == [
        (each,) for each in (7, 0, 2**32 + 7, 2**63 - 1, 0, 7)
    ]


def test_another_host_or_user_with_the_same_mail_costs_headers_alone(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    sources = [mail(f"Old {number}") for number in range(3)]
    deliver_minutes_apart(dovecot, behind.user, sources)
    assert behind.run_here("run").returncode == 0
    first_host = behind.settings["ACCOUNTS__CRM__HOST"]

    def is_moved_to(host: str) -> None:
        before = downloads(between)
        behind.settings["ACCOUNTS__CRM__HOST"] = host
        assert behind.run_here("run").returncode == 0
        assert downloads(between) == before
        assert behind.outcomes(behind.epochs()[-1]) == {"duplicate": 3}

    is_moved_to("localhost")
    is_moved_to(first_host)
    another = behind.add_account("CRM", dovecot, **between.settings)
    deliver_minutes_apart(dovecot, another, sources)
    is_moved_to(first_host)
    assert len(behind.epochs()) == 4
    assert behind.subjects() == ["Old 0", "Old 1", "Old 2"]


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
    assert behind.outcomes(behind.epochs()[-1]) == {"duplicate": 2, "archived": 1}
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
    first, second = behind.epochs()
    query = "SELECT uid, archive_id, source_sha256 FROM processed_uid WHERE epoch_id = :epoch ORDER BY uid"
    assert behind.rows(query, epoch=second) == behind.rows(query, epoch=first)
    assert behind.outcomes(second) == {"duplicate": 2}


@pytest.mark.parametrize("disposition", ["delete", "move:Done"], ids=["delete", "move"])
def test_what_is_recognised_is_disposed_of_too(
    behind: Installation, dovecot: Dovecot, between: Proxy, disposition: str
) -> None:
    deliver_minutes_apart(dovecot, behind.user, [mail("Old")])
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
    deliver_minutes_apart(dovecot, user, [mail("Old")])
    assert installation.run_here("run").returncode == 0
    dovecot.deliver(user, mail("New, seen"))
    assert installation.run_here("run").returncode == 0
    dovecot.deliver(user, mail("New, unseen"))
    dovecot.set_uidvalidity(user, "INBOX", 4_000_000_000)

    assert installation.run_here("run").returncode == 0

    assert installation.subjects() == ["New, seen", "New, unseen"]
    assert installation.outcomes(installation.epochs()[-1]) == {"filtered": 1, "duplicate": 1, "archived": 1}
    assert installation.run_here("backfill", "--since", "2026-01-01").returncode == 0
    assert installation.subjects() == ["New, seen", "New, unseen", "Old"]


def test_a_mailbox_that_was_emptied_before_its_first_run_takes_no_uidvalidity_for_another(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    dovecot.deliver(behind.user, mail("Old"))
    assert behind.run_here("backfill", "--since", "2026-01-01").returncode == 0
    dovecot.doveadm("expunge", "-u", behind.user.username, "mailbox", "INBOX", "all")
    assert behind.run_here("run").returncode == 0
    assert len(behind.epochs()) == 1
    between.change(b" EXAMINE ", replaced(rb"UIDVALIDITY \d+", b"UIDVALIDITY 7"))

    assert behind.run_here("run").returncode == 0

    assert behind.rows("SELECT uidvalidity FROM mailbox_epoch ORDER BY id")[1:] == [(7,)]


def deliver_minutes_apart(dovecot: Dovecot, user: ImapUser, sources: Sequence[bytes]) -> None:
    """Messages that can be told apart by INTERNALDATE."""
    for number, source in enumerate(sources):
        dovecot.deliver(user, source, received_at=RECEIVED_AT + timedelta(minutes=number))


def downloads(between: Proxy) -> int:
    """How often messages were asked for as a whole."""
    return between.sent.count(b"BODY.PEEK[]")
