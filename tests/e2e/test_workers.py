"""A large mailbox, shared by several processes: each message once, whoever of them dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.installation import Installation, Running, event, events
from tests.e2e.mails import MANY, deliver_many
from tests.servers.dovecot import Dovecot

SHARING = """
import sys
from mail_archiver.archiving import opened
opened.SHARED_FROM, opened.PORTION = 10, 20

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    from mail_archiver.cli import main
    main()
"""
"""Starts the program so that it shares what it would do itself else."""

UNWILLING = """
from mail_archiver import workers
workers._serve = lambda *_: 1 / 0
"""

OPEN_OR_NOT = """
import sqlite3
from mail_archiver.config import Settings
from mail_archiver.workers import Workers
database = sqlite3.connect("crm.db")
database.execute("PRAGMA journal_mode=WAL")
for let_go in (bool, database.close):
    print(Workers(Settings(database_url="sqlite:///crm.db"), 2, let_go)._may_fork())
"""


@pytest.fixture
def sharing(installation: Installation, dovecot: Dovecot) -> Installation:
    """Many messages, small portions of which two workers and the main process get."""
    (installation.folder / "sharing.py").write_text(SHARING)
    installation.started_by = [sys.executable, "sharing.py"]
    installation.settings["WORKERS"] = "3"
    installation.run("db", "upgrade")
    installation.execute("INSERT INTO contact (last_name) VALUES ('Client')")
    installation.execute(
        "INSERT INTO contact_address (contact_id, address, normalized)"
        " SELECT id, 'client@client.example', 'client@client.example' FROM contact"
    )
    deliver_many(dovecot, installation.user)
    return installation


def by_worker(log: str) -> list[Any]:
    """Who archived the messages; None for the main process."""
    return [each.get("worker") for each in events(log) if each["event"] == "message.archived"]


def assert_each_once(installation: Installation) -> None:
    query = "SELECT count(*), count(DISTINCT message_id) FROM archive"
    assert installation.rows(query) == [(MANY, MANY)]
    assert installation.rows("SELECT count(*) FROM archive_contact") == [(MANY,)]
    assert installation.rows("SELECT count(DISTINCT uid) FROM processed_uid") == [(MANY,)]
    assert installation.rows("SELECT count(DISTINCT thread_id) FROM archive") == [(MANY,)]
    # Beside them may lie what a process that was killed has left half-written.
    assert len(list((installation.folder / "blobs").rglob("*.zst"))) == MANY


def first_worker(running: Running) -> int:
    running.wait_for('"worker"')
    return int(next(pid for pid in by_worker(running.so_far) if pid))


@pytest.mark.parametrize("command", [["run"], ["backfill", "--since", "2020-01-01"]], ids=["run", "backfill"])
def test_workers_archive_each_message_once(sharing: Installation, command: Sequence[str]) -> None:
    done = sharing.run(*command)
    assert done.returncode == 0
    assert event(done.stderr, f"{command[0]}.finished")["archived"] == MANY
    workers = by_worker(done.stderr)
    assert (len(workers), None in workers, len(set(workers))) == (MANY, True, 3)
    assert_each_once(sharing)
    if command == ["run"]:
        assert sharing.rows("SELECT last_uid FROM mailbox_epoch") == [(MANY,)]
    assert by_worker(sharing.run(*command).stderr) == []


def test_what_a_dead_worker_leaves_is_done_by_the_main_process(sharing: Installation) -> None:
    running = sharing.start("run")
    os.kill(first_worker(running), signal.SIGKILL)
    done = running.finish()
    assert done.returncode == 0
    assert_each_once(sharing)
    assert sharing.rows("SELECT last_uid FROM mailbox_epoch") == [(MANY,)]


def test_workers_that_cannot_log_in_leave_all_to_the_main_process(
    sharing: Installation, dovecot: Dovecot
) -> None:
    (sharing.folder / "sharing.py").write_text(UNWILLING + SHARING)
    done = sharing.run("run")
    assert done.returncode == 0
    assert set(by_worker(done.stderr)) == {None}
    stopped = [each for each in events(done.stderr) if each["event"] == "worker.stopped"]
    assert [each["error"] for each in stopped] == ["ZeroDivisionError"] * 2
    assert_each_once(sharing)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_the_main_process(sharing: Installation, number: signal.Signals) -> None:
    running = sharing.start("run")
    worker = first_worker(running)
    running.process.send_signal(number)
    running.finish()  # reads the log to its end: to that of the last process that writes it
    assert not is_alive(worker)
    assert sharing.run("run").returncode == 0
    assert_each_once(sharing)


@pytest.mark.skipif(sys.platform != "linux", reason="a process's connections are listed in /proc")
def test_workers_hold_no_connection_of_the_main_process(sharing: Installation) -> None:
    running = sharing.start("run")
    worker = first_worker(running)
    assert sockets(worker)
    assert not sockets(worker) & sockets(running.process.pid)
    assert running.finish().returncode == 0
    assert_each_once(sharing)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are started anew")
def test_workers_are_copies_of_the_main_process(sharing: Installation) -> None:
    running = sharing.start("run")
    worker = first_worker(running)
    assert command(worker) == command(running.process.pid)
    assert running.finish().returncode == 0
    assert_each_once(sharing)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are started anew")
def test_no_copy_is_made_of_an_open_sqlite_database(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", OPEN_OR_NOT], cwd=tmp_path, capture_output=True, text=True)
    assert ended.stdout.split() == ["False", "True"], ended.stderr


def command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def sockets(pid: int) -> set[str]:
    found = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed by now
            found.add(str(file.readlink()))
    return {each for each in found if each.startswith("socket:")}


def is_alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return state.strip() not in ("", "Z")
