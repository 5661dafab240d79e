"""Settings of an account that logs in by OAuth 2.0."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from mail_archiver.config import load_settings
from mail_archiver.config.oauth import OAuth
from mail_archiver.errors import ConfigError

ACCOUNT = '[accounts.crm]\nhost = "imap.example.com"\nusername = "crm@example.com"\n'


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)


def load(text: str) -> OAuth:
    """What is read from an account's table of that content."""
    Path("config.toml").write_text(f"{ACCOUNT}[accounts.crm.oauth]\n{text}")
    oauth = load_settings(Path("config.toml")).accounts["crm"].oauth
    assert oauth is not None
    return oauth


def test_microsoft_needs_a_tenant_and_a_client_and_has_the_rest() -> None:
    oauth = load('provider = "microsoft"\ntenant = "example.com"\nclient_id = "c"')
    assert oauth.token_url == "https://login.microsoftonline.com/example.com/oauth2/v2.0/token"
    assert oauth.authorize_url == "https://login.microsoftonline.com/example.com/oauth2/v2.0/authorize"
    assert oauth.user_scope == "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
    assert oauth.app_scope == "https://outlook.office365.com/.default"
    assert oauth.mechanism == "xoauth2"


def test_google_needs_a_client_and_grants_nothing_to_applications_themselves() -> None:
    oauth = load('provider = "google"\nclient_id = "c"\nclient_secret = "s"')
    assert oauth.token_url == "https://oauth2.googleapis.com/token"
    assert oauth.authorize_url.startswith("https://accounts.google.com/o/oauth2/v2/auth?access_type=offline")
    assert oauth.user_scope == "https://mail.google.com/"
    assert oauth.app_scope is None


def test_another_provider_needs_its_address_and_takes_what_is_set() -> None:
    oauth = load(
        'token_url = "https://id.example.com/"\nclient_id = "c"\nscope = "mail"\nmechanism = "oauthbearer"'
    )
    assert (oauth.user_scope, oauth.app_scope, oauth.mechanism) == ("mail", "mail", "oauthbearer")


def test_what_is_set_counts_before_the_provider() -> None:
    oauth = load(
        'provider = "microsoft"\ntenant = "t"\nclient_id = "c"\nscope = "s"\ntoken_url = "https://o.example/"'
    )
    assert (oauth.token_url, oauth.user_scope, oauth.app_scope) == ("https://o.example/", "s", "s")


def test_secrets_may_stand_elsewhere_and_paths_count_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("from-file\n")
    Path("config.toml").write_text(
        f'token_folder = "tokens"\n{ACCOUNT}[accounts.crm.oauth]\nprovider = "google"\nclient_id = "c"\n'
        'client_secret_file = "secret"\nrefresh_token_command = "echo from-command"\nca_file = "ca.pem"\n'
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    settings = load_settings(tmp_path / "config.toml")
    oauth = settings.accounts["crm"].oauth
    assert oauth is not None
    assert oauth.client_secret == SecretStr("from-file")
    assert oauth.refresh_token == SecretStr("from-command")
    assert (oauth.ca_file, settings.token_folder) == (tmp_path / "ca.pem", tmp_path / "tokens")


def test_the_environment_reaches_the_nested_table(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HOST": "h",
        "USERNAME": "u",
        "OAUTH__PROVIDER": "google",
        "OAUTH__CLIENT_ID": "c",
        "OAUTH__CLIENT_SECRET": "s",
    }.items():
        monkeypatch.setenv(f"MAIL_ARCHIVER_ACCOUNTS__CRM__{name}", value)
    oauth = load_settings().accounts["crm"].oauth
    assert oauth is not None
    assert oauth.client_secret == SecretStr("s")


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('provider = "google"', "accounts.crm.oauth.client_id", "is required"),
        ('provider = "yahoo"\nclient_id = "c"', "accounts.crm.oauth.provider", "'microsoft' or 'google'"),
        ('provider = "microsoft"\nclient_id = "c"', "accounts.crm.oauth", "tenant is required"),
        ('provider = "microsoft"\nclient_id = "c"\ntenant = "a/b"', "accounts.crm.oauth.tenant", "match"),
        ('client_id = "c"', "accounts.crm.oauth", "provider (microsoft or google) or token_url is required"),
        ('client_id = "c"\ntoken_url = "http://id.example.com/"', "accounts.crm.oauth.token_url", "https://"),
        (
            'client_id = "c"\ntoken_url = "http://localhost.example/"',
            "accounts.crm.oauth.token_url",
            "https://",
        ),
        ('client_id = "c"\ntoken_url = "https://"', "accounts.crm.oauth.token_url", "https://"),
        ('client_id = "c"\ntoken_url = "http://["', "accounts.crm.oauth.token_url", "https://"),
        ('client_id = "c"\ntoken_url = "ftp://localhost/"', "accounts.crm.oauth.token_url", "https://"),
        (
            'provider = "google"\nclient_id = "c"\nclient_secret = "hush"\nclient_secret_file = "f"',
            "accounts.crm.oauth",
            "client_secret and client_secret_file exclude each other",
        ),
    ],
)
def test_what_makes_no_sense_is_explained_without_secrets(text: str, where: str, what: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(text)
    assert raised.value.where == where
    assert what in raised.value.what
    assert "hush" not in repr(raised.value) + raised.value.hint


def test_a_password_and_oauth_exclude_each_other() -> None:
    Path("config.toml").write_text(
        f'{ACCOUNT}password = "hush"\n[accounts.crm.oauth]\nprovider = "google"\nclient_id = "c"'
    )
    with pytest.raises(ConfigError) as raised:
        load_settings(Path("config.toml"))
    assert raised.value.what == "password and oauth exclude each other"
    assert raised.value.where == "accounts.crm"
