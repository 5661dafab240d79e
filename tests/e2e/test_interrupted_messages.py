"""Messages over which connections are lost: each connection brings some, the hopeless one is set aside."""

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.installation import Installation, event, events
from tests.e2e.mails import deliver, mail
from tests.servers.dovecot import Dovecot
from tests.servers.proxy import Failure, Proxy

pytestmark = pytest.mark.parametrize("database_url", ["sqlite_url"], indirect=True)

TIME_HAS_COME = "UPDATE processed_uid SET next_attempt_at = '2020-01-01 00:00:00+00:00'"
LOST = "the connection is lost whenever it is asked for"


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("octets", [4_000, 7_000])
def test_connections_that_are_all_cut_bring_it_to_an_end_together(
    behind: Installation, dovecot: Dovecot, between: Proxy, octets: int
) -> None:
    subjects = [f"Message {number:02}" for number in range(12)]
    with dovecot.connect(behind.user) as client:
        for subject in subjects:
            client.append("INBOX", mail(subject, text="As agreed.\r\n" * 100))
    between.fail_after(octets, Failure.CUT)

    run = behind.run_here("run")

    assert run.returncode == 0, run.stderr
    assert len(between.connections) > 5
    assert behind.rows("SELECT subject FROM archive ORDER BY subject") == [(each,) for each in subjects]
    assert behind.rows("SELECT DISTINCT outcome FROM processed_uid") == [("archived",)]


@pytest.mark.usefixtures("no_pauses")
def test_a_large_message_is_continued_where_it_was_cut(
    behind: Installation, dovecot: Dovecot, between: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mail_archiver.archiving.fetching.LARGE_OCTETS", 20_000)
    monkeypatch.setattr("mail_archiver.imap.session.PIECE_OCTETS", 5_000)
    large = mail("Large", attachments={"plan.pdf": random.Random(1).randbytes(60_000)})
    deliver(dovecot, behind.user, "Before")
    dovecot.deliver(behind.user, large)
    deliver(dovecot, behind.user, "After")
    between.fail_after(20_000, Failure.CUT)

    run = behind.run_here("run")

    assert run.returncode == 0, run.stderr
    assert 5 <= len(between.connections) < 12
    offsets = [int(offset) for offset in re.findall(rb"FETCH 2 \(BODY.PEEK\[\]<(\d+)", between.sent)]
    assert offsets == sorted(offsets), "nothing that was there is fetched again"
    pauses_s = [each["pause_s"] for each in events(run.stderr) if each["event"] == "account.interrupted"]
    assert set(pauses_s) == {0.001}, "each piece is progress"
    assert behind.rows("SELECT subject FROM archive ORDER BY subject") == [
        ("After",),
        ("Before",),
        ("Large",),
    ]
    assert large in behind.blobs().values()


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("failure", [Failure.CUT, Failure.STALL, Failure.BYE])
@pytest.mark.parametrize("asked", [b"RFC822.SIZE", b"BODY.PEEK[]"], ids=["its size", "its body"])
def test_a_message_that_never_comes_through_is_set_aside(
    behind: Installation, dovecot: Dovecot, between: Proxy, asked: bytes, failure: Failure
) -> None:
    behind.settings["ACCOUNTS__CRM__TIMEOUT_S"] = "0.5" if failure is Failure.STALL else "60"
    subjects = ["One", "Two", "Three", "Four"]
    deliver(dovecot, behind.user, *subjects)
    between.fail_at(fetch_of(b"2", asked), failure, after_octets=10)

    run = behind.run_here("run")

    assert run.returncode == 75, run.stderr
    quarantined = event(run.stderr, "message.quarantined")
    assert (quarantined["uid"], quarantined["reason"]) == (2, LOST)
    assert behind.rows("SELECT uid FROM processed_uid WHERE outcome = 'archived' ORDER BY uid") == [
        (1,), (3,), (4,),
    ]  # fmt: skip
    assert behind.rows(
        "SELECT reason, attempts FROM processed_uid WHERE uid = 2 AND next_attempt_at IS NOT NULL"
    ) == [(LOST, 1)]

    between.heal()
    assert behind.run_here("run").returncode == 0, "not tried again before its time"
    behind.execute(TIME_HAS_COME)
    assert behind.run_here("run").returncode == 0
    assert behind.rows("SELECT DISTINCT outcome FROM processed_uid") == [("archived",)]
    assert {subject for (subject,) in behind.rows("SELECT subject FROM archive")} == set(subjects)


@pytest.mark.usefixtures("no_pauses")
def test_several_messages_that_never_come_through_are_set_aside(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    deliver(dovecot, behind.user, *map(str, range(1, 9)))

    between.fail_at(fetch_of(b"2|3|8", b"BODY"), Failure.CUT)

    run = behind.run_here("run")

    assert run.returncode == 75, run.stderr
    assert behind.rows("SELECT uid FROM processed_uid WHERE outcome = 'quarantined' ORDER BY uid") == [
        (2,), (3,), (8,),
    ]  # fmt: skip
    assert behind.rows("SELECT count(*) FROM archive") == [(5,)]


@pytest.mark.usefixtures("no_pauses")
def test_no_more_than_a_few_messages_are_blamed_for_a_server_that_hands_out_none(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    behind.settings["PATIENCE_S"] = "1"
    deliver(dovecot, behind.user, *map(str, range(1, 9)))
    between.fail_at(b"BODY.PEEK[]", Failure.CUT)

    run = behind.run_here("run")

    assert run.returncode == 69, run.stderr
    assert run.stderr.count("message.quarantined") <= 3
    between.heal()
    behind.execute(TIME_HAS_COME)
    assert behind.run_here("run").returncode == 0
    assert behind.rows("SELECT count(*) FROM archive") == [(8,)]


def fetch_of(uids: bytes, item: bytes) -> re.Pattern[bytes]:
    """A FETCH that asks for this of some messages, one of these UIDs among them."""
    return re.compile(rb" FETCH (?:\d+,)*(?:%b)(?:,\d+)* \(%b" % (uids, re.escape(item)))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells its peak of memory on Linux alone")
def test_a_message_of_a_hundred_megabytes_takes_no_more_memory_than_one_of_twenty(
    installation: Installation, dovecot: Dovecot
) -> None:
    program = (
        "import atexit, pathlib\n"
        "atexit.register(lambda: print(pathlib.Path('/proc/self/status').read_text()))\n"
        "from mail_archiver.cli import main\nmain()\n"
    )
    installation.write_settings()
    peaks_kib = []
    for megabytes in (20, 100):
        large = b"Subject: Large\r\n\r\n" + b"%070d\r\n" % megabytes * (megabytes * 1_000_000 // 72)
        dovecot.deliver(installation.user, large)
        run = subprocess.run(
            [sys.executable, "-c", program, "run"],
            cwd=installation.folder,
            env=installation.environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        assert large in installation.blobs().values()
        peaks_kib.append(int(re.findall(r"VmHWM:\s+(\d+) kB", run.stdout)[0]))
    assert peaks_kib[1] < peaks_kib[0] + 16 * 1024
