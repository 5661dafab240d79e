"""No secret, subject, body or address reaches the log, whatever goes wrong: planted ones are looked for.

At the level of debugging, where there is most to read: what libraries say there counts too.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from tests.e2e.conftest import Install
from tests.e2e.installation import PROGRAM, Installation, event
from tests.e2e.mails import MANY
from tests.e2e.planting import WORD, assert_tells_nothing, planted_mail
from tests.servers.dovecot import Dovecot
from tests.servers.proxy import proxy
from tests.servers.token_server import TokenServer

CONTACTS = f"external_id,first_name,addresses\n1,{WORD},{WORD}-recipient@{WORD}.example\n"
BOTH_DATABASES = pytest.mark.parametrize("database_url", ["sqlite_url", "postgres_url"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgres_url"], indirect=True)

Change = Callable[[Installation], None]


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, unless a test asks for another."""
    url: str = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    return url


@pytest.fixture
def planted(install: Install, dovecot: Dovecot) -> Installation:
    """One account on Dovecot, and in its mailbox two messages full of the word."""
    installation = install(LOG_LEVEL="debug", PATIENCE_S="0")
    user = installation.add_account("CRM", dovecot)
    for number in (1, 2):
        dovecot.deliver(user, planted_mail(number))
    return installation


def is_sqlite(installation: Installation) -> bool:
    return installation.settings["DATABASE_URL"].startswith("sqlite")


@BOTH_DATABASES
def test_every_command_when_all_is_well(planted: Installation) -> None:
    (planted.folder / "contacts.csv").write_text(CONTACTS)
    commands = (
        ["check"],
        ["contacts", "import", "contacts.csv"],
        ["run", "--dry-run"],
        ["run"],
        ["backfill", "--since", "2020-01-01"],
        ["retry"],
        ["audit"],
    )
    runs = [planted.run(*command) for command in commands]
    assert [run.returncode for run in runs] == [0] * len(commands)
    assert f"{WORD}-recipient" in runs[2].stdout, "what is looked for is there to be found"
    assert_tells_nothing(planted, *runs)


def refuse_by_a_check(installation: Installation) -> None:
    if is_sqlite(installation):
        look_at_each_archive(installation, f"SELECT RAISE(ABORT, '{WORD}') WHERE NEW.subject LIKE '{WORD}%'")
    else:
        installation.execute(f"ALTER TABLE archive ADD CHECK (subject NOT LIKE '{WORD}%')")


def refuse_twins(installation: Installation) -> None:
    installation.execute("CREATE UNIQUE INDEX twins ON archive (subject)")


def refuse_what_is_no_number(installation: Installation) -> None:
    if is_sqlite(installation):
        look_at_each_archive(installation, "SELECT json_extract(NEW.subject, '$.number')")
    else:
        look_at_each_archive(installation, "PERFORM NEW.subject::integer")


def refuse_in_words(installation: Installation) -> None:
    if is_sqlite(installation):
        look_at_each_archive(installation, f"SELECT RAISE(ABORT, '{WORD}')")
    else:
        look_at_each_archive(installation, "RAISE 'no %', NEW.subject USING DETAIL = NEW.body_text")


def look_at_each_archive(installation: Installation, statement: str) -> None:
    """Put in a trigger, as another program might."""
    if is_sqlite(installation):
        installation.execute(f"CREATE TRIGGER theirs BEFORE INSERT ON archive BEGIN {statement}; END")
        return
    installation.execute(
        f"CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {statement}; RETURN NEW; END$$"
    )
    installation.execute(
        "CREATE TRIGGER theirs BEFORE INSERT ON archive FOR EACH ROW EXECUTE FUNCTION theirs()"
    )


@BOTH_DATABASES
@pytest.mark.parametrize(
    ("refuse", "quarantined"),
    [(refuse_by_a_check, 2), (refuse_twins, 1), (refuse_what_is_no_number, 2), (refuse_in_words, 2)],
)
def test_rows_that_the_database_refuses(planted: Installation, refuse: Change, quarantined: int) -> None:
    planted.run("db", "upgrade")
    refuse(planted)
    run, retry = planted.run("run"), planted.run("retry")
    assert [run.returncode, retry.returncode] == [75, 75]
    assert event(run.stderr, "run.finished")["quarantined"] == quarantined
    assert f"{quarantined} in quarantine" in retry.stdout
    assert WORD not in retry.stdout
    assert_tells_nothing(planted, run, retry)


def test_a_text_in_the_database_that_is_none(planted: Installation) -> None:
    """Python's driver quotes it; PostgreSQL takes no such text."""
    assert planted.run("run").returncode == 0
    planted.execute(f"UPDATE archive SET subject = CAST(x'{WORD.encode().hex()}ff' AS TEXT)")
    show = planted.run("show", "1")
    assert show.returncode == 69
    assert "not UTF-8" in event(show.stderr, "command.failed")["what"]
    assert_tells_nothing(planted, show)


@ON_POSTGRESQL
def test_tables_that_another_program_locks(planted: Installation) -> None:
    database = sa.make_url(planted.settings["DATABASE_URL"]).database
    planted.execute(f"ALTER DATABASE {database} SET statement_timeout = '300ms'")
    with planted.connect() as theirs:
        theirs.execute(sa.text("LOCK TABLE archive"))
        run = planted.run("run")
    assert run.returncode == 69
    assert_tells_nothing(planted, run)


@ON_POSTGRESQL
def test_a_database_that_goes_away_amid_a_transaction(planted: Installation) -> None:
    look_at_each_archive(planted, "PERFORM pg_terminate_backend(pg_backend_pid())")
    run = planted.run("run")
    assert run.returncode == 69
    assert event(run.stderr, "account.failed")
    assert_tells_nothing(planted, run)


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_run_that_is_stopped(
    planted: Installation, dovecot: Dovecot, stop: signal.Signals, code: int
) -> None:
    with dovecot.connect(planted.user) as client:
        for number in range(3, MANY):
            client.append("INBOX", planted_mail(number))
    running = planted.start("run")
    with running.held_at("message.archived"):
        running.process.send_signal(stop)
    run = running.finish()
    assert run.returncode == code
    assert_tells_nothing(planted, run)
    if stop is signal.SIGINT:
        assert event(run.stderr, "command.stopped")["exit_code"] == code


@ON_POSTGRESQL
@pytest.mark.parametrize("setting", ["ACCOUNTS__CRM__PASSWORD", "DATABASE_URL"])
def test_credentials_that_are_refused(planted: Installation, setting: str) -> None:
    right, wrong = planted.settings[setting], f"{WORD}-Pa55word"
    if setting == "DATABASE_URL":
        wrong = sa.make_url(right).set(password=wrong).render_as_string(hide_password=False)
    planted.settings[setting] = wrong
    runs = [planted.run(*command) for command in (["run"], ["check"], ["retry"], ["run", "--dry-run"])]
    planted.settings[setting] = right
    assert [run.returncode for run in runs] == [77] * len(runs)
    assert WORD not in "".join(run.stdout for run in runs)
    assert_tells_nothing(planted, *runs)


@pytest.mark.parametrize("who", ["the token server", "the mail server"])
def test_tokens_that_are_refused(
    planted: Installation, dovecot: Dovecot, token_server: TokenServer, who: str
) -> None:
    if not dovecot.takes_tokens:
        pytest.skip("a Dovecot in a container cannot ask the token server")
    application = token_server.register("somebody-else@example.com")
    refresh_token = token_server.issue_refresh_token(application)
    if who == "the token server":  # some quote what they were shown
        application.failure = (401, {"error": "invalid_client", "error_description": refresh_token})
    given = {
        "TOKEN_URL": token_server.token_url,
        "CLIENT_ID": application.client_id,
        "CLIENT_SECRET": application.client_secret,
        "REFRESH_TOKEN": refresh_token,
    }
    del planted.settings["ACCOUNTS__CRM__PASSWORD"]
    planted.settings |= {f"ACCOUNTS__CRM__OAUTH__{name}": value for name, value in given.items()}
    run, check = planted.run("run"), planted.run("check")
    assert [run.returncode, check.returncode] == [77, 77]
    assert refresh_token not in check.stdout
    kept = json.loads((planted.folder / "mail-archiver-tokens" / "crm.json").read_text())
    tokens = [token for name, token in kept.items() if name.endswith("_token") and token]
    assert_tells_nothing(planted, run, check, more=tokens)


def test_a_line_of_dotenv_that_cannot_be_read(planted: Installation) -> None:
    planted.write_settings()
    with (planted.folder / ".env").open("a") as file:
        file.write(f"= '{WORD}\n")
    run = subprocess.run(
        [PROGRAM, "run"], cwd=planted.folder, env=planted.environment, capture_output=True, text=True
    )
    assert run.returncode == 0
    assert_tells_nothing(planted, run)


def test_a_certificate_that_is_not_trusted(planted: Installation) -> None:
    del planted.settings["ACCOUNTS__CRM__CA_FILE"]
    run = planted.run("run")
    planted.run("db", "upgrade")
    assert run.returncode == 76
    assert_tells_nothing(planted, run)


@pytest.mark.parametrize(
    ("answer", "other"),
    [
        (" OK [READ-ONLY]", f" NO [ALERT] {WORD}"),
        (" OK [READ-ONLY]", f" BAD {WORD}"),
        (" OK Fetch completed", f" NO {WORD}"),
        (" OK Fetch completed", f" BAD {WORD}"),
        (" OK Fetch completed", f"* BYE {WORD}\r\n"),
        ("* 1 FETCH (", f"* 1 FETCH ({WORD} "),
        ("* SEARCH 1", f"* SEARCH {WORD} 1"),
        ("[UIDVALIDITY ", f"[UIDVALIDITY {WORD}"),
        ("* OK [CAPABILITY", f"* BYE {WORD} [CAPABILITY"),
        ("* OK [CAPABILITY", WORD),
    ],
)
def test_a_server_that_has_the_words_in_its_answers(
    planted: Installation, dovecot: Dovecot, answer: str, other: str
) -> None:
    with proxy(dovecot.host, dovecot.port) as between:
        between.rewrite(answer.encode(), other.encode())
        planted.settings |= {f"ACCOUNTS__CRM__{name}": value for name, value in between.settings.items()}
        run = planted.run("run")
    assert event(run.stderr, "run.finished")
    assert_tells_nothing(planted, run)


@pytest.mark.parametrize(
    ("function", "code"),
    [
        ("mail_archiver.archiving.drafting.Drafter.draft", 75),
        ("mail_archiver.store.archives._archive_row", 75),
        ("mail_archiver.imap.session.ImapSession.uids_after", 70),
        ("mail_archiver.imap.connect.authenticate", 70),
        ("mail_archiver.app.App.plans", 70),
        ("mail_archiver.octets.Spool.__del__", 0),
    ],
)
def test_a_bug_of_ours_that_has_the_words_in_its_text(
    planted: Installation, function: str, code: int
) -> None:
    """A function that fails with all that it was given in its words stands for any."""
    owner, _, name = function.rpartition(".")
    fault = (
        "import pkgutil, mail_archiver.cli\n"
        "def broken(*given, **named):\n"
        "    try:\n"
        f"        raise KeyError('{WORD}', given, named)\n"
        "    except KeyError as error:\n"
        f"        error.add_note('{WORD}')\n"
        "        raise ValueError(str(error)) from error\n"
        f"setattr(pkgutil.resolve_name('{owner}'), '{name}', broken)\n"
        "mail_archiver.cli.main()\n"
    )
    assert planted.run("db", "upgrade").returncode == 0
    run = subprocess.run(
        [sys.executable, "-c", fault, "run"],
        cwd=planted.folder,
        env=planted.environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == code
    assert "ValueError" in run.stderr
    assert_tells_nothing(planted, run)


def test_blobs_that_cannot_be_read(planted: Installation, dovecot: Dovecot) -> None:
    planted.run("db", "upgrade")
    refuse_in_words(planted)
    assert planted.run("run").returncode == 75
    files = [planted.blob_path(sha256) for sha256 in planted.blobs()]
    for file in files:
        file.write_bytes(b"damaged")
    look = planted.run("audit")
    for file in files:
        file.unlink()
    dovecot.doveadm("expunge", "-u", planted.user.username, "mailbox", "INBOX", "all")
    mend, retry = planted.run("audit", "--fix"), planted.run("retry")
    assert [look.returncode, mend.returncode, retry.returncode] == [65, 65, 75]
    assert_tells_nothing(planted, look, mend, retry)
