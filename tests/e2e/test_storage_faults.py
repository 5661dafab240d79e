"""The storage fails in every way that it has: nothing is lost, doubled or half-done, and a person is told."""

import random
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event
from tests.e2e.mails import mail
from tests.e2e.soundness import (
    assert_each_once,
    assert_nothing_half_done,
    grow_old,
    told,
    unprivileged,
    wait_until,
)
from tests.servers.disk import small_disk_or_skip
from tests.servers.dovecot import Dovecot
from tests.servers.s3 import S3
from tests.servers.s3_front import S3Front

from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.compression import Compressor
from mail_archiver.octets import InMemory, sha256_of

SOME = 120
"""Messages enough for two batches."""

OFFER = mail(attachments={"a.pdf": b"%PDF-1.4"})

both_databases = pytest.mark.parametrize(
    "database_url", ["sqlite_url", "postgres_url"], indirect=True, ids=["sqlite", "postgresql"]
)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, but for tests of what each database does in its own way."""
    url: str = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    return url


@pytest.fixture
def front(s3: S3) -> Iterator[S3Front]:
    """An S3 that fails when it is told to."""
    front = S3Front(s3)
    yield front
    front.stop()


@pytest.fixture
def on_s3(install: Install, dovecot: Dovecot, s3: S3, front: S3Front) -> Installation:
    """An installation that stores into it, and one message to archive."""
    installation = install(STORAGE_URL=f"s3://{s3.new_bucket()}/archive")
    installation.environment |= front.environment
    dovecot.deliver(installation.add_account("CRM", dovecot), OFFER)
    return installation


def outcomes(installation: Installation) -> list[tuple[str]]:
    return installation.rows("SELECT outcome FROM processed_uid")


@both_databases
def test_a_disk_that_is_full_is_told_at_once(installation: Installation, dovecot: Dovecot) -> None:
    for number in range(SOME):
        text = random.Random(number).randbytes(20_000).hex()  # compressed, half of it is left
        dovecot.deliver(installation.user, mail(f"Message {number}", text=text))
    with small_disk_or_skip(installation.folder / "blobs", 1024 * 1024) as disk:
        run = installation.run("run")
        assert_nothing_half_done(installation)
        at_first = installation.rows("SELECT count(*) FROM archive")
        disk.enlarge(64 * 1024 * 1024)
        later = installation.run("run")

        assert run.returncode == 73
        assert told(run.stderr)["what"] == "No space left on device"
        assert told(run.stderr)["where"] == "storage file:blobs"
        assert "the disk has room" in told(run.stderr)["hint"]
        assert at_first < [(SOME,)]
        assert later.returncode == 0
        assert_each_once(installation, SOME)


def test_a_folder_that_may_not_be_written_is_told_at_once(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, OFFER)
    folder = installation.folder / "blobs"
    folder.mkdir(mode=0o500)
    installation.started_by = unprivileged()

    run = installation.run("run")

    assert run.returncode == 73
    assert told(run.stderr)["what"] == "Permission denied"
    assert "may write" in told(run.stderr)["hint"]
    assert outcomes(installation) == []
    folder.chmod(0o700)
    assert installation.run("run").returncode == 0
    assert_each_once(installation, 1)


def test_a_file_where_a_folder_should_be_is_told_at_once(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, OFFER)
    in_the_way = installation.blob_path(sha256_of(InMemory(OFFER))).parent.parent
    in_the_way.parent.mkdir()
    in_the_way.write_text("in the way")

    run = installation.run("run")

    assert run.returncode == 73
    assert told(run.stderr)["what"] == "a file stands where a folder should be"
    assert outcomes(installation) == []
    in_the_way.unlink()
    assert installation.run("run").returncode == 0
    assert_each_once(installation, 1)


@pytest.mark.parametrize("there", ["whole", "of other content", "cut short", "unreadable"])
def test_a_blob_that_is_already_there_is_whole_afterwards(
    installation: Installation, dovecot: Dovecot, there: str
) -> None:
    path = FolderBlobs(installation.folder / "blobs").path(sha256_of(InMemory(OFFER)), compressed=True)
    path.parent.mkdir(parents=True)
    other, whole = (b"".join(Compressor().compress([content])) for content in (bytes(len(OFFER)), OFFER))
    path.write_bytes({"of other content": other, "cut short": whole[:-1]}.get(there, whole))
    if there == "unreadable":
        path.chmod(0)
        installation.started_by = unprivileged()
    dovecot.deliver(installation.user, OFFER)

    assert installation.run("run").returncode == 0

    assert path.read_bytes() == whole
    assert_each_once(installation, 1)


def test_a_blob_that_is_damaged_is_whole_when_its_message_comes_again(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, OFFER)
    installation.run("run")
    whole = installation.blobs()
    for sha256, content in whole.items():
        installation.blob_path(sha256).write_bytes(bytes(len(content)))
    dovecot.deliver(installation.user, OFFER)

    assert installation.run("run").returncode == 0

    assert outcomes(installation) == [("archived",), ("duplicate",)]
    assert installation.blobs() == whole


def test_what_a_killed_run_has_left_half_written_is_in_nobodys_way(
    installation: Installation, dovecot: Dovecot
) -> None:
    sha256 = sha256_of(InMemory(OFFER))
    leftover = installation.blob_path(sha256).with_name(f".{sha256}.x_1.tmp")
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(OFFER[:10])
    dovecot.deliver(installation.user, OFFER)

    assert installation.run("run").returncode == 0

    assert leftover.read_bytes() == OFFER[:10]
    leftover.unlink()
    assert_each_once(installation, 1)


@pytest.mark.parametrize(
    ("status", "what"),
    [
        (403, "the object storage answers 403 Forbidden"),
        (503, "the object storage answers 503 Service Unavailable"),
        (404, "there is no such blob, or no such bucket"),
    ],
    ids=["credentials refused", "overloaded", "no bucket"],
)
def test_object_storage_that_fails_is_told(
    on_s3: Installation, front: S3Front, status: int, what: str
) -> None:
    front.status = status
    run = on_s3.run("run")
    refused = outcomes(on_s3)
    audit = on_s3.run("audit")
    front.status = None

    assert run.returncode == 73
    assert told(run.stderr)["what"] == what
    assert "AWS_ENDPOINT_URL" in told(run.stderr)["hint"]
    assert refused == []
    assert audit.returncode == 73
    assert f"the object storage answers {status}" in audit.stdout
    assert on_s3.run("run").returncode == 0
    assert outcomes(on_s3) == [("archived",)]
    assert on_s3.run("audit").returncode == 0


def test_object_storage_that_fails_for_a_while_is_asked_again(on_s3: Installation, front: S3Front) -> None:
    front.status, front.answers_left = 503, 3
    run = on_s3.run("run")

    assert run.returncode == 0
    assert front.refused == 3
    assert outcomes(on_s3) == [("archived",)]


def test_object_storage_that_is_slow_is_waited_for(on_s3: Installation, front: S3Front) -> None:
    front.goes_on.clear()
    running = on_s3.start("run")
    running.wait_for("mailbox.selected")
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(2)
    front.goes_on.set()

    assert running.finish().returncode == 0
    assert outcomes(on_s3) == [("archived",)]


@both_databases
def test_an_orphan_that_a_run_is_about_to_name_is_not_removed(
    installation: Installation, dovecot: Dovecot
) -> None:
    """The run stands between the blob and the commit; to the clean-up, the blob is two days old."""
    installation.run("db", "upgrade")
    offer = mail()
    sha256 = sha256_of(InMemory(offer))
    orphan = installation.blob_path(sha256)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(offer)
    grow_old(installation)
    long_ago = orphan.stat().st_mtime
    dovecot.deliver(installation.user, offer)
    is_sqlite = installation.settings["DATABASE_URL"].startswith("sqlite")

    running = installation.start("run")
    with ExitStack() as held:
        with running.held_at("mailbox.selected"):
            other = held.enter_context(closing(installation.connect()))
            other.exec_driver_sql("BEGIN EXCLUSIVE" if is_sqlite else "LOCK TABLE archive IN SHARE MODE")
        wait_until(lambda: orphan.stat().st_mtime > long_ago)
        grow_old(installation)
        audit = installation.start("audit", "--fix")
        audit.wait_for("audit.finished")  # its first part, which finds the account busy
        with pytest.raises(subprocess.TimeoutExpired):
            audit.process.wait(2)
        assert orphan.exists()
    run, fixed = running.finish(), audit.finish()

    assert run.returncode == 0
    assert event(run.stderr, "run.finished")["archived"] == 1
    assert fixed.returncode == 65, "to it, the message is still missing"
    assert "removed" not in fixed.stdout
    assert orphan.exists()
    assert_each_once(installation, 1)
