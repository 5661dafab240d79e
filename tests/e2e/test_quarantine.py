"""A message that cannot be archived is kept, with its reason, and the next one is archived."""

import json
import subprocess
import sys

from tests.e2e.installation import Installation, event, events
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot

TIME_HAS_COME = "UPDATE processed_uid SET next_attempt_at = '2020-01-01 00:00:00+00:00'"


def refuse_poison(installation: Installation) -> None:
    """Make the database refuse one message for real, as a CRM's own constraint might."""
    if installation.settings["DATABASE_URL"].startswith("sqlite"):
        installation.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON archive WHEN NEW.subject = 'Poison' "
            "BEGIN SELECT RAISE(ABORT, 'no poison'); END"
        )
    else:
        installation.execute("ALTER TABLE archive ADD CONSTRAINT refuse CHECK (subject <> 'Poison')")


def allow_poison(installation: Installation) -> None:
    if installation.settings["DATABASE_URL"].startswith("sqlite"):
        installation.execute("DROP TRIGGER refuse")
    else:
        installation.execute("ALTER TABLE archive DROP CONSTRAINT refuse")


def test_the_messages_around_it_are_archived_and_it_is_kept(
    installation: Installation, dovecot: Dovecot
) -> None:
    installation.run("db", "upgrade")
    refuse_poison(installation)
    poison = mail("Poison")
    for source in (mail("Before"), poison, mail("After")):
        dovecot.deliver(installation.user, source)

    run = installation.run("run")

    assert run.returncode == 75
    assert event(run.stderr, "message.quarantined")["uid"] == 2
    assert event(run.stderr, "run.finished")["quarantined"] == 1
    assert "Poison" not in run.stderr
    assert installation.rows("SELECT subject FROM archive ORDER BY subject") == [("After",), ("Before",)]
    ((outcome, reason, source_sha256, attempts, waits),) = installation.rows(
        """SELECT outcome, reason, source_sha256, attempts, next_attempt_at IS NOT NULL
           FROM processed_uid WHERE uid = 2"""
    )
    assert (outcome, attempts, bool(waits)) == ("quarantined", 1, True)
    assert "the database refuses it" in reason
    assert "Poison" not in reason
    assert installation.blobs()[source_sha256] == poison


def test_it_is_tried_again_when_its_time_has_come(installation: Installation, dovecot: Dovecot) -> None:
    installation.run("db", "upgrade")
    refuse_poison(installation)
    dovecot.deliver(installation.user, mail("Poison"))
    installation.run("run")

    too_early = installation.run("run")
    installation.execute(TIME_HAS_COME)
    in_vain = installation.run("run")
    attempts = installation.rows("SELECT attempts FROM processed_uid")
    allow_poison(installation)
    installation.execute(TIME_HAS_COME)
    at_last = installation.run("run")

    assert [run.returncode for run in (too_early, in_vain, at_last)] == [0, 75, 0]
    assert attempts == [(2,)]
    assert [each["uid"] for each in events(at_last.stderr) if each["event"] == "message.archived"] == [1]
    assert installation.rows("SELECT outcome, reason FROM processed_uid") == [("archived", None)]
    assert installation.rows("SELECT subject FROM archive") == [("Poison",)]


def test_a_message_that_is_gone_when_it_is_tried_again_is_archived_from_what_was_kept(
    installation: Installation, dovecot: Dovecot
) -> None:
    installation.run("db", "upgrade")
    refuse_poison(installation)
    dovecot.deliver(installation.user, mail("Poison"))
    installation.run("run")
    dovecot.doveadm("expunge", "-u", installation.user.username, "mailbox", "INBOX", "all")
    installation.execute(TIME_HAS_COME)

    assert installation.run("run").returncode == 75
    assert installation.rows("SELECT outcome, attempts FROM processed_uid") == [("quarantined", 2)]
    allow_poison(installation)
    installation.execute(TIME_HAS_COME)
    assert installation.run("run").returncode == 0

    assert installation.rows("SELECT outcome, next_attempt_at FROM processed_uid") == [("archived", None)]
    assert installation.rows("SELECT subject FROM archive") == [("Poison",)]


def test_what_is_in_the_quarantine_of_a_life_that_has_ended_is_archived_from_what_was_kept(
    installation: Installation, dovecot: Dovecot
) -> None:
    installation.run("db", "upgrade")
    refuse_poison(installation)
    dovecot.deliver(installation.user, mail("Poison"))
    installation.run("run")
    dovecot.doveadm("expunge", "-u", installation.user.username, "mailbox", "INBOX", "all")
    dovecot.set_uidvalidity(installation.user, "INBOX", 4_000_000_000)
    allow_poison(installation)
    installation.execute(TIME_HAS_COME)

    assert installation.run("run").returncode == 0

    assert installation.rows("SELECT uid, outcome FROM processed_uid") == [(1, "archived")]
    assert installation.rows("SELECT subject FROM archive") == [("Poison",)]


def test_a_message_of_which_nothing_was_kept_has_vanished_when_it_is_gone(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, mail())
    installation.run("run")
    installation.execute(
        "UPDATE processed_uid SET outcome = 'quarantined', archive_id = NULL, source_sha256 = NULL"
    )
    installation.execute(TIME_HAS_COME)
    dovecot.doveadm("expunge", "-u", installation.user.username, "mailbox", "INBOX", "all")

    assert installation.run("run").returncode == 0

    assert installation.rows("SELECT outcome, next_attempt_at FROM processed_uid") == [("vanished", None)]


def test_retry_does_not_wait_and_tells_what_is_left(installation: Installation, dovecot: Dovecot) -> None:
    installation.run("db", "upgrade")
    refuse_poison(installation)
    for message_id in ("first", "second"):
        dovecot.deliver(installation.user, mail("Poison", message_id=message_id))
    installation.run("run")

    in_vain = installation.run("retry")
    allow_poison(installation)
    one = installation.run("retry", "--uid", "2", "--json")
    rest = installation.run("retry")

    assert [run.returncode for run in (in_vain, one, rest)] == [75, 0, 0]
    assert "account crm, mailbox INBOX, UID 1: the database refuses it" in in_vain.stdout
    assert "tried 2 times" in in_vain.stdout
    assert in_vain.stdout.endswith("0 archived, 2 in quarantine\n")
    assert [json.loads(line)["uid"] for line in one.stdout.splitlines()] == [1]
    assert rest.stdout == "1 archived, 0 in quarantine\n"
    unknown = installation.run("retry", "--uid", "2")
    assert unknown.returncode == 64
    assert "UID 2 is not in quarantine" in unknown.stderr


def test_a_stand_in_of_exchange_is_not_archived_as_the_message(
    installation: Installation, dovecot: Dovecot
) -> None:
    stand_in = mail("Retrieval using the IMAP4 protocol failed for the following message: 752")
    told_of = b"Received: from a by b; Mon, 05 Oct 2026 09:00:00 +0200\r\n" + stand_in
    dovecot.deliver(installation.user, stand_in)
    dovecot.deliver(installation.user, told_of)

    assert installation.run("run").returncode == 75

    ((reason, source_sha256),) = installation.rows(
        "SELECT reason, source_sha256 FROM processed_uid WHERE outcome = 'quarantined'"
    )
    assert "stand-in" in reason
    assert installation.blobs()[source_sha256] == stand_in
    assert installation.rows("SELECT uid FROM processed_uid WHERE outcome = 'archived'") == [(2,)]


def test_a_message_that_meets_a_bug_of_ours_is_set_aside(
    installation: Installation, dovecot: Dovecot
) -> None:
    """A fault in the program's own writing code stands for any: the messages around it are archived."""
    for subject in ("Before", "Poison", "After"):
        dovecot.deliver(installation.user, mail(subject))
    fault = (
        "import mail_archiver.store.archives as a\n"
        "row = a._archive_row\n"
        "def broken(draft, now):\n"
        "    return row(draft, now) if draft.message.subject != 'Poison' else 1 / 0\n"
        "a._archive_row = broken\n"
        "from mail_archiver.cli import main\nmain()\n"
    )
    installation.write_settings()
    run = subprocess.run(
        [sys.executable, "-c", fault, "run"],
        cwd=installation.folder,
        env=installation.environment,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 75
    assert "ZeroDivisionError" in event(run.stderr, "message.quarantined")["reason"]
    assert installation.rows("SELECT subject FROM archive ORDER BY subject") == [("After",), ("Before",)]
