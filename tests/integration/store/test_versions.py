"""Tables that are missing, old, of a later release, or from before the first one."""

import stat
from pathlib import Path

import pytest
from tests.integration.store.sql import Sql

from mail_archiver.errors import DatabaseRefused, SchemaMismatch
from mail_archiver.store.release import HEAD, VERSION_TABLE
from mail_archiver.store.store import Store


def pretend(url: str, revision: str) -> Store:
    """A store whose tables say that they are of another revision."""
    store = Store(url)
    store.upgrade()
    Sql(url).run(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'")
    return store


def test_misses_tables_that_are_not_there_yet(database_url: str) -> None:
    with pytest.raises(SchemaMismatch) as caught:
        Store(database_url).require_current()
    assert "not there yet" in caught.value.what
    assert caught.value.hint == "Run: mail-archiver db upgrade"


def test_refuses_tables_of_an_earlier_release(database_url: str) -> None:
    store = pretend(database_url, "0000")
    with pytest.raises(SchemaMismatch) as caught:
        store.require_current()
    assert "earlier release" in caught.value.what
    assert caught.value.hint == "Back up, then run: mail-archiver db upgrade"


@pytest.mark.parametrize("method", ["require_current", "prepare", "upgrade"])
def test_leaves_tables_of_a_later_release_alone(database_url: str, method: str) -> None:
    store, sql = pretend(database_url, "9999"), Sql(database_url)
    before = sql.objects()
    with pytest.raises(SchemaMismatch) as caught:
        getattr(store, method)()
    assert "later release" in caught.value.what
    assert caught.value.hint == "Install that release of mail-archiver."
    assert store.revision() == "9999"
    assert sql.objects() == before


@pytest.mark.parametrize("revision", ["0002", "0008"])
@pytest.mark.parametrize("method", ["require_current", "prepare", "upgrade"])
def test_leaves_tables_from_before_the_first_release_alone(
    database_url: str, method: str, revision: str
) -> None:
    store, sql = pretend(database_url, revision), Sql(database_url)
    before = sql.objects()
    with pytest.raises(SchemaMismatch) as caught:
        getattr(store, method)()
    assert "before the first release" in caught.value.what
    assert caught.value.hint == "Begin with a new, empty database and a new storage."
    assert store.revision() == revision
    assert sql.objects() == before


def test_tells_the_revisions_before_and_after(database_url: str) -> None:
    store = Store(database_url)
    assert store.upgrade() == (None, HEAD)
    assert store.upgrade() == (HEAD, HEAD)
    store.prepare()
    store.require_current()


def test_sqlite_prepares_itself(sqlite_url: str, tmp_path: Path) -> None:
    store = Store(sqlite_url)
    assert (store.is_sqlite, store.is_there) == (True, False)
    store.prepare()
    assert store.is_there
    store.require_current()
    assert stat.S_IMODE((tmp_path / "crm.db").stat().st_mode) == 0o600


def test_postgresql_is_prepared_by_a_person(postgres_url: str) -> None:
    store = Store(postgres_url)
    assert (store.is_sqlite, store.is_there) == (False, True)
    with pytest.raises(SchemaMismatch):
        store.prepare()
    assert Sql(postgres_url).objects() == set()


def test_everything_beside_a_sqlite_file_is_as_private_as_the_file(sqlite_url: str, tmp_path: Path) -> None:
    store = Store(sqlite_url)
    store.prepare()
    with store.run_lease("crm"), store.reading() as uow:
        uow.contacts.known(["1"])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert len(modes) > 2
    assert [name for name, mode in modes.items() if mode & 0o077] == []


def test_looking_at_a_sqlite_file_that_is_not_there_makes_none(sqlite_url: str, tmp_path: Path) -> None:
    store = Store(sqlite_url)
    assert store.revision() is None
    with pytest.raises(SchemaMismatch):
        store.require_current()
    assert list(tmp_path.iterdir()) == []


def test_needs_no_right_to_make_tables_once_they_are_there(postgres_url: str) -> None:
    Store(postgres_url).upgrade()
    sql = Sql(postgres_url)
    name = f"runner_{sql.engine.url.database}"
    sql.run(
        f"CREATE ROLE {name} LOGIN PASSWORD 'secret'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
    )
    url = sql.engine.url.set(username=name, password="secret").render_as_string(hide_password=False)
    Store(url).prepare()
    sql.run(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}")
    with pytest.raises(DatabaseRefused):
        Store(url).prepare()
