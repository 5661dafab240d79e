"""Settings: where they come from, which counts, and what is said about a bad one."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from mail_archiver.config import Security, load_settings
from mail_archiver.domain.disposition import Action
from mail_archiver.domain.limits import Limits
from mail_archiver.errors import ConfigError

ACCOUNT = {
    "MAIL_ARCHIVER_ACCOUNTS__CRM__HOST": "imap.example.com",
    "MAIL_ARCHIVER_ACCOUNTS__CRM__USERNAME": "crm@example.com",
    "MAIL_ARCHIVER_ACCOUNTS__CRM__PASSWORD": "hush",
}


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account `crm`, from the environment."""
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)


def test_everything_but_an_account_has_a_default() -> None:
    settings = load_settings()
    assert settings.database_url.get_secret_value() == "sqlite:///mail-archiver.db"
    assert settings.storage_url == "file:./mail-archiver-blobs"
    assert settings.accounts == {}


@pytest.mark.usefixtures("account")
def test_an_account_needs_three_settings_and_has_defaults_for_the_rest() -> None:
    account = load_settings().accounts["crm"]
    assert (account.host, account.port, account.security) == ("imap.example.com", 993, Security.TLS)
    assert account.mailboxes == ["INBOX"]
    assert account.disposition.action is Action.KEEP
    assert not account.start.only_new


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("security", "port", "expected"),
    [("starttls", None, 143), ("none", None, 143), ("starttls", "1143", 1143)],
)
def test_the_port_follows_from_the_security_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch, security: str, port: str | None, expected: int
) -> None:
    monkeypatch.setenv("MAIL_ARCHIVER_ACCOUNTS__CRM__SECURITY", security)
    if port:
        monkeypatch.setenv("MAIL_ARCHIVER_ACCOUNTS__CRM__PORT", port)
    assert load_settings().accounts["crm"].port == expected


@pytest.mark.parametrize(
    "text", ["a.example, b.example", '["a.example", "b.example"]', "a.example,b.example,"]
)
def test_a_list_is_separated_by_commas_or_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MAIL_ARCHIVER_INTERNAL_DOMAINS", text)
    assert load_settings().internal_domains == ["a.example", "b.example"]


def test_the_environment_counts_before_dotenv_and_dotenv_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(
        'log_level = "error"\nstorage_url = "file:/toml"\n[accounts.crm]\nhost = "toml"'
    )
    (tmp_path / ".env").write_text(
        "MAIL_ARCHIVER_LOG_LEVEL=warning\nMAIL_ARCHIVER_STORAGE_URL=file:/dotenv\nSOMEBODY_ELSES=1\n"
        "MAIL_ARCHIVER_ACCOUNTS__CRM__USERNAME=dotenv\n"
    )
    monkeypatch.setenv("MAIL_ARCHIVER_LOG_LEVEL", "debug")
    monkeypatch.setenv("MAIL_ARCHIVER_ACCOUNTS__CRM__PASSWORD", "environment")
    settings = load_settings(tmp_path / "config.toml")
    assert (settings.log_level, settings.storage_url) == ("debug", "file:/dotenv")
    account = settings.accounts["crm"]
    assert (account.host, account.username) == ("toml", "dotenv")
    assert account.password == SecretStr("environment")


@pytest.mark.parametrize(
    ("written", "password"),
    [
        ("pa${HOME}ss", "pa${HOME}ss"),
        ("$HOME", "$HOME"),
        ("pa#ss", "pa#ss"),
        ("'pa ss #\"${x}'", 'pa ss #"${x}'),
        ('pa"ss', 'pa"ss'),
    ],
)
def test_a_password_in_dotenv_is_as_it_is_written(tmp_path: Path, written: str, password: str) -> None:
    line = f"MAIL_ARCHIVER_ACCOUNTS__CRM__PASSWORD={written}\n"
    required = "MAIL_ARCHIVER_ACCOUNTS__CRM__HOST=h\nMAIL_ARCHIVER_ACCOUNTS__CRM__USERNAME=u\n"
    (tmp_path / ".env").write_text(line + required)
    assert load_settings().accounts["crm"].password == SecretStr(password)


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('log_level = "error"')
    monkeypatch.setenv("MAIL_ARCHIVER_CONFIG", str(tmp_path / "config.toml"))
    assert load_settings().log_level == "error"


def test_a_relative_path_counts_from_the_file_that_holds_it(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "secret").write_text("from-file\n")
    (folder / "config.toml").write_text(
        'database_url = "sqlite:///crm.db"\nstorage_url = "file:./blobs"\n[accounts.CRM]\nhost = "h"\n'
        'username = "u"\npassword_file = "secret"\nca_file = "ca.pem"\n'
    )
    settings = load_settings(folder / "config.toml")
    assert settings.database_url.get_secret_value() == f"sqlite:///{folder}/crm.db"
    assert settings.storage_url == f"file:{folder}/blobs"
    assert settings.accounts["crm"].password == SecretStr("from-file")
    assert settings.accounts["crm"].ca_file == folder / "ca.pem"


def test_a_secret_may_come_from_a_command_and_spaces_in_it_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_ARCHIVER_DATABASE_URL_COMMAND", "printf 'sqlite:///a b.db \\n' | cat")
    assert load_settings().database_url.get_secret_value() == "sqlite:///a b.db "


def test_a_mailbox_with_a_comma_is_for_toml_or_json(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        '[accounts.crm]\nhost="h"\nusername="u"\npassword="p"\nmailboxes=["Sent, old"]'
    )
    assert load_settings(tmp_path / "c.toml").accounts["crm"].mailboxes == ["Sent, old"]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("PASSWORD_COMMAND", "true", "exclude each other"),
        ("TIMEOUT_S", "0", "greater than 0"),
        ("MAILBOXES", ",", "must name a mailbox"),
        ("PORT", "70000", "65535"),
        ("DISPOSITION", "trash", "must be keep, seen, delete or move:<mailbox>"),
        ("START", "tomorrow", "must be all, new or a date"),
        ("PASSWORD", "", "needs a password (or password_file, or password_command), or oauth"),
        ("TLS_FINGERPRINT", "ab:cd", "64 hexadecimal digits"),
    ],
)
@pytest.mark.usefixtures("account")
def test_a_value_that_makes_no_sense_is_explained(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, what: str
) -> None:
    monkeypatch.setenv(f"MAIL_ARCHIVER_ACCOUNTS__CRM__{name}", value)
    with pytest.raises(ConfigError) as raised:
        load_settings()
    assert what in raised.value.what
    assert raised.value.where.startswith("accounts.crm")


@pytest.mark.parametrize(
    ("command", "what"), [("exit 3", "exit code 3"), ("echo secret-word; exit 1", "exit code 1")]
)
def test_a_command_that_fails_is_told_without_its_output(
    monkeypatch: pytest.MonkeyPatch, command: str, what: str
) -> None:
    for name, value in ACCOUNT.items():
        if not name.endswith("PASSWORD"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("MAIL_ARCHIVER_ACCOUNTS__CRM__PASSWORD_COMMAND", command)
    with pytest.raises(ConfigError) as raised:
        load_settings()
    assert what in raised.value.what
    assert "secret-word" not in raised.value.what


@pytest.mark.usefixtures("account")
def test_no_password_stands_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_ARCHIVER_ACCOUNTS__CRM__PORT", "many")
    with pytest.raises(ConfigError) as raised:
        load_settings()
    assert "hush" not in repr(raised.value) + raised.value.what + raised.value.hint
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ('storage_ulr = "file:x"', "storage_ulr", "Did you mean storage_url?"),
        (
            '[accounts.crm]\nmail_boxes = ["INBOX"]',
            "accounts.crm.mail_boxes",
            "Did you mean accounts.crm.mailboxes?",
        ),
        ("[acounts.crm]\nhost = 1", "acounts", "accounts."),
        ('_env_file = "other.env"', "_env_file", "Did you mean "),  # an argument of pydantic-settings
        ("[limits]\npart = 9", "limits.part", "Did you mean limits.parts?"),
        (
            "[accounts.crm.oauth]\nclientid = 1",
            "accounts.crm.oauth.clientid",
            "Did you mean accounts.crm.oauth.client_id?",
        ),
        ("[accounts.crm]\noauth = 1", "accounts.crm.oauth", "Did you mean accounts.crm.oauth."),
        ("[accounts.crm.oauth.more]\nclient_id = 1", "accounts.crm.oauth.more.client_id", "oauth.client_id?"),
    ],
)
def test_an_unknown_key_of_the_file_names_the_nearest(
    tmp_path: Path, text: str, where: str, hint: str
) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_settings(tmp_path / "c.toml")
    assert raised.value.where == where
    assert hint in raised.value.hint


def test_limits_come_from_a_table_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.toml").write_text("[limits]\nparts = 9\ndepth = 8")
    monkeypatch.setenv("MAIL_ARCHIVER_LIMITS__PARTS", "7")
    limits = load_settings(tmp_path / "c.toml").limits
    assert Limits(**limits.model_dump()) == Limits(parts=7, depth=8)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("limits = 3", "limits"),
        ("[limits]\nparts = 2001", "limits.parts"),
        ("[limits]\ndepth = 65", "limits.depth"),
        ("[limits]\ndepth = 0", "limits.depth"),
        ("[limits]\nbody_octets = 'much'", "limits.body_octets"),
    ],
)
def test_a_limit_that_cannot_be_is_named(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_settings(tmp_path / "c.toml")
    assert raised.value.where == where


def test_an_account_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[accounts."crm.fr-2"]\nhost="h"\nusername="u"\npassword="p"')
    assert list(load_settings(tmp_path / "c.toml").accounts) == ["crm.fr-2"]


@pytest.mark.parametrize("content", [b"accounts = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.toml").write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load_settings(tmp_path / "c.toml")
    assert raised.value.where.endswith("c.toml")


@pytest.mark.usefixtures("account")
def test_an_unknown_variable_of_a_nested_table_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_ARCHIVER_ACCOUNTS__CRM__OAUTH__CLIENTSECRET", "hush")
    with pytest.raises(ConfigError) as raised:
        load_settings()
    assert raised.value.hint == "Did you mean MAIL_ARCHIVER_ACCOUNTS__CRM__OAUTH__CLIENT_SECRET?"


@pytest.mark.parametrize("text", ["AB:" * 31 + "AB", "ab" * 32, "AB" * 32])
@pytest.mark.usefixtures("account")
def test_a_fingerprint_may_have_colons_and_either_case(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MAIL_ARCHIVER_ACCOUNTS__CRM__TLS_FINGERPRINT", text)
    assert load_settings().accounts["crm"].tls_fingerprint == "ab" * 32


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [("CA_FILE", "ca.pem", "exclude each other"), ("SECURITY", "none", "needs security tls or starttls")],
)
@pytest.mark.usefixtures("account")
def test_a_fingerprint_is_all_there_is_to_trust(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, what: str
) -> None:
    monkeypatch.setenv("MAIL_ARCHIVER_ACCOUNTS__CRM__TLS_FINGERPRINT", "ab" * 32)
    monkeypatch.setenv(f"MAIL_ARCHIVER_ACCOUNTS__CRM__{name}", value)
    with pytest.raises(ConfigError) as raised:
        load_settings()
    assert what in raised.value.what


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("name", ["ca_file", "tls_fingerprint"])
def test_an_empty_value_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"MAIL_ARCHIVER_ACCOUNTS__CRM__{name.upper()}", "")
    assert getattr(load_settings().accounts["crm"], name) is None


def test_an_empty_path_in_the_file_is_not_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        'token_folder = ""\n[accounts.crm]\nhost = "h"\nusername = "u"\nca_file = ""\ntls_fingerprint = ""\n'
        '[accounts.crm.oauth]\nprovider = "google"\nclient_id = "c"\nca_file = ""\nclient_secret_file = ""\n'
    )
    settings = load_settings(tmp_path / "c.toml")
    account = settings.accounts["crm"]
    assert account.oauth is not None
    assert (account.ca_file, account.tls_fingerprint, account.oauth.ca_file) == (None, None, None)
    assert account.oauth.client_secret is None
    assert settings.token_folder == Path("mail-archiver-tokens")


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCOUNTS__CRM__PORT", "planted"),
        ("ACCOUNTS__CRM__SECURITY", "planted"),
        ("ACCOUNTS__CRM__MAILBOXES", '["planted'),
        ("ACCOUNTS__CRM__START", "planted"),
        ("ACCOUNTS__CRM__DISPOSITION", "planted"),
        ("ACCOUNTS__CRM__TLS_FINGERPRINT", "planted"),
        ("ACCOUNTS__CRM__PASSWORD_COMMAND", "echo planted; exit 1"),
        ("ACCOUNTS__CRM__OAUTH__TOKEN_URL", "http://planted.example/"),
        ("ACCOUNTS__CRM__OAUTH", "planted"),
        ("LIMITS__DEPTH", "planted"),
        ("PATIENCE_S", "planted"),
        ("LOG_LEVEL", "planted"),
        ("INTERNAL_DOMAINS", "[planted"),
    ],
)
def test_what_is_said_of_a_bad_value_does_not_repeat_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MAIL_ARCHIVER_{name}", value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    error = caught.value
    assert "planted" not in error.what + error.where + error.hint
    assert error.__cause__ is None, "a traceback would tell it"
