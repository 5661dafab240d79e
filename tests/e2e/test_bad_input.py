"""What is wrong gets one clear line (what, where, what to do) and its exit code; nothing is half-written."""

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event, events
from tests.e2e.mails import deliver_many, mail
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres

from mail_archiver.domain.fetch_plan import BATCH_MESSAGES
from mail_archiver.store.release import HEAD

Break = Callable[[Installation], None]


def set_account(**settings: str) -> Break:
    def change(installation: Installation) -> None:
        installation.settings |= {f"ACCOUNTS__CRM__{name}": value for name, value in settings.items()}

    return change


def trust_no_one(installation: Installation) -> None:
    del installation.settings["ACCOUNTS__CRM__CA_FILE"]


def close_the_port(installation: Installation) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        set_account(PORT=str(unused.getsockname()[1]))(installation)


def put_a_file_in_the_way(installation: Installation) -> None:
    (installation.folder / "blobs").write_bytes(b"")


def store_where_nobody_may_write(installation: Installation) -> None:
    installation.settings["STORAGE_URL"] = "file:/proc/blobs"  # not even root


@pytest.mark.parametrize(
    ("break_it", "code", "what", "hint"),
    [
        (set_account(HOST="imap.nowhere.invalid"), 69, "host name cannot be resolved", "Check host"),
        (close_the_port, 69, "Connection refused", "Check host and port"),
        (set_account(PASSWORD="wrong-Pa55word"), 77, "refuses the user name or password", "Check username"),
        (set_account(MAILBOXES="INBOXX"), 78, "no such mailbox", "Did you mean INBOX?"),
        (trust_no_one, 76, "certificate is not trusted", "set ca_file"),
        (
            put_a_file_in_the_way,
            73,
            "a file stands where a folder should be",
            "Check that this user may write",
        ),
        (store_where_nobody_may_write, 73, "No such file or directory", "Check that this user may write"),
    ],
    ids=["host", "port", "password", "mailbox", "certificate", "file in the way", "no right to write"],
)
def test_a_run_that_cannot_do_its_work_says_why_and_writes_nothing(
    installation: Installation, dovecot: Dovecot, break_it: Break, code: int, what: str, hint: str
) -> None:
    dovecot.deliver(installation.user, mail(attachments={"a.pdf": b"%PDF-1.4"}))
    break_it(installation)

    run = installation.run("run")

    assert run.returncode == code
    failure = event(run.stderr, "account.failed")
    assert what in failure["what"]
    assert hint in failure["hint"]
    assert failure["where"]
    assert "Traceback" not in run.stderr
    assert "wrong-Pa55word" not in run.stderr
    assert run.stdout == ""
    assert installation.rows("SELECT count(*) FROM archive") == [(0,)]
    assert installation.rows("SELECT count(*) FROM processed_uid") == [(0,)]

    check = installation.run("check")
    assert check.returncode == code, "check finds the same"
    assert what in check.stdout


@pytest.mark.parametrize(
    ("name", "value", "where", "hint"),
    [
        (
            "DATBASE_URL",
            "sqlite:///x.db",
            "MAIL_ARCHIVER_DATBASE_URL",
            "Did you mean MAIL_ARCHIVER_DATABASE_URL?",
        ),
        (
            "ACCOUNTS__CRM__HOTS",
            "h",
            "MAIL_ARCHIVER_ACCOUNTS__CRM__HOTS",
            "MAIL_ARCHIVER_ACCOUNTS__CRM__HOST?",
        ),
        ("ACCOUNTS__CRM__PORT", "many", "accounts.crm.port", "MAIL_ARCHIVER_ACCOUNTS__CRM__PORT"),
        ("ACCOUNTS__CRM__SECURITY", "ssl", "accounts.crm.security", ""),
        ("ACCOUNTS__CRM__DISPOSITION", "move", "accounts.crm.disposition", ""),
        ("ACCOUNTS__CRM__START", "soon", "accounts.crm.start", ""),
        ("ACCOUNTS__SALES__HOST", "h", "accounts.sales.username", ""),
        ("DATABASE_URL", "mysql://localhost/crm", "database_url", "postgresql://"),
        ("DATABASE_URL", "crm.db", "database_url", "sqlite:///"),
        ("STORAGE_URL", "ftp://localhost/", "storage_url", "file:/path"),
        ("ACCOUNTS__CRM__CA_FILE", "/nowhere.pem", "accounts.crm.ca_file", ""),
        ("ACCOUNTS__CRM__PASSWORD_FILE", "/nowhere", "accounts.crm", ""),
        ("LOG_LEVEL", "loud", "log_level", ""),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    dovecot: Dovecot, tmp_path: Path, name: str, value: str, where: str, hint: str
) -> None:
    installation = Installation(tmp_path / "fresh", {"DATABASE_URL": f"sqlite:///{tmp_path}/crm.db"})
    installation.add_account("CRM", dovecot)
    installation.settings[name] = value

    run = installation.run("run")

    assert run.returncode == 78
    (failure,) = [each for each in events(run.stderr) if each["event"].endswith(".failed")]
    assert where in failure["where"]
    assert hint in failure["hint"]
    assert failure["what"]
    assert installation.run("check").returncode == 78


def test_no_account_is_a_matter_of_configuration(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "fresh", {})
    run = installation.run("run")
    assert run.returncode == 78
    assert "MAIL_ARCHIVER_ACCOUNTS__CRM__HOST" in event(run.stderr, "command.failed")["hint"]


def test_an_account_that_is_not_configured_is_named(installation: Installation) -> None:
    run = installation.run("run", "--account", "sales")
    assert run.returncode == 78
    assert event(run.stderr, "command.failed")["hint"] == "Configured: crm."


def test_postgresql_without_our_tables_wants_db_upgrade(
    tmp_path: Path, postgres_url: str, dovecot: Dovecot
) -> None:
    installation = Installation(tmp_path / "fresh", {"DATABASE_URL": postgres_url})
    installation.add_account("CRM", dovecot)

    run = installation.run("run")

    assert run.returncode == 78
    assert event(run.stderr, "command.failed")["hint"] == "Run: mail-archiver db upgrade"
    assert installation.run("db", "upgrade").stdout.endswith(f"went from revision none to {HEAD}.\n")
    assert installation.run("db", "upgrade").stdout.endswith(f"is up to date (revision {HEAD}).\n")
    (answer,) = events(installation.run("db", "upgrade", "--json").stdout)
    assert (answer["before"], answer["after"]) == (HEAD, HEAD)
    assert installation.run("run").returncode == 0


@pytest.mark.parametrize(
    ("revision", "what", "hint"),
    [
        ("9999", "later release", "Install that release"),
        ("0008", "before the first release", "new, empty database"),
    ],
)
def test_tables_that_this_release_does_not_know_are_left_alone(
    install: Install, dovecot: Dovecot, revision: str, what: str, hint: str
) -> None:
    installation = install()
    installation.add_account("CRM", dovecot)
    assert installation.run("run").returncode == 0
    installation.execute(f"UPDATE mail_archiver_version SET version_num = '{revision}'")
    for command in (["run"], ["db", "upgrade"], ["run", "--dry-run"]):
        run = installation.run(*command)
        assert run.returncode == 78
        failure = event(run.stderr, "command.failed")
        assert what in failure["what"]
        assert hint in failure["hint"]


@pytest.mark.parametrize(
    ("change", "code", "what"),
    [
        ({"database": "nowhere"}, 78, "database does not exist"),
        ({"password": "wrong-Pa55word"}, 77, "password authentication failed"),
        ({"port": 1}, 69, "Connection refused"),
    ],
    ids=["database", "password", "port"],
)
def test_a_postgresql_that_does_not_serve_us_is_named(
    tmp_path: Path, postgres_url: str, dovecot: Dovecot, change: dict[str, str | int], code: int, what: str
) -> None:
    url = sa.make_url(postgres_url).set(**change).render_as_string(hide_password=False)  # type: ignore[arg-type]
    installation = Installation(tmp_path / "fresh", {"DATABASE_URL": url})
    installation.add_account("CRM", dovecot)
    for command in ("run", "check"):
        run = installation.run(command)
        assert run.returncode == code
        assert what in run.stdout + run.stderr
        assert "wrong-Pa55word" not in run.stdout + run.stderr


def test_a_database_that_goes_away_is_unavailable_and_nothing_is_lost(
    tmp_path: Path, postgres: Postgres, dovecot: Dovecot
) -> None:
    installation = Installation(tmp_path / "fresh", {"DATABASE_URL": postgres.new_database()})
    installation.add_account("CRM", dovecot)
    dovecot.deliver(installation.user, mail())
    assert installation.run("db", "upgrade").returncode == 0
    with postgres.stopped():
        assert installation.run("run").returncode == 69
    assert installation.run("run").returncode == 0
    assert installation.rows("SELECT outcome FROM processed_uid") == [("archived",)]


def test_a_database_file_that_cannot_be_made_is_named(tmp_path: Path, dovecot: Dovecot) -> None:
    installation = Installation(tmp_path / "fresh", {"DATABASE_URL": f"sqlite:///{tmp_path}/missing/crm.db"})
    installation.add_account("CRM", dovecot)
    run = installation.run("run")
    assert run.returncode == 69
    assert "its folder exists" in event(run.stderr, "command.failed")["hint"]


def test_what_was_committed_before_a_failure_stays_and_is_counted(
    installation: Installation, dovecot: Dovecot
) -> None:
    deliver_many(dovecot, installation.user)
    in_the_second_batch = hashlib.sha256(mail(f"Message {BATCH_MESSAGES + 20}")).hexdigest()
    folder = installation.folder / "blobs" / in_the_second_batch[:2]
    folder.mkdir(parents=True)
    (folder / in_the_second_batch[2:4]).write_bytes(b"")

    run = installation.run("run")

    assert run.returncode == 73
    assert event(run.stderr, "run.finished")["archived"] == BATCH_MESSAGES
    assert installation.rows("SELECT count(*) FROM archive") == [(BATCH_MESSAGES,)]


def test_one_account_that_fails_does_not_keep_the_next_from_its_turn(
    install: Install, dovecot: Dovecot
) -> None:
    installation = install()
    installation.add_account("CRM", dovecot, PASSWORD="wrong")
    good = installation.add_account("SALES", dovecot)
    dovecot.deliver(good, mail("Good"))

    run = installation.run("run")

    assert run.returncode == 77
    assert event(run.stderr, "account.failed")["account"] == "crm"
    assert installation.rows("SELECT subject FROM archive") == [("Good",)]


def test_one_mailbox_that_is_missing_does_not_keep_the_next_from_its_turn(
    install: Install, dovecot: Dovecot
) -> None:
    installation = install()
    user = installation.add_account("CRM", dovecot, MAILBOXES="Missing,INBOX")
    dovecot.deliver(user, mail("Good"))
    assert installation.run("run").returncode == 78
    assert installation.rows("SELECT subject FROM archive") == [("Good",)]


def test_no_word_of_a_message_and_no_secret_reaches_the_log(
    installation: Installation, dovecot: Dovecot
) -> None:
    planted = mail("Planted-Subject", to="planted-recipient@client.example", text="planted-body\r\n")
    dovecot.deliver(installation.user, planted)
    dovecot.deliver(installation.user, b"Received: elsewhere\r\n" + planted)
    log = installation.run("run").stderr
    for word in ("planted", installation.user.password, "claire@"):
        assert word.lower() not in log.lower()
