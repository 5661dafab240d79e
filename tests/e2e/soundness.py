"""What must be true of an archive whatever has happened to it, and how its blobs grow old."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.installation import TIMEOUT_S, Installation, events

TWO_DAYS = timedelta(days=2)


def assert_each_once(installation: Installation, messages: int) -> None:
    """Every message of the only mailbox is archived, in one record, and all that is named is stored."""
    assert installation.rows(
        "SELECT outcome, count(*), count(DISTINCT archive_id) FROM processed_uid GROUP BY outcome"
    ) == [("archived", messages, messages)]
    assert installation.rows("SELECT count(*) FROM archive") == [(messages,)]
    assert_every_blob_is_there(installation)


def assert_nothing_half_done(installation: Installation) -> None:
    """What is recorded is whole: no row without the others of its message, and nothing half-written."""
    assert installation.rows(
        """SELECT count(*) FROM archive WHERE id NOT IN
           (SELECT archive_id FROM processed_uid WHERE archive_id IS NOT NULL)"""
    ) == [(0,)]
    assert installation.rows(
        "SELECT count(*) FROM archive WHERE id NOT IN (SELECT archive_id FROM archive_address)"
    ) == [(0,)]
    assert_every_blob_is_there(installation)


def assert_every_blob_is_there(installation: Installation) -> None:
    """All that a row names is stored, and all that is stored is what its name says."""
    blobs = installation.blobs()
    assert [name for name, content in blobs.items() if hashlib.sha256(content).hexdigest() != name] == []
    assert named_blobs(installation) - blobs.keys() == set()


def named_blobs(installation: Installation) -> set[str]:
    """The hashes that a row names."""
    names = installation.rows(
        """SELECT source_sha256 FROM archive UNION SELECT attachments_sha256 FROM archive
           UNION SELECT source_sha256 FROM processed_uid UNION SELECT attachments_sha256 FROM processed_uid"""
    )
    return {name for (name,) in names if name}


def all_rows(installation: Installation) -> dict[str, list[Any]]:
    """Every table that a run writes, less when a mailbox was last looked at."""
    tables = ("archive", "archive_address", "archive_contact", "attachment", "processed_uid")
    rows: dict[str, list[Any]] = {
        table: sorted(map(repr, installation.rows(f"SELECT * FROM {table}"))) for table in tables
    }
    return {**rows, "mailbox_epoch": installation.rows("SELECT id, uidvalidity, last_uid FROM mailbox_epoch")}


def grow_old(installation: Installation, sha256s: Iterable[str] | None = None) -> None:
    """Let blobs have been stored two days ago; None for all of them."""
    long_ago = time.time() - TWO_DAYS.total_seconds()
    for sha256 in installation.blobs() if sha256s is None else sha256s:
        os.utime(installation.blob_path(sha256), (long_ago, long_ago))


def told(log: str) -> dict[str, Any]:
    """The one line of a log about what is wrong."""
    (line,) = [each for each in events(log) if each["level"] == "error"]
    assert len(line["what"].splitlines()) == 1
    return line


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when it is so."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.01)


def unprivileged() -> list[str]:
    """What starts the program without root's right to read and write everything.

    It stays root by name, and so has files of its own: whose rights count then, as anybody's do.
    """
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root may do everything, and there is no setpriv to change that")
    return [setpriv, "--inh-caps=-all", "--bounding-set=-all", "--"]
