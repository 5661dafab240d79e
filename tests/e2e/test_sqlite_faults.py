"""An SQLite file fails in every way it has: nothing is lost, doubled or half-done, and a person is told."""

import random
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation
from tests.e2e.mails import deliver_many, mail
from tests.e2e.soundness import assert_each_once, assert_nothing_half_done, told, unprivileged
from tests.servers.disk import small_disk_or_skip
from tests.servers.dovecot import Dovecot

SOME = 120
"""Messages enough for two batches."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """PostgreSQL's faults are others: see test_database_faults.py."""
    return sqlite_url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The database's file."""
    return tmp_path / "crm.db"


def test_a_file_that_another_process_has_locked_is_waited_for(
    installation: Installation, dovecot: Dovecot, file: Path
) -> None:
    installation.run("db", "upgrade")
    dovecot.deliver(installation.user, mail())
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        running = installation.start("run")
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(2)
        other.execute("COMMIT")
    run = running.finish()

    assert run.returncode == 0
    assert_each_once(installation, 1)


def test_a_file_that_may_only_be_read_is_told_at_once(
    installation: Installation, dovecot: Dovecot, file: Path
) -> None:
    dovecot.deliver(installation.user, mail("First"))
    assert installation.run("run").returncode == 0
    dovecot.deliver(installation.user, mail("Second"))
    installation.started_by = unprivileged()
    file.chmod(0o400)

    run = installation.run("run")
    audit = installation.run("audit")

    assert run.returncode == 69
    assert "-wal" in told(run.stderr)["hint"]
    assert audit.returncode == 65, "an audit writes nothing"
    for each in file.parent.glob(f"{file.name}*"):  # SQLite gives those beside it the rights of the file
        each.chmod(0o700 if each.is_dir() else 0o600)
    assert installation.run("run").returncode == 0
    assert_each_once(installation, 2)


def test_a_damaged_file_is_told_at_once(installation: Installation, dovecot: Dovecot, file: Path) -> None:
    deliver_many(dovecot, installation.user, 5)
    installation.run("run")
    dovecot.deliver(installation.user, mail("Another"))
    with file.open("r+b") as damaged:
        damaged.seek(4096)
        damaged.write(random.Random(1).randbytes(file.stat().st_size - 4096))

    run = installation.run("run")

    assert run.returncode == 69
    assert told(run.stderr)["what"] == "database disk image is malformed"
    assert "Check the file" in told(run.stderr)["hint"]


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "removed"])
def test_a_file_that_another_takes_the_place_of_while_a_run_works_ends_it(
    install: Install, dovecot: Dovecot, file: Path, replaced: bool
) -> None:
    """SQLite itself would go on writing into the one that nobody sees any more, and mail would be deleted."""
    installation = install()
    installation.run("db", "upgrade")
    shutil.copy(file, file.with_name("backup"))
    user = installation.add_account("CRM", dovecot, DISPOSITION="delete")
    deliver_many(dovecot, user, SOME)
    running = installation.start("run")
    with running.held_at("message.archived"):
        for each in (file, file.with_name("crm.db-wal"), file.with_name("crm.db-shm")):
            each.unlink()
        if replaced:
            file.with_name("backup").rename(file)
    run = running.finish()

    assert run.returncode == 69
    assert "moved or replaced" in told(run.stderr)["what"]
    assert len(dovecot.uids(user)) == SOME
    assert installation.run("run").returncode == 0
    assert_each_once(installation, SOME)
    assert dovecot.uids(user) == []


def test_a_disk_that_is_full_is_told_at_once(install: Install, dovecot: Dovecot, tmp_path: Path) -> None:
    with small_disk_or_skip(tmp_path / "disk", 2 * 1024 * 1024) as disk:
        installation = install(DATABASE_URL=f"sqlite:///{disk.folder}/crm.db")
        user = installation.add_account("CRM", dovecot)
        for number in range(SOME):
            text = random.Random(number).randbytes(20_000).hex()
            dovecot.deliver(user, mail(f"Message {number}", text=text))

        run = installation.run("run")
        assert_nothing_half_done(installation)
        recorded = installation.rows("SELECT count(*) FROM archive")
        disk.enlarge(64 * 1024 * 1024)
        later = installation.run("run")

        assert run.returncode == 69
        assert told(run.stderr)["hint"] == "Its disk is full: make room there."
        assert recorded < [(SOME,)]
        assert later.returncode == 0
        assert_each_once(installation, SOME)
