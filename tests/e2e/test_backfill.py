"""`mail-archiver backfill`"""

import os
import pty
import subprocess
from datetime import UTC, datetime

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import PROGRAM, Installation, bare_environment, event, events
from tests.e2e.mails import OUTLASTING, deliver_many, mail
from tests.servers.dovecot import Dovecot


def test_takes_what_was_received_in_the_window_whatever_the_watermark(
    install: Install, dovecot: Dovecot
) -> None:
    installation = install()
    user = installation.add_account("CRM", dovecot, START="new")
    for subject, month in (("January", 1), ("February", 2), ("March", 3)):
        dovecot.deliver(user, mail(subject), received_at=datetime(2020, month, 1, tzinfo=UTC))
    assert installation.run("run").returncode == 0
    assert installation.rows("SELECT count(*) FROM archive") == [(0,)]

    backfill = installation.run("backfill", "--since", "2020-02-01", "--until", "2020-03-01")

    assert backfill.returncode == 0
    assert event(backfill.stderr, "backfill.finished")["archived"] == 1
    assert installation.rows("SELECT uid, outcome FROM processed_uid ORDER BY uid") == [
        (1, "filtered"),
        (2, "archived"),
        (3, "filtered"),
    ]


@pytest.mark.parametrize(
    ("since", "until", "subjects"),
    [
        ("2026-03-01", None, ["At midnight", "In the evening", "Next day"]),
        ("2026-03-01", "2026-03-02", ["At midnight", "In the evening"]),
        ("2026-03-01T12:00", "2026-03-02", ["In the evening"]),
        ("2026-03-02T01:00+01:00", "2026-03-03", ["Next day"]),
    ],
)
def test_since_is_inclusive_and_until_exclusive_in_utc(
    installation: Installation, dovecot: Dovecot, since: str, until: str | None, subjects: list[str]
) -> None:
    for subject, day, hour in (("At midnight", 1, 0), ("In the evening", 1, 22), ("Next day", 2, 0)):
        received_at = datetime(2026, 3, day, hour, tzinfo=UTC)
        dovecot.deliver(installation.user, mail(subject), received_at=received_at)
    arguments = ["--since", since] + (["--until", until] if until else [])
    assert installation.run("backfill", *arguments).returncode == 0
    assert installation.rows("SELECT subject FROM archive ORDER BY subject") == [
        (each,) for each in sorted(subjects)
    ]


def test_skips_what_the_ledger_has_and_leaves_the_rest_to_run(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, mail("Old"), received_at=datetime(2020, 1, 1, tzinfo=UTC))
    dovecot.deliver(installation.user, mail("Recent"), received_at=datetime(2026, 1, 1, tzinfo=UTC))

    first = installation.run("backfill", "--since", "2026-01-01")
    again = installation.run("backfill", "--since", "2026-01-01")
    run = installation.run("run")

    assert [event(each.stderr, "backfill.finished")["archived"] for each in (first, again)] == [1, 0]
    assert event(run.stderr, "run.finished")["archived"] == 1
    assert installation.rows("SELECT uid, outcome FROM processed_uid ORDER BY uid") == [
        (1, "archived"),
        (2, "archived"),
    ]


def test_a_dry_run_lists_the_window_and_writes_nothing(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail("Old"), received_at=datetime(2020, 1, 1, tzinfo=UTC))
    dovecot.deliver(installation.user, mail("Recent"), received_at=datetime(2026, 1, 1, tzinfo=UTC))
    dry = installation.run("backfill", "--since", "2026-01-01", "--dry-run", "--json")
    assert [each["subject"] for each in events(dry.stdout)] == ["Recent"]


def test_gives_way_to_a_run(installation: Installation, dovecot: Dovecot) -> None:
    deliver_many(dovecot, installation.user, OUTLASTING)
    installation.run("db", "upgrade")
    backfill = installation.start("backfill", "--since", "2020-01-01")
    with backfill.held_at("message.archived"):
        run = installation.start("run")
        run.wait_for("run.started")
    by_run = event(run.finish().stderr, "run.finished")["archived"]
    by_backfill = event(backfill.finish().stderr, "backfill.finished")["archived"]

    assert by_run > 0, "the run waited for a portion to end, not for the backfill"
    assert by_run + by_backfill == OUTLASTING
    assert installation.rows("SELECT count(*), count(DISTINCT archive_id) FROM processed_uid") == [
        (OUTLASTING, OUTLASTING)
    ]


def test_two_backfills_of_one_account_do_not_run_together(
    installation: Installation, dovecot: Dovecot
) -> None:
    deliver_many(dovecot, installation.user)
    first = installation.start("backfill", "--since", "2020-01-01")
    with first.held_at("mailbox.selected"):
        second = installation.run("backfill", "--since", "2020-01-01")
    assert first.finish().returncode == 0
    assert second.returncode == 75
    assert event(second.stderr, "backfill.skipped")["account"] == "crm"


def test_shows_a_bar_on_a_terminal(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail())
    installation.write_settings()
    screen, stderr = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, "backfill", "--since", "2020-01-01"],
        cwd=installation.folder,
        env={**bare_environment(), "TERM": "xterm", "COLUMNS": "100"},
        stderr=stderr,
    ) as process:
        os.close(stderr)
        shown = b""
        while True:
            try:
                read = os.read(screen, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not read:
                break
            shown += read
        assert process.wait() == 0
    os.close(screen)
    text = shown.decode()
    assert "━" in text
    assert "1/1" in text
    assert "1 archived" in text
    assert "message.archived" not in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Missing option '--since'"),
        (["--since", "yesterday"], "'yesterday' is no date such as 2026-01-31"),
        (["--since", "2026-02-01", "--until", "2026-02-01"], "must be later than --since"),
    ],
)
def test_dates_that_make_no_sense_are_a_matter_of_usage(
    installation: Installation, arguments: list[str], complaint: str
) -> None:
    run = installation.run("backfill", *arguments)
    assert run.returncode == 64
    assert complaint in run.stderr
