"""Nothing from outside steers a terminal, or breaks a line of the log: no mail, no server, no setting."""

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.header import Header
from pathlib import Path

import pytest
from tests.e2e.installation import PROGRAM, TIMEOUT_S, Installation, event, events
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot
from tests.servers.proxy import proxy

EVIL = "be\x1b]0;gin\x07\x1b[2J\r\n{}\u2028\u2029\x85\u202e\u2066\x9b2J\x7fend"
"""Sets a terminal's title, clears it, ends lines in six ways, turns the direction, deletes."""

SHOWN = re.compile(r"be.*end")

# Our own: colours, and a progress bar that hides the cursor and writes its line anew.
_OURS = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[hl]|1A|2K)|\r")
_STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite: how things are shown has nothing to do with the database."""
    return sqlite_url


def screen_of(installation: Installation, *arguments: str) -> str:
    """What a person at a terminal gets to see, less our own colours and bars; both answer and log."""
    installation.write_settings()
    screen, theirs = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, *arguments],
        cwd=installation.folder,
        env={**installation.environment, "TERM": "xterm", "COLUMNS": "1000"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(screen), b""))
        process.wait(TIMEOUT_S)
    os.close(screen)
    return _OURS.sub("", shown.decode())


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""


def assert_harmless(installation: Installation, *arguments: str) -> None:
    """The evil text is shown on one line, with nothing left in it that does anything; a log is as tame."""
    screen = screen_of(installation, *arguments)
    assert SHOWN.search(screen)
    assert not _STEERING.search(screen)
    assert_one_line_each(installation.run(*arguments))


def assert_one_line_each(run: subprocess.CompletedProcess[str]) -> None:
    """Each line of the log is an event, whatever ends a line for who reads it."""
    assert all(each["event"] for each in events(run.stderr))
    assert not _STEERING.search(run.stderr)


@pytest.mark.parametrize(
    ("name", "value", "command"),
    [("ACCOUNTS__CRM__HOST", EVIL, "run"), ("STORAGE_URL", f"file:{EVIL}", "check")],
    ids=["host", "storage"],
)
def test_a_setting(installation: Installation, name: str, value: str, command: str) -> None:
    installation.environment[f"MAIL_ARCHIVER_{name}"] = value
    assert_harmless(installation, command)


def test_an_option(installation: Installation) -> None:
    assert_harmless(installation, "run", "--account", EVIL)


def test_a_file(installation: Installation) -> None:
    installation.settings["DATABASE_URL"] = "sqlite:///ignored"
    installation.environment["MAIL_ARCHIVER_DATABASE_URL"] = f"sqlite:///{EVIL}"
    assert_harmless(installation, "db", "upgrade")


@pytest.mark.parametrize("command", ["run", "check", "audit"])
def test_the_name_of_a_mailbox_on_the_server(
    installation: Installation, dovecot: Dovecot, command: str
) -> None:
    """Modified UTF-7 has every character; the account names another mailbox, and is told which there are."""
    installation.run("db", "upgrade")
    with dovecot.connect(installation.user) as client:
        client.create_folder("Honest")
    with names_rewritten(installation, dovecot):
        screen = screen_of(installation, command)
    with names_rewritten(installation, dovecot):
        run = installation.run(command)
    assert SHOWN.search(screen)
    assert not _STEERING.search(screen)
    assert_one_line_each(run)


@contextmanager
def names_rewritten(installation: Installation, dovecot: Dovecot) -> Iterator[None]:
    """Let the account's next connection see another name for the mailbox `Honest`."""
    name = b"be&ABs-]0;gin&AAcAGw-[2J&AA0ACg-{}&ICggKQCFIC4gZgCb-2J&AH8-end"
    with proxy(dovecot.host, dovecot.port) as between:
        between.rewrite(b" Honest\r\n", b' "%s"\r\n' % name)
        given = {**between.settings, "MAILBOXES": "Missing"}
        installation.settings |= {f"ACCOUNTS__CRM__{name}": value for name, value in given.items()}
        yield


def test_a_message(installation: Installation, dovecot: Dovecot) -> None:
    evil = Header(EVIL, "utf-8").encode(linesep="\r\n").encode()
    source = mail("honest", attachments={"a.txt": b"a"}).replace(b"Subject: honest", b"Subject: " + evil)
    dovecot.deliver(installation.user, source)
    assert_harmless(installation, "run", "--dry-run")
    run = installation.run("run")
    assert event(run.stderr, "message.archived")
    assert_one_line_each(run)


def test_a_message_in_quarantine(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail())
    installation.run("run")
    with installation.connect() as connection:
        connection.exec_driver_sql("UPDATE mailbox SET name = ?", (EVIL,))
        connection.exec_driver_sql("UPDATE processed_uid SET outcome = 'quarantined', archive_id = NULL")
        connection.exec_driver_sql("UPDATE processed_uid SET next_attempt_at = '2030-01-01', reason = 'told'")
        connection.commit()
    assert "UID 1" in screen_of(installation, "retry", "--mailbox", EVIL)
    assert_harmless(installation, "retry", "--mailbox", EVIL)


def test_a_contact(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text(
        f'external_id,kind,addresses\n1,"{EVIL}",ada@client.example\n', encoding="utf-8", newline=""
    )
    assert_harmless(installation, "contacts", "import", str(file))
