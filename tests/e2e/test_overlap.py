"""Runs at the same time, on one machine and on several: each message once, whatever becomes of the lease."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.e2e.installation import Installation, event, events
from tests.e2e.mails import MANY, OUTLASTING, deliver_many, mail
from tests.servers.dovecot import Dovecot
from tests.servers.pgbouncer import PgBouncer

AT_ONCE = 10
SECONDS = 10.0
"""Within which a run has archived one new message, on a slow machine too."""


@pytest.fixture(params=["postgres_url", "pgbouncer_url"], ids=["postgresql", "pgbouncer"])
def machines(
    request: pytest.FixtureRequest, tmp_path: Path, dovecot: Dovecot
) -> tuple[Installation, Installation]:
    """Two machines with one account and one database, and a folder of blobs each."""
    url: str = request.getfixturevalue(request.param)
    first = Installation(tmp_path / "first", {"DATABASE_URL": url})
    first.add_account("CRM", dovecot)
    second = Installation(tmp_path / "second", first.settings)
    assert first.run("db", "upgrade").returncode == 0
    return first, second


def test_ten_runs_at_once_archive_each_message_once(installation: Installation, dovecot: Dovecot) -> None:
    deliver_many(dovecot, installation.user)
    one_did_all_the_work([installation] * AT_ONCE)
    each_message_once(installation)


@pytest.mark.parametrize("blobs", ["a folder each", "one folder"])
def test_ten_runs_at_once_on_two_machines_archive_each_message_once(
    machines: tuple[Installation, Installation], dovecot: Dovecot, tmp_path: Path, blobs: str
) -> None:
    first, second = machines
    if blobs == "one folder":
        for machine in machines:
            machine.settings["STORAGE_URL"] = f"file:{tmp_path / 'shared'}"
    deliver_many(dovecot, first.user)
    one_did_all_the_work([first, second] * (AT_ONCE // 2))
    each_message_once(first)
    stored = [path for path in tmp_path.rglob("*.zst") if path.is_file()]
    assert len(stored) == MANY


def test_a_run_asks_again_for_a_busy_account_after_the_others(
    machines: tuple[Installation, Installation], dovecot: Dovecot
) -> None:
    first, second = machines
    dovecot.deliver(first.user, mail("Offer"))
    dovecot.deliver(first.add_account("SALES", dovecot), mail("Order"))
    second.settings.update(first.settings)
    one = first.start("run")
    with one.held_at("mailbox.selected"):
        other = second.start("run")
        other.wait_for("message.archived")
        with other.held_at("message.archived"):
            one.process.send_signal(signal.SIGCONT)
            ended = one.finish()
    other_ended = other.finish()

    assert [archived(end) for end in (ended, other_ended)] == [1, 1]
    assert [end.returncode for end in (ended, other_ended)] == [75, 0]  # sales was held when the first asked
    assert event(other_ended.stderr, "message.archived")["account"] == "sales"


@pytest.mark.parametrize("disposition", ["keep", "move:Archived", "delete"])
def test_each_message_is_archived_once_even_if_the_lease_breaks(
    installation: Installation, dovecot: Dovecot, disposition: str
) -> None:
    user = installation.user
    installation.settings["ACCOUNTS__CRM__DISPOSITION"] = disposition
    deliver_many(dovecot, user)
    installation.run("db", "upgrade")
    first = installation.start("run")
    with first.held_at("mailbox.selected"):
        break_leases(installation)
        second = installation.start("run")
        second.wait_for("mailbox.selected")
    ends = [first.finish(), second.finish()]

    assert [end.returncode for end in ends] == [0, 0]
    assert sum(archived(end) for end in ends) == MANY
    each_message_once(installation)
    assert len(dovecot.uids(user)) == (MANY if disposition == "keep" else 0)
    if disposition == "move:Archived":
        # At least: Dovecot makes two of a message that two sessions move at the same moment.
        assert len(dovecot.uids(user, "Archived")) >= MANY


def test_a_run_that_is_stopped_keeps_its_account_and_one_that_is_killed_does_not(
    installation: Installation, dovecot: Dovecot
) -> None:
    deliver_many(dovecot, installation.user, OUTLASTING)
    is_sqlite = installation.settings["DATABASE_URL"].startswith("sqlite")
    first, code = installation.start("run"), None
    while code is None or (is_sqlite and code == 69):  # SQLite: stopped in a transaction, which all wait for
        with first.held_at("message.archived"):
            code = installation.run("run").returncode
            if code == 75:
                first.process.kill()
    first.finish()
    assert code == 75
    second = installation.run("run")
    assert second.returncode == 0
    assert archived(second) > 0
    each_message_once(installation, OUTLASTING)


def test_a_backfill_of_days_does_not_keep_a_run_from_the_new_mail(
    installation: Installation, dovecot: Dovecot
) -> None:
    user = installation.user
    installation.settings["ACCOUNTS__CRM__START"] = "new"
    deliver_many(dovecot, user, OUTLASTING)
    installation.run("run")  # leaves out what is there
    backfill = installation.start("backfill", "--since", "2020-01-01")
    with backfill.held_at("message.archived"):  # in the first of several portions
        dovecot.deliver(user, mail("New"))
        run = installation.start("run")
        run.wait_for("run.started")
    started = time.monotonic()
    ended = run.finish()
    took_s = time.monotonic() - started
    rest = backfill.finish()

    assert (ended.returncode, archived(ended)) == (0, 1)
    assert took_s < SECONDS
    assert rest.returncode == 0
    assert (
        event(ended.stderr, "run.finished")["timestamp"]
        < event(rest.stderr, "backfill.finished")["timestamp"]
    )


def test_a_backfill_of_one_account_does_not_keep_the_others_waiting(
    installation: Installation, dovecot: Dovecot
) -> None:
    deliver_many(dovecot, installation.user, OUTLASTING)
    dovecot.deliver(installation.add_account("SALES", dovecot), mail("Order"))
    installation.run("db", "upgrade")
    backfill = installation.start("backfill", "--account", "crm", "--since", "2020-01-01")
    with backfill.held_at("message.archived"):
        run = installation.start("run")
        run.wait_for('"event": "message.archived", "account": "sales"')
    ended, rest = run.finish(), backfill.finish()

    assert [ended.returncode, rest.returncode] == [0, 0]


def test_a_backfill_on_one_machine_gives_way_to_a_run_on_another(
    machines: tuple[Installation, Installation], dovecot: Dovecot
) -> None:
    first, second = machines
    deliver_many(dovecot, first.user, OUTLASTING)
    backfill = first.start("backfill", "--since", "2020-01-01")
    with backfill.held_at("message.archived"):
        run = second.start("run")
        run.wait_for("run.started")
    by_run, rest = archived(run.finish()), backfill.finish()

    assert 0 < by_run < OUTLASTING
    assert event(rest.stderr, "backfill.finished")["archived"] == OUTLASTING - by_run
    each_message_once(first, OUTLASTING)


def test_a_run_and_an_upgrade_need_two_connections_of_a_pooler_at_a_time(
    small_pgbouncer: PgBouncer, postgres_url: str, tmp_path: Path, dovecot: Dovecot
) -> None:
    settings = {"DATABASE_URL": small_pgbouncer.before(postgres_url)}
    installation = Installation(tmp_path / "mail-archiver", settings)
    deliver_many(dovecot, installation.add_account("CRM", dovecot))
    assert installation.run("db", "upgrade").returncode == 0
    one_did_all_the_work([installation] * AT_ONCE)
    each_message_once(installation)


def test_a_backfill_does_not_wait_for_ever_for_a_run(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail())
    run = installation.start("run")
    with run.held_at("mailbox.selected"):
        impatient = (
            "from mail_archiver.store import lease; lease.TURN_WAIT_S = 0.5\n"
            "from mail_archiver.cli import main; main()"
        )
        backfill = subprocess.run(
            [sys.executable, "-c", impatient, "backfill", "--since", "2020-01-01"],
            cwd=installation.folder,
            env=installation.environment,
            capture_output=True,
            text=True,
        )
    assert backfill.returncode == 75
    assert event(backfill.stderr, "backfill.skipped")["account"] == "crm"
    assert run.finish().returncode == 0


def one_did_all_the_work(installations: Sequence[Installation]) -> None:
    """Run them all at once: one archives all there is, the others nothing, and say so."""
    ends = [running.finish() for running in [each.start("run") for each in installations]]
    assert sorted(archived(end) for end in ends) == [0] * (len(ends) - 1) + [MANY]
    for end in ends:
        skipped = [each["account"] for each in events(end.stderr) if each["event"] == "run.skipped"]
        assert (end.returncode, skipped) in [(0, []), (75, ["crm"])]
        assert all(each["level"] in ("info", "warning") for each in events(end.stderr))


def archived(run: subprocess.CompletedProcess[str]) -> int:
    """How many messages it archived; its log is JSON and has no traceback in it."""
    count: int = event(run.stderr, "run.finished")["archived"]
    return count


def each_message_once(installation: Installation, messages: int = MANY) -> None:
    query = "SELECT count(*), count(DISTINCT message_id) FROM archive"
    assert installation.rows(query) == [(messages, messages)]
    ledger = "SELECT count(*), count(DISTINCT archive_id), min(outcome), max(outcome) FROM processed_uid"
    assert installation.rows(ledger) == [(messages, messages, "archived", "archived")]


def break_leases(installation: Installation) -> None:
    """Free what a run holds, without its knowledge."""
    database = installation.settings["DATABASE_URL"]
    if database.startswith("sqlite"):
        shutil.rmtree(f"{database.removeprefix('sqlite:///')}-locks")
        return
    holders = """FROM pg_locks WHERE locktype = 'advisory' AND granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    assert installation.rows(f"SELECT pg_terminate_backend(pid, 10000) {holders}")
    assert installation.rows(f"SELECT count(*) {holders}") == [(0,)]
