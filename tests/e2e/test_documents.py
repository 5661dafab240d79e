"""What the README, the examples and the help say is what the program does."""

import re
import tomllib
from pathlib import Path

import click
import pytest
from pydantic import SecretStr
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot

from mail_archiver.cli import cli, exits
from mail_archiver.config import Account, ContactSource, Settings, load_settings, read_contact_source
from mail_archiver.config.names import ACCOUNT_TABLES, TABLES
from mail_archiver.config.oauth import OAuth
from mail_archiver.config.settings import LimitSettings, LinkingSettings
from mail_archiver.domain.message import DefectCode

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


BOUNCE = (
    b"Return-Path: <>\r\nFrom: MAILER-DAEMON@example.com\r\nTo: ann@example.com\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
    b"Final-Recipient: rfc822; gone@client.example\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
)


def all_commands() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    pending: list[tuple[str, click.Command]] = [("mail-archiver", cli)]
    while pending:
        path, command = pending.pop()
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                pending.append((f"{path} {name}", child))
        else:
            found.append((path, command))
    return sorted(found)


@pytest.mark.parametrize("path", [path for path, _ in all_commands()])
def test_every_command_is_in_the_readme(path: str) -> None:
    assert f"| `{path}" in README


@pytest.mark.parametrize("path", [path for path, _ in all_commands()])
def test_every_command_explains_itself(path: str, tmp_path: Path) -> None:
    helped = Installation(tmp_path / "any", {}).run(*path.split()[1:], "--help")
    assert helped.returncode == 0
    assert helped.stdout.startswith(f"Usage: {path}")


@pytest.mark.parametrize(
    "name",
    [
        *sorted(set(Settings.model_fields) - TABLES),
        *(f"CONTACT_SOURCE__{n}" for n in ContactSource.model_fields),
        *(f"LIMITS__{n}" for n in LimitSettings.model_fields),
        *(f"LINKING__{n}" for n in LinkingSettings.model_fields),
        *(f"ACCOUNTS__<NAME>__{n}" for n in sorted(set(Account.model_fields) - ACCOUNT_TABLES)),
        *(f"ACCOUNTS__<NAME>__OAUTH__{n}" for n in OAuth.model_fields),
    ],
)
def test_every_setting_is_in_the_readme(name: str) -> None:
    elsewhere = re.search(
        r"(.*(?:PASSWORD|DATABASE_URL|SOURCE__URL|SOURCE__QUERY|SECRET|TOKEN))_(?:FILE|COMMAND)$",
        name.upper(),
    )
    assert f"| `{elsewhere[1] if elsewhere else name.upper()}`" in README


def test_every_defect_is_in_the_table_and_no_other() -> None:
    table = (PROJECT / "docs/DEFECTS.md").read_text("utf-8")
    assert sorted(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == sorted(DefectCode)


@pytest.mark.parametrize("code", sorted({*(value for _, value in exits._CODES), *exits._ORDER}))
def test_every_exit_code_is_in_the_readme(code: int) -> None:
    assert re.search(rf"^\| {code} \|", README, re.MULTILINE)


def test_the_order_of_exit_codes_is_the_one_in_the_readme() -> None:
    (order,) = re.findall(r"first in this order counts: ([\d, ]+)\.", README)
    assert tuple(map(int, order.split(", "))) == exits._ORDER


def test_env_example_works_once_the_credentials_are_in(install: Install, dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    dovecot.deliver(user, mail())
    installation = install()
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    filled = (
        example.replace("=imap.example.com", "=localhost")
        .replace("=crm@example.com", f"={user.username}")
        .replace("=change-me", f"={user.password}")
    )
    # The test's own server: its port, its authority and its database.
    installation.settings = {}
    installation.write_settings = lambda: None  # type: ignore[method-assign]
    account = "MAIL_ARCHIVER_ACCOUNTS__CRM__"
    own = f"\n{account}PORT={dovecot.tls_port}\n{account}CA_FILE={dovecot.ca_file}\n"
    (installation.folder / ".env").write_text(filled + own, encoding="utf-8")
    assert installation.run("run").returncode == 0
    assert (installation.folder / "mail-archiver.db").exists()
    assert (installation.folder / "mail-archiver-blobs").is_dir()


def test_every_commented_setting_of_env_example_is_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^#? ?(MAIL_ARCHIVER_\w+)=(.*)$", example, re.MULTILINE)
    once = {name: value for name, value in named if not name.endswith(("_FILE", "_COMMAND"))}
    assert len(once) > 10
    monkeypatch.chdir(tmp_path)
    for name, value in once.items():
        if "__OAUTH__" not in name:
            monkeypatch.setenv(name, value)
    assert load_settings().accounts["crm"].host == "imap.example.com"
    monkeypatch.delenv("MAIL_ARCHIVER_ACCOUNTS__CRM__PASSWORD")
    for name, value in once.items():
        if "__OAUTH__" in name:
            monkeypatch.setenv(name, value)
    assert load_settings().accounts["crm"].oauth is not None


@pytest.mark.parametrize("text", re.findall(r"```sh\n(\s*MAIL_ARCHIVER_.*?)```", README, re.DOTALL))
def test_the_settings_of_the_readme_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in re.findall(r"^\s*(\w+)=(.*)$", text, re.MULTILINE):
        monkeypatch.setenv(name, value.replace("<tenant id>", "00000000-0000-0000-0000-000000000000"))
    settings = load_settings()
    if settings.contact_source:
        monkeypatch.chdir(PROJECT)
        assert ":since" in read_contact_source(settings).query
        return
    oauth = settings.accounts["crm"].oauth
    assert oauth is not None
    assert oauth.client_id == "<client id>"


def test_the_toml_of_the_readme_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert tomllib.loads(text)["accounts"]["crm"]["mailboxes"] == ["INBOX", "Sent"]
    (tmp_path / "mail-archiver.toml").write_text(
        text.replace("pass show mail/crm", "echo hush"), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    read = load_settings(tmp_path / "mail-archiver.toml")
    assert read.accounts["crm"].password == SecretStr("hush")


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?)```", README, re.DOTALL))
def test_the_queries_of_the_readme_give_answers(
    installation: Installation, dovecot: Dovecot, query: str
) -> None:
    (installation.folder / "c.csv").write_text(
        "external_id,addresses\nc1,known@client.example\n", encoding="utf-8"
    )
    installation.run("contacts", "import", "c.csv")
    dovecot.deliver(installation.user, mail(to="known@client.example, unknown@client.example"))
    dovecot.deliver(installation.user, BOUNCE)
    installation.run("run")
    assert installation.rows(query)
