"""`mail-archiver show`: one archive record, for a person, a program or a browser, and its bytes."""

import hashlib
import json
import os
import pty
import re
import subprocess
from base64 import b64encode
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import PROGRAM, TIMEOUT_S, Installation, event
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot

CORPUS = Path(__file__).parents[1] / "corpus"
RECEIVED_AT = datetime(2026, 10, 5, 7, 0, 3, tzinfo=UTC)
CONTACTS = "external_id,first_name,last_name,addresses\nc1,Ada,Client,client@client.example\n"
BOTH_DATABASES = pytest.mark.parametrize("database_url", ["sqlite_url", "postgres_url"], indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, unless a test asks for both: what the store reads is tested beside the store."""
    url: str = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    return url


def show(installation: Installation, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """What the program writes, byte for byte."""
    installation.write_settings()
    return subprocess.run(
        [PROGRAM, "show", *arguments],
        cwd=installation.folder,
        env=installation.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_S,
    )


def shown(installation: Installation, *arguments: str) -> str:
    """What it says, if all is well."""
    done = show(installation, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def archive(installation: Installation, dovecot: Dovecot, *sources: bytes) -> None:
    """Put messages into the INBOX and archive each in a run of its own: their ids count from 1."""
    for source in sources:
        dovecot.deliver(installation.user, source, received_at=RECEIVED_AT)
        assert installation.run("run").returncode == 0


def blob_path(installation: Installation, column: str = "source_sha256") -> Path:
    ((sha256,),) = installation.rows(f"SELECT {column} FROM archive")
    return installation.blob_path(sha256)


def forwarding(enclosed: bytes) -> bytes:
    """A message that has another one attached, and a picture that its HTML shows."""
    message = EmailMessage(policy=SMTP)
    message["From"] = "Claire Moreau <claire@example.com>"
    message["To"] = "Ada <Client@Client.example>"
    message["Subject"] = "What they sent"
    message["Message-ID"] = "<forward@example.com>"
    message.set_content("See below.\r\n")
    message.add_alternative(
        '<p onclick="alert(1)">See <b>below</b> — à bientôt.<img src="cid:logo@x"></p><script>x</script>',
        subtype="html",
    )
    html = message.get_payload()[1]  # type: ignore[index]
    html.add_related(b"\x89PNG" + bytes(1500), "image", "png", cid="<logo@x>", filename="logo.png")  # type: ignore[union-attr]
    message.make_mixed()
    part = EmailMessage(policy=SMTP)
    part["Content-Type"] = "message/rfc822"
    part["Content-Disposition"] = 'attachment; filename="letter.eml"'
    part.set_payload(enclosed.decode("ascii"))
    message.attach(part)
    return bytes(message)


@BOTH_DATABASES
def test_a_person_reads_what_it_says_whom_it_concerns_and_where_it_is(
    installation: Installation, dovecot: Dovecot
) -> None:
    (installation.folder / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    installation.run("contacts", "import", "contacts.csv")
    offer = mail(
        to="Ada <Client@Client.example>, tom@example.com",
        attachments={"offer.pdf": b"%PDF-1.4 offer", "plan.csv": b"a;b\n" * 1000},
    )
    archive(installation, dovecot, offer, b"In-Reply-To: <an-offer@example.com>\r\n" + mail("Re: An offer"))
    ((source, file),) = installation.rows(
        "SELECT source_sha256, attachments_sha256 FROM archive WHERE id = 1"
    )
    ((uidvalidity, processed_at),) = installation.rows(
        "SELECT e.uidvalidity, p.processed_at FROM processed_uid p"
        " JOIN mailbox_epoch e ON e.id = p.epoch_id WHERE p.archive_id = 1"
    )

    said = shown(installation, "1")

    moment = re.search(r"archived (\S+ \S+) UTC", said)
    assert moment
    assert str(processed_at).startswith(moment[1])
    assert said.splitlines() == [
        "archive      1",
        "subject      An offer",
        "direction    outgoing",
        "sent         2026-10-05 07:00:00 UTC",
        "received     2026-10-05 07:00:03 UTC",
        "Message-ID   an-offer@example.com",
        "thread       1 other archive: 2",
        "from         Claire Moreau <claire@example.com>",
        "to           Ada <Client@Client.example>",
        "             tom@example.com",
        "cc           crm@example.com",
        "linked to    contact 1, Ada Client: to client@client.example, by recipient-address",
        "attachments  offer.pdf (application/octet-stream, 14 octets)",
        "             plan.csv (application/octet-stream, 4.0 kB)",
        f"came from    crm/INBOX, UIDVALIDITY {uidvalidity}, UID 1: archived {moment[1]} UTC",
        f"size         {len(offer) / 1000:.1f} kB ({len(offer):,} octets)",
        f"SHA-256      {source}",
        f"original     file:blobs/{source[:2]}/{source[2:4]}/{source}.zst",
        "file         attachments.zip",
        f"             file:blobs/{file[:2]}/{file[2:4]}/{file}",
        "",
        "Dear client,",
        "here it is.",
    ]


@BOTH_DATABASES
def test_a_program_reads_everything_as_one_object(installation: Installation, dovecot: Dovecot) -> None:
    (installation.folder / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    installation.run("contacts", "import", "contacts.csv")
    archive(installation, dovecot, mail(attachments={"offer.pdf": b"%PDF-1.4 offer"}))

    (line,) = shown(installation, "1", "--json").splitlines()

    said = json.loads(line)
    assert {
        name: said[name] for name in ("id", "subject", "sent_at", "received_at", "kind", "direction")
    } == {
        "id": 1,
        "subject": "An offer",
        "sent_at": "2026-10-05T07:00:00+00:00",
        "received_at": "2026-10-05T07:00:03+00:00",
        "kind": "message",
        "direction": "outgoing",
    }
    assert [(each["role"], each["address"]) for each in said["addresses"]] == [
        ("to", "client@client.example"),
        ("cc", "crm@example.com"),
        ("sender", "claire@example.com"),
    ]
    (link,) = said["contacts"]
    assert (link["external_id"], link["rule"], link["unlinked_at"]) == ("c1", "recipient-address", None)
    (road,) = said["roads"]
    assert (road["account"], road["mailbox"], road["uid"], road["outcome"]) == ("crm", "INBOX", 1, "archived")
    assert datetime.fromisoformat(road["processed_at"]).utcoffset() == UTC.utcoffset(None)
    (file,) = said["attachments"]
    assert (file["safe_name"], file["size_octets"], file["within"]) == ("offer.pdf", 14, None)
    assert said["storage_url"] == "file:blobs"
    assert installation.folder / "blobs" / said["source_key"] == blob_path(installation)
    assert installation.folder / "blobs" / said["attachments_key"] == blob_path(
        installation, "attachments_sha256"
    )
    assert said["body_text"] == "Dear client,\nhere it is.\n"
    assert said["body_html"] is None


def test_a_message_that_came_by_two_roads_shows_both(install: Install, dovecot: Dovecot) -> None:
    installation = install(INTERNAL_DOMAINS="example.com")
    user = installation.add_account("CRM", dovecot, MAILBOXES="INBOX,Sent")
    sent = mail(bcc="eve@client.example")
    dovecot.deliver(user, mail())
    dovecot.deliver(user, sent, mailbox="Sent")
    assert installation.run("run").returncode == 0

    said = shown(installation, "1").splitlines()

    roads = [line[13:] for line in said[said.index(next(x for x in said if x.startswith("came from"))) :]][:3]
    assert re.fullmatch(r"crm/INBOX, UIDVALIDITY \d+, UID 1: archived .* UTC", roads[0])
    assert re.fullmatch(r"crm/Sent, UIDVALIDITY \d+, UID 1: duplicate .* UTC", roads[1])
    assert roads[2] == f"  its original differs: {hashlib.sha256(sent).hexdigest()}"
    assert "bcc          eve@client.example" in said


def test_a_file_found_in_another_stands_beneath_it(installation: Installation, dovecot: Dovecot) -> None:
    enclosed = mail(attachments={"plan.pdf": b"%PDF", "map.pdf": b"%PDF-2"})
    archive(installation, dovecot, forwarding(enclosed))
    said = shown(installation, "1")
    listed = said[said.index("attachments") : said.index("came from")].splitlines()
    assert [line[13:].partition(" (")[::2] for line in listed] == [
        ("logo.png", "image/png, 1.5 kB, inline)"),
        ("letter.eml", f"message/rfc822, {len(enclosed)} octets)"),
        ("  plan.pdf", "application/octet-stream, 4 octets)"),
        ("  map.pdf", "application/octet-stream, 6 octets)"),
    ]


def test_a_bounce_shows_what_became_of_each_recipient(installation: Installation, dovecot: Dovecot) -> None:
    archive(installation, dovecot, (CORPUS / "clients" / "postfix-two-recipients.eml").read_bytes())
    reports = installation.rows(
        "SELECT recipient, action, status, message_id FROM delivery_report ORDER BY position"
    )
    assert len(reports) == 2
    said = shown(installation, "1")
    assert "\nkind         bounce\n" in said
    for recipient, action, status, message_id in reports:
        assert f" {recipient}: {action} {status}, of {message_id}\n" in said


def test_what_was_broken_is_told_in_words(installation: Installation, dovecot: Dovecot) -> None:
    source = (
        mail()
        .replace(b"Mon, 05 Oct 2026 09:00:00 +0200", b"yesterday")
        .replace(b"Subject: An offer\r\n", b"")
    )
    archive(installation, dovecot, source)
    said = shown(installation, "1").splitlines()
    assert "subject      (no subject)" in said
    assert "sent         unknown" in said
    assert "defects      date-invalid in date: no moment in time, left empty" in said
    assert "linked to    nobody" in said


def test_nothing_of_a_message_steers_the_terminal(installation: Installation, dovecot: Dovecot) -> None:
    def encoded(text: str) -> bytes:
        return b"=?utf-8?b?" + b64encode(text.encode()) + b"?="

    escapes = "\x1b]0;owned\x07 \x9b31m \x00\x08\x7f"
    text = f"first\tline\r\n{escapes}\u202e\r\nlast"
    source = b"\r\n".join(
        [
            b"From: " + encoded(f"Eve\x1b[2J{escapes}") + b" <eve@client.example>",
            b"To: crm@example.com",
            b"Subject: " + encoded(f"{escapes}\u202e\n\u2028direction    internal"),
            b"Message-ID: <e\x1b[31m@client.example>",
            b"MIME-Version: 1.0",
            b"Content-Type: multipart/mixed; boundary=b",
            b"",
            b"--b",
            b"Content-Type: text/plain; charset=utf-8",
            b"Content-Transfer-Encoding: base64",
            b"",
            b64encode(text.encode()),
            b"--b",
            b"Content-Type: text/\x1b[31m; name=" + encoded("a\x1b[31m.txt"),
            b"Content-Disposition: attachment",
            b"",
            b"x",
            b"--b--",
            b"",
        ]
    )
    archive(installation, dovecot, source)
    installation.execute("UPDATE archive SET list_id = 'x\x1bx'")

    for options in ((), ("--html",), ("--json",)):
        said = shown(installation, "1", *options)
        assert not re.search("[\x00-\x08\x0b-\x1f\x80-\x9f]", said), options
    said = shown(installation, "1")
    assert "]0;owned" in said
    assert "\ndirection    incoming\n" in said
    assert "\ndirection    internal" not in said
    assert "\u202e" not in said[: said.index("\n\n")]
    assert "\nfirst\tline\n" in said
    archive(installation, dovecot, source.replace(b"\r\nx\r\n", b"\r\ny\r\n"))
    unclear = show(installation, "e\x1b[31m@client.example")
    assert unclear.stderr.startswith(b"Error: 2 archives have the Message-ID e\xef\xbf\xbd[31m@")
    assert b"\x1b" not in unclear.stderr


def test_characters_that_the_locale_lacks_stop_nothing(installation: Installation, dovecot: Dovecot) -> None:
    archive(installation, dovecot, mail("Véranda, 30 €", message_id="v", text="Coût : 30 €"))
    installation.environment["PYTHONIOENCODING"] = "iso-8859-1"
    done = show(installation, "1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "subject      Véranda, 30 ?\n" in done.stdout.decode("iso-8859-1")


def test_html_is_made_harmless_for_a_browser(installation: Installation, dovecot: Dovecot) -> None:
    archive(installation, dovecot, forwarding(mail()), mail("Plain", text="1 < 2 & à bientôt\r\n"))
    html = shown(installation, "1", "--html")
    assert html.startswith('<meta charset="utf-8">\n<p>')
    assert "See <b>below</b> — à bientôt." in html
    assert "onclick" not in html
    assert "script" not in html
    assert shown(installation, "2", "--html") == (
        '<meta charset="utf-8">\n<pre>1 &lt; 2 &amp; à bientôt\n</pre>\n'
    )


def test_the_original_and_the_attachment_file_come_out_byte_for_byte(
    installation: Installation, dovecot: Dovecot
) -> None:
    noise = os.urandom(3_000_000)
    source = mail(attachments={"noise.bin": noise})
    archive(installation, dovecot, source)
    for options, content in ((("--source",), source), (("--attachments",), noise)):
        done = show(installation, "<an-offer@example.com>", *options)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == content


def test_bytes_are_kept_off_a_terminal(installation: Installation, dovecot: Dovecot) -> None:
    archive(installation, dovecot, mail())
    ours, its = pty.openpty()
    try:
        done = subprocess.run(
            [PROGRAM, "show", "1", "--source"],
            cwd=installation.folder,
            env=installation.environment,
            stdin=subprocess.DEVNULL,
            stdout=its,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT_S,
        )
        os.write(its, b"end")
        assert os.read(ours, 100) == b"end"
    finally:
        os.close(ours)
        os.close(its)
    assert done.returncode == 64
    assert done.stderr.startswith(b"Error: these bytes may hold anything")


def test_a_message_id_that_several_archives_have_asks_which(
    installation: Installation, dovecot: Dovecot
) -> None:
    archive(installation, dovecot, mail("One", message_id="same"), mail("Other", message_id="same"))
    for arguments in (
        ("same@example.com",),
        ("<same@example.com>", "--source"),
        ("same@example.com", "--json"),
    ):
        done = show(installation, *arguments)
        assert (done.returncode, done.stdout) == (64, b"")
        asked, one, other = done.stderr.decode().splitlines()
        assert asked.startswith("Error: 2 archives have the Message-ID ")
        assert one == "  1  2026-10-05 07:00:03 UTC  One"
        assert other == "  2  2026-10-05 07:00:03 UTC  Other"


@pytest.mark.parametrize("name", ["2", "0", "9" * 19, "9" * 5000, "who@nowhere.example", "", b"\xff\x1b"])
def test_an_archive_that_is_not_there_is_told_in_one_line(install: Install, name: str | bytes) -> None:
    installation = install()
    installation.run("db", "upgrade")
    done = show(installation, os.fsdecode(name))
    assert (done.returncode, done.stdout) == (64, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("Error: there is no archive ")
    assert "\x1b" not in line


def test_a_message_without_attachments_has_no_attachment_file(
    installation: Installation, dovecot: Dovecot
) -> None:
    archive(installation, dovecot, mail())
    done = show(installation, "1", "--attachments")
    assert (done.returncode, done.stdout) == (64, b"")
    assert done.stderr == b"Error: archive 1 has no attachment file\n"


def test_a_blob_that_is_missing_is_an_error_of_storage(installation: Installation, dovecot: Dovecot) -> None:
    archive(installation, dovecot, mail())
    blob = blob_path(installation)
    blob.unlink()
    done = show(installation, "1", "--source")
    assert (done.returncode, done.stdout) == (73, b"")
    failure = event(done.stderr.decode(), "command.failed")
    assert failure["what"] == f"there is no blob {blob.stem}"
    assert failure["where"] == "storage file:blobs"


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"X" + content[1:]])
def test_a_blob_that_is_damaged_is_told_when_it_has_been_read(
    installation: Installation, dovecot: Dovecot, damage: object
) -> None:
    archive(installation, dovecot, mail())
    blob = blob_path(installation)
    assert callable(damage)
    blob.write_bytes(damage(blob.read_bytes()))
    done = show(installation, "1", "--source")
    assert done.returncode == 65
    assert done.stdout in (b"", mail()[: len(done.stdout)])
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"Error: the blob {blob.stem} in file:blobs is damaged")


@pytest.mark.parametrize(
    "options",
    [("--json", "--html"), ("--source", "--attachments"), ("--html", "--source"), ("--json", "--source")],
)
def test_options_that_exclude_each_other_are_a_matter_of_usage(
    install: Install, options: tuple[str, str]
) -> None:
    done = show(install(), "1", *options)
    assert (done.returncode, done.stdout) == (64, b"")
    assert b"exclude each other" in done.stderr


def test_where_there_is_no_database_yet_none_is_made(install: Install, tmp_path: Path) -> None:
    installation = install()
    done = show(installation, "1")
    assert done.returncode == 78
    assert "not there yet" in event(done.stderr.decode(), "command.failed")["what"]
    assert not (tmp_path / "crm.db").exists()


def test_tables_of_an_earlier_release_are_left_alone(install: Install) -> None:
    installation = install()
    installation.run("db", "upgrade")
    installation.execute("UPDATE mail_archiver_version SET version_num = '0000'")
    done = show(installation, "1")
    assert done.returncode == 78
    assert "earlier release" in event(done.stderr.decode(), "command.failed")["what"]
