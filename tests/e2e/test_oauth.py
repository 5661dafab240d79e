"""Accounts that log in by OAuth 2.0: the installed program, a token server, a mail server that asks it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, Running, event
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot
from tests.servers.process import free_ports
from tests.servers.token_server import Application, TokenServer

WAIT_S = 30.0


@pytest.fixture
def sqlite_installation(tmp_path: Path, dovecot: Dovecot) -> Installation:
    """One account on Dovecot over TLS: which database there is makes no difference to how it logs in."""
    if not dovecot.takes_tokens:
        pytest.skip("a Dovecot in a container cannot ask the token server")
    database = f"sqlite:///{tmp_path}/mail-archiver/crm.db"
    installation = Installation(tmp_path / "mail-archiver", {"DATABASE_URL": database})
    installation.add_account("CRM", dovecot)
    return installation


def use_oauth(installation: Installation, token_server: TokenServer, **settings: str) -> Application:
    """Let the account log in by OAuth 2.0; keyword arguments are further settings of it.

    By client credentials, unless there is a refresh token among the settings or in the token folder.
    """
    application = token_server.register(installation.user.username)
    installation.settings.pop("ACCOUNTS__CRM__PASSWORD", None)
    given = {
        "TOKEN_URL": token_server.token_url,
        "AUTHORIZE_URL": token_server.authorize_url,
        "CLIENT_ID": application.client_id,
        "CLIENT_SECRET": application.client_secret,
        **settings,
    }
    set_oauth(installation, **given)
    return application


def set_oauth(installation: Installation, **settings: str) -> None:
    installation.settings |= {f"ACCOUNTS__CRM__OAUTH__{name}": value for name, value in settings.items()}


def use_refresh_token(installation: Installation, token_server: TokenServer, **settings: str) -> Application:
    application = use_oauth(installation, token_server, **settings)
    set_oauth(installation, REFRESH_TOKEN=token_server.issue_refresh_token(application))
    return application


def token_file(installation: Installation) -> Path:
    return installation.folder / "mail-archiver-tokens" / "crm.json"


def kept(installation: Installation) -> dict[str, str]:
    found: dict[str, str] = json.loads(token_file(installation).read_text())
    return found


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
@pytest.mark.parametrize(
    ("use", "grant"), [(use_oauth, "client_credentials"), (use_refresh_token, "refresh_token")]
)
def test_a_run_archives_by_each_grant_and_each_mechanism(
    sqlite_installation: Installation,
    dovecot: Dovecot,
    token_server: TokenServer,
    mechanism: str,
    use: type,
    grant: str,
) -> None:
    dovecot.deliver(sqlite_installation.user, mail("Offer"))
    application = use(sqlite_installation, token_server, MECHANISM=mechanism)
    assert sqlite_installation.run("run").returncode == 0
    assert sqlite_installation.rows("SELECT subject FROM archive") == [("Offer",)]
    assert application.grants == [grant]


def test_the_next_run_uses_the_token_that_was_kept(
    sqlite_installation: Installation, token_server: TokenServer
) -> None:
    application = use_oauth(sqlite_installation, token_server)
    assert [sqlite_installation.run("run").returncode for _ in range(3)] == [0, 0, 0]
    assert application.grants == ["client_credentials"]


def test_a_token_that_is_about_to_expire_is_renewed_and_the_rotated_refresh_token_is_kept(
    sqlite_installation: Installation, token_server: TokenServer
) -> None:
    application = use_refresh_token(sqlite_installation, token_server)
    application.lifetime_s = 200
    used = []
    for _ in range(3):
        assert sqlite_installation.run("run").returncode == 0
        used.append(kept(sqlite_installation)["refresh_token"])
    configured = sqlite_installation.settings["ACCOUNTS__CRM__OAUTH__REFRESH_TOKEN"]
    assert [request["refresh_token"] for request in application.requests] == [configured, *used[:-1]]


def test_two_processes_at_once_spend_a_refresh_token_once(
    sqlite_installation: Installation, token_server: TokenServer
) -> None:
    application = use_refresh_token(sqlite_installation, token_server)
    with token_server.holding_answers() as was_asked:
        first = sqlite_installation.start("check")
        assert was_asked.wait(WAIT_S)
        second = sqlite_installation.start("check")
        wait_for_lock_file(second, sqlite_installation)
    assert [running.finish().returncode for running in (first, second)] == [0, 0]
    assert application.grants == ["refresh_token"]


def wait_for_lock_file(running: Running, installation: Installation) -> None:
    """Return when a process has opened the lock of the tokens, which another one holds."""
    lock, deadline = str(token_file(installation).with_suffix(".lock")), time.monotonic() + WAIT_S
    descriptors = Path(f"/proc/{running.process.pid}/fd")
    while lock not in {str(each.readlink()) for each in descriptors.iterdir() if each.is_symlink()}:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_kept_token_that_the_mail_server_refuses_is_replaced_once(
    sqlite_installation: Installation, dovecot: Dovecot, token_server: TokenServer
) -> None:
    application = use_refresh_token(sqlite_installation, token_server)
    assert sqlite_installation.run("run").returncode == 0
    token_server.revoke_access_tokens(application)
    dovecot.deliver(sqlite_installation.user, mail("Offer"))
    assert sqlite_installation.run("run").returncode == 0
    assert application.grants == ["refresh_token", "refresh_token"]
    assert sqlite_installation.rows("SELECT subject FROM archive") == [("Offer",)]


def test_a_fresh_token_that_is_refused_is_shown_once_and_not_kept(
    sqlite_installation: Installation, dovecot: Dovecot, token_server: TokenServer
) -> None:
    application = use_oauth(sqlite_installation, token_server)
    application.username = dovecot.new_user().username  # whose mail it is not
    for attempt in (1, 2):
        token_server.introspections.clear()
        run = sqlite_installation.run("run")
        assert run.returncode == 77
        assert event(run.stderr, "account.failed")["what"] == "the server refuses the access token"
        assert token_server.introspections.total() == 1
        assert len(application.requests) == attempt
        assert kept(sqlite_installation)["access_token"] == ""


def test_a_token_server_that_is_down_is_unavailable(
    sqlite_installation: Installation, token_server: TokenServer
) -> None:
    use_oauth(sqlite_installation, token_server, TOKEN_URL=f"http://127.0.0.1:{free_ports(1)[0]}/token")
    run = sqlite_installation.run("run")
    assert run.returncode == 69
    assert "no connection to the token server: Connection refused" in run.stderr


def test_what_is_kept_is_for_its_owner_alone(
    sqlite_installation: Installation, token_server: TokenServer
) -> None:
    use_oauth(sqlite_installation, token_server)
    previous = os.umask(0)
    try:
        assert sqlite_installation.run("run").returncode == 0
    finally:
        os.umask(previous)
    folder = token_file(sqlite_installation).parent
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert {each.name: oct(each.stat().st_mode & 0o777) for each in folder.iterdir()} == {
        "crm.json": "0o600",
        "crm.lock": "0o600",
    }


def test_the_token_folder_can_be_elsewhere_and_must_be_writable(
    sqlite_installation: Installation, token_server: TokenServer, tmp_path: Path
) -> None:
    application = use_refresh_token(sqlite_installation, token_server)
    sqlite_installation.settings["TOKEN_FOLDER"] = "/proc/tokens"  # not even root
    run = sqlite_installation.run("run")
    assert run.returncode == 73
    assert "token_folder" in event(run.stderr, "account.failed")["hint"]
    assert application.requests == []
    sqlite_installation.settings["TOKEN_FOLDER"] = str(tmp_path / "else" / "where")
    assert sqlite_installation.run("run").returncode == 0
    assert (tmp_path / "else" / "where" / "crm.json").exists()


@pytest.mark.parametrize(
    "failure",
    [None, "invalid_grant", "server_error", b"<html>"],
)
def test_no_secret_is_told(
    sqlite_installation: Installation, token_server: TokenServer, failure: str | bytes | None
) -> None:
    application = use_refresh_token(sqlite_installation, token_server)
    sqlite_installation.settings["LOG_LEVEL"] = "debug"
    token = sqlite_installation.settings["ACCOUNTS__CRM__OAUTH__REFRESH_TOKEN"]
    if isinstance(failure, str):
        told = f"{token} and {application.client_secret}"
        application.failure = (400, {"error": failure, "error_description": told, "error_uri": told})
    elif failure:
        application.failure = (400, f"<html>{token}".encode())
    for command in ("check", "run"):
        finished = sqlite_installation.run(command)
        told = finished.stdout + finished.stderr
        for secret in ("access-token-", "refresh-token-", "client-secret-"):
            assert secret not in told


def test_authorize_gets_a_refresh_token_that_runs_use(
    sqlite_installation: Installation, dovecot: Dovecot, token_server: TokenServer
) -> None:
    application = use_oauth(sqlite_installation, token_server, SCOPE="mail offline_access")
    dovecot.deliver(sqlite_installation.user, mail("Offer"))

    authorize = Dialogue(sqlite_installation, "authorize", "--account", "CRM")
    asked = {name: value for name, (value,) in parse_qs(urlsplit(authorize.address).query).items()}
    assert asked["scope"] == "mail offline_access"
    assert asked["login_hint"] == sqlite_installation.user.username
    code, told = authorize.answer(token_server.consent(authorize.address))

    assert code == 0
    assert f"Kept in {token_file(sqlite_installation).relative_to(sqlite_installation.folder)}" in told
    for secret in ("access-token-", "refresh-token-", "client-secret-", "code-"):
        assert secret not in told
    assert sqlite_installation.run("run").returncode == 0
    assert sqlite_installation.rows("SELECT subject FROM archive") == [("Offer",)]
    assert application.grants == ["authorization_code"]
    kept_file = json.loads(token_file(sqlite_installation).read_text())
    token_file(sqlite_installation).write_text(json.dumps(kept_file | {"expires_at": 0}))
    assert sqlite_installation.run("run").returncode == 0
    assert application.grants == ["authorization_code", "refresh_token"]


def test_authorize_counts_before_the_refresh_token_of_the_settings(
    sqlite_installation: Installation, token_server: TokenServer
) -> None:
    application = use_oauth(sqlite_installation, token_server, REFRESH_TOKEN="one that was revoked")
    assert sqlite_installation.run("run").returncode == 77
    authorize = Dialogue(sqlite_installation, "authorize", "--account", "crm")
    assert authorize.answer(token_server.consent(authorize.address))[0] == 0
    assert sqlite_installation.run("run").returncode == 0
    assert application.grants == ["refresh_token", "authorization_code"]


def test_a_public_client_needs_no_secret_and_says_what_to_do_until_it_is_authorised(
    sqlite_installation: Installation, token_server: TokenServer
) -> None:
    use_oauth(sqlite_installation, token_server)
    application = token_server.register(sqlite_installation.user.username, is_public=True)
    del sqlite_installation.settings["ACCOUNTS__CRM__OAUTH__CLIENT_SECRET"]
    set_oauth(sqlite_installation, CLIENT_ID=application.client_id)
    run = sqlite_installation.run("run")
    assert run.returncode == 77
    assert event(run.stderr, "account.failed")["hint"] == "Run mail-archiver authorize --account crm."
    assert application.requests == []
    authorize = Dialogue(sqlite_installation, "authorize", "--account", "crm")
    assert authorize.answer(token_server.consent(authorize.address))[0] == 0
    assert sqlite_installation.run("run").returncode == 0


@pytest.mark.parametrize(
    ("pasted", "code", "what"),
    [
        ("", 64, "not the address where the browser ended"),
        ("code", 64, "not the address where the browser ended"),
        ("http://[", 64, "not the address where the browser ended"),
        ("http://localhost/?code=c&state=another", 64, "belongs to another attempt"),
        ("http://localhost/?error=access_denied&state={state}", 77, "the authorization was not given"),
        ("http://localhost/?code=made-up&state={state}", 77, "invalid_grant"),
    ],
)
def test_a_wrong_answer_to_authorize_gets_one_line(
    sqlite_installation: Installation, token_server: TokenServer, pasted: str, code: int, what: str
) -> None:
    use_oauth(sqlite_installation, token_server)
    authorize = Dialogue(sqlite_installation, "authorize", "--account", "crm")
    state = parse_qs(urlsplit(authorize.address).query)["state"][0]
    ended, told = authorize.answer(pasted.format(state=state))
    assert ended == code
    assert what in told.splitlines()[-1]
    assert not token_file(sqlite_installation).exists()


def test_authorize_is_for_accounts_with_oauth(sqlite_installation: Installation) -> None:
    for name, what in (("crm", "has a password instead"), ("sales", "there is no account sales")):
        authorize = sqlite_installation.run("authorize", "--account", name)
        assert authorize.returncode == 78
        assert what in authorize.stderr


def test_nothing_of_it_is_loaded_for_an_account_with_a_password(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    installation.add_account("CRM", dovecot)
    installation.write_settings()
    script = (
        "import sys; from mail_archiver.app import open_app; app = open_app(); "
        "app.plans(); app.login('crm'); print([name for name in sys.modules if 'oauth' in name])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script],
        cwd=installation.folder,
        env=installation.environment,
        capture_output=True,
    )
    assert loaded.stdout.decode().strip() == "['mail_archiver.config.oauth']"


class Dialogue:
    """The program as it talks with a person."""

    def __init__(self, installation: Installation, *arguments: str) -> None:
        installation.write_settings()
        self._process = subprocess.Popen(
            [Path(sys.executable).with_name("mail-archiver"), *arguments],
            cwd=installation.folder,
            env=installation.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        lines = iter(self._process.stdout.readline, "")
        self.address = next(line.strip() for line in lines if line.startswith("http"))
        """What it asks to have opened."""

    def answer(self, text: str) -> tuple[int, str]:
        """Paste this; gives the exit code, and what is said then."""
        told, _ = self._process.communicate(f"{text}\n", timeout=WAIT_S)
        return self._process.returncode, told
