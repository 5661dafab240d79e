"""A message that cannot be archived is kept, with its reason, and the next one is archived."""

from tests.e2e.installation import Installation, event, events
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot


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
    installation.execute("UPDATE processed_uid SET next_attempt_at = '2020-01-01 00:00:00+00:00'")
    in_vain = installation.run("run")
    attempts = installation.rows("SELECT attempts FROM processed_uid")
    allow_poison(installation)
    installation.execute("UPDATE processed_uid SET next_attempt_at = '2020-01-01 00:00:00+00:00'")
    at_last = installation.run("run")

    assert [run.returncode for run in (too_early, in_vain, at_last)] == [0, 75, 0]
    assert attempts == [(2,)]
    assert [each["uid"] for each in events(at_last.stderr) if each["event"] == "message.archived"] == [1]
    assert installation.rows("SELECT outcome, reason FROM processed_uid") == [("archived", None)]
    assert installation.rows("SELECT subject FROM archive") == [("Poison",)]


def test_a_message_that_is_gone_when_it_is_tried_again_has_vanished(
    installation: Installation, dovecot: Dovecot
) -> None:
    installation.run("db", "upgrade")
    refuse_poison(installation)
    dovecot.deliver(installation.user, mail("Poison"))
    installation.run("run")
    dovecot.doveadm("expunge", "-u", installation.user.username, "mailbox", "INBOX", "all")
    installation.execute("UPDATE processed_uid SET next_attempt_at = '2020-01-01 00:00:00+00:00'")

    assert installation.run("run").returncode == 0

    assert installation.rows("SELECT outcome, next_attempt_at FROM processed_uid") == [("vanished", None)]
