"""`mail-archiver audit`: exit code 0 proves that nothing is missing; --fix gets back what can be had."""

import hashlib
import json
import os
import time
from typing import Any

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation
from tests.e2e.mails import deliver_many, mail
from tests.e2e.soundness import TWO_DAYS, all_rows, assert_every_blob_is_there, grow_old
from tests.e2e.test_quarantine import refuse_poison
from tests.servers.dovecot import Dovecot
from tests.servers.process import free_ports

from mail_archiver.domain.fetch_plan import BATCH_MESSAGES

PICTURE = bytes(range(256)) * 200
TWO_FILES = {"a.txt": b"one", "b.txt": b"two"}

both_databases = pytest.mark.parametrize(
    "database_url", ["sqlite_url", "postgres_url"], indirect=True, ids=["sqlite", "postgresql"]
)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, but for tests of what each database does in its own way."""
    url: str = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    return url


def answer(installation: Installation, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the lines of --json."""
    audit = installation.run("audit", "--json", *options)
    return audit.returncode, [json.loads(line) for line in audit.stdout.splitlines()]


def storage(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The line about the storage."""
    (found,) = [line for line in lines if "storage" in line]
    return found


def mailbox(lines: list[dict[str, Any]], account: str = "crm", name: str = "INBOX") -> dict[str, Any]:
    """The line about a mailbox."""
    (found,) = [line for line in lines if (line.get("account"), line.get("mailbox")) == (account, name)]
    return found


def hashes(installation: Installation) -> dict[str, str]:
    """Original and attachment file of the only archive."""
    ((original, attachments),) = installation.rows("SELECT source_sha256, attachments_sha256 FROM archive")
    return {"original": original, "attachments": attachments}


def expunge(dovecot: Dovecot, installation: Installation) -> None:
    dovecot.doveadm("expunge", "-u", installation.user.username, "mailbox", "INBOX", "all")


def store_orphan(installation: Installation, content: bytes = b"nobody's", *, old: bool = True) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    path = installation.blob_path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if old:
        grow_old(installation, [sha256])
    return sha256


@both_databases
def test_a_sound_archive_is_told_to_be_sound(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    installation.run("db", "upgrade")
    refuse_poison(installation)
    crm = installation.add_account("CRM", dovecot, MAILBOXES="INBOX,Sent")
    sales = installation.add_account("SALES", dovecot, START="2026-06-01")
    for user, source, name in (
        (crm, mail("Twice", attachments=TWO_FILES), "INBOX"),
        (crm, b"Received: elsewhere\r\n" + mail("Twice", attachments=TWO_FILES), "Sent"),
        (crm, mail("Poison"), "INBOX"),
        (crm, mail("Gone"), "INBOX"),
        (sales, mail("New"), "INBOX"),
    ):
        dovecot.deliver(user, source, mailbox=name)
    assert installation.run("run").returncode == 75  # the poison
    dovecot.doveadm("expunge", "-u", crm.username, "mailbox", "INBOX", "SUBJECT", "Gone")

    code, lines = answer(installation)
    text = installation.run("audit")

    assert (code, text.returncode) == (0, 0)
    assert [line["ok"] for line in lines] == [True] * 4
    assert [(line["account"], line["mailbox"], line["on_server"]) for line in lines[:3]] == [
        ("crm", "INBOX", 2),
        ("crm", "Sent", 1),
        ("sales", "INBOX", 1),
    ]
    assert storage(lines) == {
        "ok": True,
        "storage": "file:./blobs",
        "blobs": 6,
        "missing": [],
        "damaged": [],
        "orphans": [],
    }
    assert text.stdout == (
        "ok  account crm, mailbox INBOX: 2 messages on the server, all in the ledger\n"
        "ok  account crm, mailbox Sent: 1 message on the server, all in the ledger\n"
        "ok  account sales, mailbox INBOX: 1 message on the server, all in the ledger\n"
        "ok  storage file:./blobs: 6 blobs, all there and whole\n"
    )
    assert text.stderr == ""


def test_an_archive_before_its_first_message_is_sound(installation: Installation) -> None:
    installation.run("db", "upgrade")
    assert [line["ok"] for line in answer(installation)[1]] == [True, True]
    assert not (installation.folder / "blobs").exists()


@both_databases
def test_what_the_ledger_lacks_is_named_and_fetched(installation: Installation, dovecot: Dovecot) -> None:
    deliver_many(dovecot, installation.user, 5)
    installation.run("run")
    installation.execute("DELETE FROM archive_address WHERE uid IN (2, 3, 5)")
    installation.execute("DELETE FROM processed_uid WHERE uid IN (2, 3, 5)")

    looked = installation.run("audit")
    code, lines = answer(installation)
    fixed, fixed_lines = answer(installation, "--fix")

    assert (looked.returncode, code, fixed) == (65, 65, 0)
    assert (
        "5 messages on the server, 3 missing from the ledger\n        missing: UID 2:3,5\n" in looked.stdout
    )
    assert mailbox(lines)["missing_uids"] == [2, 3, 5]
    assert fixed_lines[0] == {"fetched": 3}
    assert mailbox(fixed_lines)["missing_uids"] == []
    assert installation.rows("SELECT uid FROM processed_uid ORDER BY uid") == [(n,) for n in range(1, 6)]
    assert installation.rows("SELECT count(*) FROM archive") == [(5,)]
    assert answer(installation)[0] == 0


def test_new_mail_counts_as_missing_until_it_is_fetched(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail("First"))
    installation.run("run")
    dovecot.deliver(installation.user, mail("Second"))

    looked = installation.run("audit")
    fixed = installation.run("audit", "--fix")

    assert (looked.returncode, fixed.returncode) == (65, 0)
    assert "`mail-archiver run` archives new mail" in looked.stdout
    assert fixed.stdout.startswith("fetched  1 archived\nok  account crm")
    assert installation.rows("SELECT subject FROM archive ORDER BY subject") == [("First",), ("Second",)]


@pytest.mark.parametrize("harm", ["missing", "damaged"])
@pytest.mark.parametrize("files", [{"a.txt": b"one"}, TWO_FILES], ids=["file", "zip"])
def test_a_lost_blob_is_named_and_restored(
    installation: Installation, dovecot: Dovecot, harm: str, files: dict[str, bytes]
) -> None:
    dovecot.deliver(installation.user, mail(attachments=files))
    installation.run("run")
    before = installation.blobs()
    for sha256 in hashes(installation).values():
        path = installation.blob_path(sha256)
        path.unlink() if harm == "missing" else path.write_bytes(bytes(path.stat().st_size))

    looked = installation.run("audit")
    code, lines = answer(installation)
    fixed = installation.run("audit", "--fix")

    assert (looked.returncode, code) == (65, 65)
    assert set(storage(lines)[harm]) == set(hashes(installation).values())
    for sha256 in hashes(installation).values():
        assert f"{harm}: {sha256}, of archive 1\n" in looked.stdout
    assert fixed.returncode == 0
    assert "\nrestored  2 of 2 lost blobs\n" in fixed.stdout
    assert installation.blobs() == before
    assert answer(installation)[0] == 0


def test_an_original_is_restored_with_the_attachment_file_that_it_is_stored_with(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, mail(attachments={"a.png": PICTURE}))
    installation.run("run")
    before = installation.blobs()
    installation.blob_path(hashes(installation)["attachments"]).unlink()

    code, lines = answer(installation)
    fixed = installation.run("audit", "--fix")

    assert (code, storage(lines)["missing"]) == (65, [hashes(installation)["attachments"]])
    assert storage(lines)["damaged"] == [hashes(installation)["original"]]
    assert fixed.returncode == 0
    assert "\nrestored  2 of 2 lost blobs\n" in fixed.stdout
    assert installation.blobs() == before


@both_databases
def test_what_an_original_is_stored_with_is_no_orphan(installation: Installation, dovecot: Dovecot) -> None:
    """Not of a duplicate, whose archive has the file of the first copy; nor of a message in quarantine."""
    table = b"2026-10-05;17;EUR\r\n" * 1000
    copies = [mail("A table", attachments={"a.csv": each}) for each in (table, table.replace(b"\r\n", b"\n"))]
    poison = mail("Poison", attachments={"a.png": PICTURE})
    installation.run("db", "upgrade")
    refuse_poison(installation)
    for source in (*copies, poison):
        dovecot.deliver(installation.user, source)
    installation.run("run")
    before = installation.blobs()
    grow_old(installation)

    fixed = installation.run("audit", "--fix")

    assert fixed.returncode == 0
    assert "removed" not in fixed.stdout
    assert installation.blobs() == before
    assert sorted(each for each in before.values() if each.startswith(b"From:")) == sorted([*copies, poison])
    assert len(before) == 6
    outcomes = installation.rows("SELECT outcome, count(*) FROM processed_uid GROUP BY outcome")
    assert sorted(outcomes) == [("archived", 1), ("duplicate", 1), ("quarantined", 1)]


@both_databases
def test_an_attachment_file_is_made_anew_when_the_server_has_the_message_no_more(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, mail(attachments=TWO_FILES))
    installation.run("run")
    before = installation.blobs()
    expunge(dovecot, installation)
    installation.blob_path(hashes(installation)["attachments"]).unlink()

    assert answer(installation)[0] == 65
    assert answer(installation, "--fix")[0] == 0
    assert installation.blobs() == before


def test_what_nobody_has_any_more_stays_lost_and_is_told(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, mail("Lost", attachments=TWO_FILES))
    dovecot.deliver(installation.user, mail("Kept"))
    installation.run("run")
    expunge(dovecot, installation)
    lost = [
        name
        for row in installation.rows(
            "SELECT source_sha256, attachments_sha256 FROM archive WHERE subject = 'Lost'"
        )
        for name in row
    ]
    for sha256 in lost:
        installation.blob_path(sha256).unlink()

    fixed = installation.run("audit", "--fix")
    code, lines = answer(installation, "--fix")

    assert (fixed.returncode, code) == (65, 65)
    assert storage(lines)["missing"] == sorted(lost)
    assert "has to come from a backup" in fixed.stdout
    assert len(installation.blobs()) == 1


@both_databases
def test_the_original_of_a_quarantined_message_is_restored(
    installation: Installation, dovecot: Dovecot
) -> None:
    installation.run("db", "upgrade")
    refuse_poison(installation)
    dovecot.deliver(installation.user, mail("Poison"))
    installation.run("run")
    before = installation.blobs()
    (sha256,) = before
    installation.blob_path(sha256).unlink()

    looked = installation.run("audit")
    fixed = answer(installation, "--fix")

    assert looked.returncode == 65
    assert f"missing: {sha256}, of a quarantined message\n" in looked.stdout
    assert fixed[0] == 0
    assert installation.blobs() == before


@both_databases
def test_only_what_has_been_nobodys_for_a_day_is_removed(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, mail(attachments=TWO_FILES))
    installation.run("run")
    named = set(installation.blobs())
    old, young = store_orphan(installation), store_orphan(installation, b"a moment ago", old=False)
    beside = installation.blob_path(old)
    leftovers = [beside.with_name(f".{old}.{name}.tmp") for name in ("0ld_one", "young1")]
    foreign = [beside.with_name("README"), installation.folder / "blobs" / "lost+found" / "aa" / "x.tmp"]
    foreign[1].parent.mkdir(parents=True)
    for path in (*leftovers, *foreign):
        path.write_bytes(b"half")
    grow_old(installation, named)
    long_ago = time.time() - TWO_DAYS.total_seconds()
    for path in (leftovers[0], *foreign):
        os.utime(path, (long_ago, long_ago))
    foreign[1].parent.parent.chmod(0)

    code, lines = answer(installation)
    fixed = installation.run("audit", "--fix")
    foreign[1].parent.parent.chmod(0o700)

    assert (code, storage(lines)["orphans"]) == (0, [old])
    assert fixed.returncode == 0
    assert "\nremoved  2 orphans, half-written files included\n" in fixed.stdout
    assert not beside.exists()
    assert [path.exists() for path in leftovers] == [False, True]
    assert all(path.exists() for path in foreign)
    leftovers[1].unlink()
    for path in foreign:
        path.unlink()
    assert set(installation.blobs()) == named | {young}


def test_a_storage_of_another_database_keeps_its_blobs(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail())
    installation.run("run")
    strangers = {store_orphan(installation, f"{number}".encode()) for number in range(101)}

    looked = installation.run("audit")
    fixed = installation.run("audit", "--fix")

    assert (looked.returncode, fixed.returncode) == (0, 0)
    assert "101 orphans\n        Is this the storage of this database?" in looked.stdout
    assert "Nothing is removed" in fixed.stdout
    assert strangers < set(installation.blobs())


def test_a_server_that_is_down_does_not_keep_the_rest_from_being_told(
    install: Install, dovecot: Dovecot
) -> None:
    installation = install()
    installation.add_account("AWAY", dovecot)
    crm = installation.add_account("CRM", dovecot, MAILBOXES="Nowhere,INBOX")
    dovecot.deliver(crm, mail())
    installation.run("run")
    (sha256,) = installation.blobs()
    installation.blob_path(sha256).unlink()
    installation.settings["ACCOUNTS__AWAY__PORT"] = str(free_ports(1)[0])

    code, lines = answer(installation)
    text = installation.run("audit")
    fixed, fixed_lines = answer(installation, "--fix")

    assert code == text.returncode == fixed == 78  # a mailbox that is not there comes before a server
    assert [line.get("exit_code") for line in lines] == [69, 78, None, None]
    assert "account away at localhost" in lines[0]["where"]
    assert "Connection refused" in lines[0]["error"]
    assert "NOT OK  account away at localhost:" in text.stdout
    assert storage(lines)["missing"] == [sha256]
    assert storage(fixed_lines)["missing"] == []
    assert sorted(line["exit_code"] for line in fixed_lines if "error" in line) == [69, 78], "each once"
    assert answer(installation, "--account", "away")[0] == 69


def test_can_be_narrowed_to_an_account_and_a_mailbox(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    crm = installation.add_account("CRM", dovecot, MAILBOXES="INBOX,Sent")
    sales = installation.add_account("SALES", dovecot)
    dovecot.deliver(crm, mail("Inbox"))
    dovecot.deliver(crm, mail("Sent"), mailbox="Sent")
    dovecot.deliver(sales, mail("Sales"))
    installation.run("run", "--mailbox", "Sent", "--account", "crm")

    assert answer(installation, "--account", "crm", "--mailbox", "Sent")[0] == 0
    assert answer(installation, "--account", "sales")[0] == 65
    assert answer(installation, "--fix", "--account", "sales")[0] == 0
    assert [line["ok"] for line in answer(installation)[1]] == [False, True, True, True]


def test_writes_nothing_without_fix(installation: Installation, dovecot: Dovecot) -> None:
    deliver_many(dovecot, installation.user, 3)
    installation.run("run")
    dovecot.deliver(installation.user, mail("New"))
    installation.blob_path(next(iter(installation.blobs()))).unlink()
    store_orphan(installation)
    rows, blobs = all_rows(installation), installation.blobs()
    files = sorted(installation.folder.rglob("*"))

    assert installation.run("audit").returncode == 65

    assert (all_rows(installation), installation.blobs()) == (rows, blobs)
    assert sorted(installation.folder.rglob("*")) == files
    assert {dovecot.flags(installation.user, "INBOX", uid) for uid in (1, 4)} == {frozenset()}


@both_databases
def test_looks_at_an_archive_that_a_run_is_filling(installation: Installation, dovecot: Dovecot) -> None:
    deliver_many(dovecot, installation.user, BATCH_MESSAGES + 10)
    running = installation.start("run")
    with running.held_at("message.archived"):
        code, lines = answer(installation)
        fixed, fixed_lines = answer(installation, "--fix")
    assert running.finish().returncode == 0

    assert code == fixed == 65
    assert mailbox(lines)["on_server"] == BATCH_MESSAGES + 10
    assert 0 < len(mailbox(lines)["missing_uids"]) <= 10
    assert storage(lines)["ok"]
    assert "another run holds the account" in [line.get("error") for line in fixed_lines]
    assert answer(installation)[0] == 0
    assert_every_blob_is_there(installation)


def test_a_new_life_of_a_mailbox_is_missing_until_the_next_run(
    installation: Installation, dovecot: Dovecot
) -> None:
    deliver_many(dovecot, installation.user, 3)
    installation.run("run")
    dovecot.set_uidvalidity(installation.user, "INBOX", 4_000_000_000)

    code, lines = answer(installation)

    assert (code, mailbox(lines)["missing_uids"]) == (65, [1, 2, 3])
    assert mailbox(lines)["uidvalidity"] == 4_000_000_000
    assert answer(installation, "--fix")[0] == 0
    assert installation.rows("SELECT count(*) FROM archive") == [(3,)]


def test_what_a_start_with_new_mail_leaves_out_is_not_missing(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    user = installation.add_account("CRM", dovecot, START="new")
    installation.run("db", "upgrade")
    dovecot.deliver(user, mail("Old"))
    before = answer(installation)
    fixed = answer(installation, "--fix")
    dovecot.deliver(user, mail("New"))
    installation.run("run")

    assert (before[0], fixed[0]) == (65, 0)
    assert installation.rows("SELECT uid, outcome FROM processed_uid ORDER BY uid") == [
        (1, "filtered"),
        (2, "archived"),
    ]
    assert answer(installation)[0] == 0
