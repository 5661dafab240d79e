"""Settings of a second database that owns the contacts."""

from pathlib import Path

import pytest

from mail_archiver.config import ContactSource, load_settings, read_contact_source
from mail_archiver.errors import ConfigError


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)


def load(text: str) -> ContactSource:
    """What is read from a table of that content, in another folder than the working directory."""
    Path("etc").mkdir(exist_ok=True)
    Path("etc/config.toml").write_text(f"[contact_source]\n{text}")
    return read_contact_source(load_settings(Path("etc/config.toml")))


def test_there_is_none_unless_it_is_set() -> None:
    with pytest.raises(ConfigError, match="no contact source is configured"):
        read_contact_source(load_settings())


def test_the_environment_says_where_it_is_and_what_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_ARCHIVER_CONTACT_SOURCE__URL_COMMAND", "echo 'mysql://crm:pw@h/espo'")
    monkeypatch.setenv("MAIL_ARCHIVER_CONTACT_SOURCE__QUERY", '{"1": SELECT}')
    source = read_contact_source(load_settings())
    assert source.url.get_secret_value() == "mysql://crm:pw@h/espo"
    assert source.query == '{"1": SELECT}'


def test_the_query_may_stand_in_a_file_and_paths_count_from_the_file_that_holds_them() -> None:
    Path("etc").mkdir()
    Path("etc/contacts.sql").write_text("-- all\nSELECT 1\n")
    source = load('url = "sqlite:///crm.db"\nquery_file = "contacts.sql"\n')
    assert source.query == "-- all\nSELECT 1"
    assert source.url.get_secret_value() == f"sqlite:///{Path.cwd()}/etc/crm.db"


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('url = "postgresql://h/d"', "contact_source.query", "is required"),
        ('query = "SELECT 1"', "contact_source.url", "is required"),
        ('url = "x"\nquery_file = "none.sql"', "contact_source", "query_file: cannot read"),
        ('url = "x"\nquery = "SELECT 1"\nquery_file = "c.sql"', "contact_source", "exclude each other"),
    ],
)
def test_what_is_missing_or_wrong_is_told(text: str, where: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert caught.value.setting == where
    assert what in caught.value.what


def test_what_is_wrong_with_it_stops_no_run() -> None:
    Path("config.toml").write_text('[contact_source]\nurl_command = "exit 1"\nquery_file = "none.sql"\n')
    assert load_settings(Path("config.toml")).accounts == {}


def test_an_unknown_setting_of_it_names_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        load('url = "x"\nquerry = "SELECT 1"\n')
    assert caught.value.hint == "Did you mean contact_source.query?"


def test_the_url_is_not_shown() -> None:
    Path("config.toml").write_text('[contact_source]\nurl = "mysql://crm:hush@h/espo"\nquery = "SELECT 1"\n')
    settings = load_settings(Path("config.toml"))
    assert "hush" not in repr(settings)
    assert "hush" not in repr(read_contact_source(settings))
