"""Clean-ups of a storage that others are storing into: no blob that a row names is ever removed."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.store.messages import NOW, begin_epoch
from tests.integration.store.processes import run_together
from tests.servers.s3 import S3

from mail_archiver.archiving.auditing import audit_blobs, remove_orphans
from mail_archiver.archiving.work import Parts
from mail_archiver.blobs import open_blobs
from mail_archiver.domain.draft import Blob
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.mailbox_state import Epoch, MailboxKey
from mail_archiver.logs import open_log
from mail_archiver.octets import InMemory, sha256_of
from mail_archiver.store.ledger import Ledger
from mail_archiver.store.store import Store

STORM_S = 2.0
WRITERS = 3
BLOBS = 5


@pytest.fixture(params=["sqlite and a folder", "postgresql and a folder", "postgresql and s3"])
def places(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    """A database with our tables, and a storage."""
    database, storage = request.param.split(" and ")
    url: str = request.getfixturevalue(f"{database.replace('postgresql', 'postgres')}_url")
    store = Store(url)
    store.upgrade()
    store.close()
    if storage == "a folder":
        return url, f"file:{tmp_path / 'blobs'}"
    s3: S3 = request.getfixturevalue("s3")
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return url, f"s3://{s3.new_bucket()}/archive"


def test_orphans_that_writers_take_up_again_survive_a_storm_of_clean_ups(places: tuple[str, str]) -> None:
    roles = [(clean_up, *places)] + [(take_up_and_drop, *places, number) for number in range(WRITERS)]
    assert run_together(play, roles) == [0] * len(roles)


def play(role: Callable[..., None], *arguments: object) -> None:
    role(*arguments)


def clean_up(database: str, storage: str) -> None:
    """Remove orphans again and again, all of which look as if they were two days old."""
    store, blobs, until, removed = Store(database), open_blobs(storage), time.monotonic() + STORM_S, 0
    stored = blobs.stored
    blobs.stored = lambda: (  # type: ignore[method-assign]
        replace(each, stored_at=each.stored_at - timedelta(days=2)) for each in stored()
    )
    parts = Parts(lambda: store, blobs, lambda: datetime.now(UTC), open_log("error", io.StringIO()))
    while time.monotonic() < until or not removed:  # a machine at its limits may take longer
        removed += remove_orphans(parts, audit_blobs(parts))


def take_up_and_drop(database: str, storage: str, number: int) -> None:
    """Store blobs and name them, see that they are there, and name them no more."""
    store, blobs, until = Store(database), open_blobs(storage), time.monotonic() + STORM_S
    epoch = begin_epoch(store, MailboxKey(f"account {number}", "host", "user", "INBOX"))
    contents = [InMemory(f"{number}: {uid}".encode()) for uid in range(BLOBS)]
    ours = [Blob(sha256_of(content), content) for content in contents]
    rounds = 0
    while time.monotonic() < until:
        with store.transaction(lambda: blobs.put(ours)) as uow:
            name(uow.ledger, epoch, [blob.sha256 for blob in ours])
        for blob in ours:
            assert blobs.get(blob.sha256)
        with store.transaction() as uow:
            name(uow.ledger, epoch, ["another's"] * BLOBS)
        rounds += 1
    assert rounds > 1


def name(ledger: Ledger, epoch: Epoch, sha256s: Sequence[str]) -> None:
    """Let rows of the ledger name these instead of those that they named before."""
    for uid, sha256 in enumerate(sha256s, start=1):
        ledger.quarantine(epoch, MessageSummary(uid, 1, None), "a reason", NOW, source_sha256=sha256)
