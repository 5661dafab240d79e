"""`mail-archiver run`, from the crontab to the rows, the blobs, the log and the flags on the server."""

import hashlib
import io
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from obstore.store import S3Store
from tests.e2e.conftest import Install
from tests.e2e.installation import PROGRAM, Installation, bare_environment, event, events
from tests.e2e.mails import MANY, deliver_many, mail
from tests.e2e.soundness import all_rows
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapServer
from tests.servers.s3 import S3

PROJECT = Path(__file__).parents[2]

CONTACTS = """\
external_id,first_name,last_name,addresses
c1,Ada,Client,client@client.example;ada@home.example
c2,Bob,Copied,bob@client.example
c3,Eve,Blind,eve@client.example
c4,Our,Own,tom@example.com
"""


def test_the_crontab_line_archives_new_mail_and_leaves_the_server_alone(
    installation: Installation, dovecot: Dovecot
) -> None:
    received_at = datetime(2026, 10, 5, 7, 0, tzinfo=UTC)
    offer = mail(
        to="Ada <Client@Client.example>, tom@example.com",
        cc="crm@example.com, bob@client.example",
        bcc="eve@client.example",
        attachments={"offer.pdf": b"%PDF-1.4 offer", "plan.csv": b"a;b\n1;2\n"},
    )
    uid = dovecot.deliver(installation.user, offer, received_at=received_at)
    dovecot.deliver(installation.user, mail("Nothing attached", to="stranger@nowhere.example"))
    dovecot.deliver(installation.user, mail("One file", attachments={"devis.pdf": b"%PDF-1.4 devis"}))
    (installation.folder / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    assert installation.run("contacts", "import", "contacts.csv").returncode == 0

    assert run_crontab_line(installation) == 0

    log = (installation.folder / "mail-archiver.log").read_text()
    finished = event(log, "run.finished")
    assert (finished["archived"], finished["quarantined"], finished["failures"]) == (3, 0, 0)
    assert installation.rows(
        "SELECT subject, direction, attachment_count FROM archive ORDER BY attachment_count"
    ) == [
        ("Nothing attached", "outgoing", 0),
        ("One file", "outgoing", 1),
        ("An offer", "outgoing", 2),
    ]
    assert installation.rows(
        """SELECT c.external_id, l.role, l.address, l.rule, l.origin FROM archive_contact l
           JOIN contact c ON c.id = l.contact_id JOIN archive a ON a.id = l.archive_id
           WHERE a.subject = 'An offer' ORDER BY c.external_id"""
    ) == [
        ("c1", "to", "client@client.example", "recipient-address", "auto"),
        ("c2", "cc", "bob@client.example", "recipient-address", "auto"),
        ("c3", "bcc", "eve@client.example", "recipient-address", "auto"),
    ]
    assert installation.rows("SELECT uid, outcome FROM processed_uid ORDER BY uid") == [
        (1, "archived"),
        (2, "archived"),
        (3, "archived"),
    ]

    blobs = installation.blobs()
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in blobs.items())
    ((source, file),) = installation.rows(
        "SELECT source_sha256, attachments_sha256 FROM archive WHERE subject = 'An offer'"
    )
    assert blobs[source] == offer
    with zipfile.ZipFile(io.BytesIO(blobs[file])) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "offer.pdf": b"%PDF-1.4 offer",
            "plan.csv": b"a;b\n1;2\n",
        }
    ((single, name),) = installation.rows(
        "SELECT attachments_sha256, attachments_name FROM archive WHERE subject = 'One file'"
    )
    assert (blobs[single], name) == (b"%PDF-1.4 devis", "devis.pdf")
    assert len(blobs) == 5

    assert dovecot.flags(installation.user, "INBOX", uid) == frozenset()
    assert dovecot.uids(installation.user) == [1, 2, 3]


def test_originals_and_attachments_go_to_object_storage(install: Install, dovecot: Dovecot, s3: S3) -> None:
    installation = install(STORAGE_URL=f"s3://{s3.new_bucket()}/archive")
    installation.environment |= s3.environment
    user = installation.add_account("CRM", dovecot)
    dovecot.deliver(user, mail(attachments={"a.pdf": b"%PDF-1.4"}))

    assert installation.run("check").returncode == 0
    assert installation.run("run").returncode == 0

    assert installation.rows("SELECT outcome FROM processed_uid") == [("archived",)]
    ((sha256,),) = installation.rows("SELECT attachments_sha256 FROM archive")
    store = S3Store.from_url(
        installation.settings["STORAGE_URL"],
        endpoint=s3.environment["AWS_ENDPOINT_URL"],
        access_key_id="test",
        secret_access_key="test",
        client_options={"allow_http": True},
    )
    assert bytes(store.get(f"{sha256[:2]}/{sha256[2:4]}/{sha256}").bytes()) == b"%PDF-1.4"


def test_the_files_of_an_archive_are_for_their_owner_alone(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, mail(attachments={"a.pdf": b"%PDF-1.4"}))
    assert run_crontab_line(installation) == 0
    made = [path for path in installation.folder.rglob("*") if path.name != ".env"]
    assert [path for path in made if path.stat().st_mode & 0o077] == []


def test_a_second_run_adds_no_row(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail(attachments={"a.pdf": b"%PDF-1.4"}))
    assert installation.run("run").returncode == 0
    before = all_rows(installation), installation.blobs()

    second = installation.run("run")

    assert second.returncode == 0
    assert event(second.stderr, "run.finished")["archived"] == 0
    assert (all_rows(installation), installation.blobs()) == before


def test_a_later_run_takes_only_what_is_new(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail("First"))
    installation.run("run")
    dovecot.deliver(installation.user, mail("Second"))

    log = installation.run("run").stderr

    assert [each["uid"] for each in events(log) if each["event"] == "message.archived"] == [2]
    assert installation.rows("SELECT subject FROM archive ORDER BY subject") == [("First",), ("Second",)]


def test_a_message_by_two_roads_is_one_archive(installation: Installation, dovecot: Dovecot) -> None:
    message = mail("Twice")
    dovecot.deliver(installation.user, message)
    dovecot.deliver(
        installation.user, b"Received: from elsewhere by mx; Mon, 5 Oct 2026 09:01:00 +0200\r\n" + message
    )

    assert installation.run("run").returncode == 0

    assert installation.rows("SELECT count(*) FROM archive") == [(1,)]
    outcomes = installation.rows("SELECT outcome, archive_id IS NULL FROM processed_uid ORDER BY uid")
    assert [outcome for outcome, _ in outcomes] == ["archived", "duplicate"]
    assert not any(is_null for _, is_null in outcomes)
    assert len(installation.blobs()) == 2, "each road's original is kept"


def test_a_new_uidvalidity_doubles_nothing(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail("Once"))
    installation.run("run")
    dovecot.set_uidvalidity(installation.user, "INBOX", 4_000_000_000)

    log = installation.run("run").stderr

    assert event(log, "mailbox.epoch_started")["uidvalidity"] == 4_000_000_000
    assert installation.rows("SELECT count(*) FROM archive") == [(1,)]
    assert installation.rows("SELECT outcome FROM processed_uid ORDER BY epoch_id") == [
        ("archived",),
        ("duplicate",),
    ]


def test_a_second_run_at_the_same_time_ends_at_once(installation: Installation, dovecot: Dovecot) -> None:
    deliver_many(dovecot, installation.user)

    first = installation.start("run")
    with first.held_at("mailbox.selected"):
        second = installation.run("run")
    finished = first.finish()

    assert second.returncode == 75
    assert event(second.stderr, "run.skipped")["account"] == "crm"
    assert finished.returncode == 0
    assert event(finished.stderr, "run.finished")["archived"] == MANY
    assert installation.rows("SELECT count(*) FROM archive") == [(MANY,)]


def test_a_killed_run_loses_and_doubles_nothing(installation: Installation, dovecot: Dovecot) -> None:
    deliver_many(dovecot, installation.user)
    first = installation.start("run")
    first.wait_for("message.archived")
    first.process.kill()
    first.finish()

    assert installation.run("run").returncode == 0

    assert installation.rows("SELECT count(*), count(DISTINCT archive_id) FROM processed_uid") == [
        (MANY, MANY)
    ]
    assert installation.rows("SELECT count(*) FROM archive") == [(MANY,)]


@pytest.mark.parametrize("answer", ["text", "json"])
def test_a_dry_run_says_what_would_happen_and_writes_nothing(
    installation: Installation, dovecot: Dovecot, answer: str
) -> None:
    dovecot.deliver(installation.user, mail("Seen before"))
    (installation.folder / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    installation.run("contacts", "import", "contacts.csv")
    installation.run("run")
    dovecot.deliver(installation.user, mail("New", attachments={"a.pdf": b"1", "b.pdf": b"2"}))
    dovecot.deliver(installation.user, b"Received: elsewhere\r\n" + mail("Seen before"))
    before = all_rows(installation), installation.blobs()

    dry = installation.run("run", "--dry-run", *(["--json"] if answer == "json" else []))

    assert dry.returncode == 0
    assert (all_rows(installation), installation.blobs()) == before
    if answer == "text":
        assert "2: would be archived: New" in dry.stdout
        assert "attachments: attachments.zip" in dry.stdout
        because = "the message went to this address [recipient-address]"
        assert f"to client@client.example: would link contact 1: {because}" in dry.stdout
        assert "3: would be duplicate: Seen before" in dry.stdout
    else:
        assert [(each["uid"], each["outcome"]) for each in events(dry.stdout)] == [
            (2, "archived"),
            (3, "duplicate"),
        ]


def test_a_dry_run_before_the_first_run_makes_no_file(tmp_path: Path, dovecot: Dovecot) -> None:
    installation = Installation(tmp_path / "fresh", {"DATABASE_URL": f"sqlite:///{tmp_path}/fresh/crm.db"})
    user = installation.add_account("CRM", dovecot)
    dovecot.deliver(user, mail("New"))

    dry = installation.run("run", "--dry-run")

    assert (dry.returncode, dry.stderr) == (0, "")
    assert "would be archived: New" in dry.stdout
    assert [path.name for path in installation.folder.iterdir()] == [".env"]


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_every_kind_of_security_reads_the_mailbox(install: Install, dovecot: Dovecot, security: str) -> None:
    installation = install()
    port = dovecot.tls_port if security == "tls" else dovecot.port
    user = installation.add_account("CRM", dovecot, SECURITY=security, PORT=str(port))
    dovecot.deliver(user, mail())
    assert installation.run("run").returncode == 0
    assert installation.rows("SELECT count(*) FROM archive") == [(1,)]


def test_each_imap_server_serves_a_run(install: Install, imap_server: ImapServer) -> None:
    installation = install()
    user = installation.add_account("CRM", imap_server)
    uid = imap_server.deliver(user, mail(attachments={"a.pdf": b"%PDF-1.4"}))
    assert installation.run("run").returncode == 0
    assert installation.run("run").returncode == 0
    assert installation.rows("SELECT outcome FROM processed_uid") == [("archived",)]
    assert imap_server.flags(user, "INBOX", uid) == frozenset()


@pytest.mark.parametrize(
    ("disposition", "inbox", "flags"),
    [
        ("keep", [1, 2], set()),
        ("seen", [1, 2], {"\\Seen"}),
        ("delete", [], None),
        ("move:Archived mail", [], None),
    ],
)
def test_a_disposition_is_done_after_the_commit(
    install: Install, dovecot: Dovecot, disposition: str, inbox: list[int], flags: set[str] | None
) -> None:
    installation = install()
    user = installation.add_account("CRM", dovecot, DISPOSITION=disposition)
    dovecot.deliver(user, mail("One"))
    dovecot.deliver(user, mail("Two"))

    assert installation.run("run").returncode == 0

    assert installation.rows("SELECT count(*) FROM archive") == [(2,)]
    assert installation.rows("SELECT count(*) FROM processed_uid WHERE disposed_at IS NULL") == [(0,)]
    assert dovecot.uids(user) == inbox
    if flags is not None:
        assert dovecot.flags(user, "INBOX", 1) == flags
    if disposition.startswith("move"):
        assert dovecot.uids(user, "Archived mail") == [1, 2]


def test_several_accounts_and_mailboxes_share_one_archive(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    first = installation.add_account("CRM", dovecot, MAILBOXES="INBOX,Sent & done")
    second = installation.add_account("SALES", dovecot)
    dovecot.deliver(first, mail("Shared"))
    dovecot.deliver(first, mail("Sent"), mailbox="Sent & done")
    dovecot.deliver(second, mail("Shared"))

    assert installation.run("run").returncode == 0

    assert installation.rows("SELECT subject FROM archive ORDER BY subject") == [("Sent",), ("Shared",)]
    assert installation.rows(
        "SELECT m.account, m.name, p.outcome FROM processed_uid p JOIN mailbox_epoch e ON e.id = p.epoch_id "
        "JOIN mailbox m ON m.id = e.mailbox_id ORDER BY m.account, m.name"
    ) == [("crm", "INBOX", "archived"), ("crm", "Sent & done", "archived"), ("sales", "INBOX", "duplicate")]


def test_a_run_can_be_narrowed_to_an_account_and_a_mailbox(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    first = installation.add_account("CRM", dovecot)
    second = installation.add_account("SALES", dovecot)
    dovecot.deliver(first, mail("Inbox"))
    dovecot.deliver(first, mail("Elsewhere"), mailbox="Elsewhere")
    dovecot.deliver(second, mail("Sales"))
    assert installation.run("run", "--account", "crm", "--mailbox", "Elsewhere").returncode == 0
    assert installation.rows("SELECT subject FROM archive") == [("Elsewhere",)]


def test_start_new_leaves_out_what_was_there_and_takes_what_comes(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    user = installation.add_account("CRM", dovecot, START="new")
    dovecot.deliver(user, mail("Old"))
    assert installation.run("run").returncode == 0
    dovecot.deliver(user, mail("New"))
    assert installation.run("run").returncode == 0
    assert installation.rows("SELECT uid, outcome, rule FROM processed_uid ORDER BY uid") == [
        (1, "filtered", "start:new"),
        (2, "archived", None),
    ]


def test_start_at_a_date_leaves_out_what_was_received_earlier(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    user = installation.add_account("CRM", dovecot, START="2026-06-01")
    dovecot.deliver(user, mail("Old"), received_at=datetime(2026, 5, 31, 23, 59, tzinfo=UTC))
    dovecot.deliver(user, mail("New"), received_at=datetime(2026, 6, 1, tzinfo=UTC))
    assert installation.run("run").returncode == 0
    assert installation.rows("SELECT uid, outcome FROM processed_uid ORDER BY uid") == [
        (1, "filtered"),
        (2, "archived"),
    ]


def run_crontab_line(installation: Installation) -> int:
    """Run the job of `crontab.example` as cron would, with the folders and the program of this test."""
    installation.write_settings()
    example = (PROJECT / "crontab.example").read_text(encoding="utf-8")
    (job,) = [line for line in example.splitlines() if line.startswith("*")]
    command = job.split(None, 5)[5]
    environment = {**bare_environment(), "DIR": str(installation.folder), "BIN": str(PROGRAM)}
    job_run = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, timeout=120)
    assert (job_run.stdout, job_run.stderr) == (b"", b""), "cron would mail this"
    return job_run.returncode
