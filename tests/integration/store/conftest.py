"""A store on each database, and a look at the database that is not the store's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.store.sql import Sql
from tests.servers.postgres import Postgres

from mail_archiver.store.store import Store
from mail_archiver.store.tables import metadata


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres: Postgres) -> str:
    """A PostgreSQL database with our tables, which the tests use one after the other."""
    return _migrated(postgres.new_database())


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with our tables, of which each test has a copy."""
    file = tmp_path_factory.mktemp("migrated") / "crm.db"
    _migrated(f"sqlite:///{file}")
    return file


@pytest.fixture
def emptied_postgres_url(migrated_postgres_url: str) -> str:
    """A PostgreSQL database with nothing in our tables."""
    tables = [table.name for table in reversed(metadata.sorted_tables)]
    numbered = [table.name for table in metadata.sorted_tables if "id" in table.c]
    Sql(migrated_postgres_url).run(
        *(f"DELETE FROM {table}" for table in tables),  # much faster than TRUNCATE for a few rows
        *(f"ALTER TABLE {table} ALTER id RESTART" for table in numbered),
    )
    return migrated_postgres_url


@pytest.fixture
def copied_sqlite_url(migrated_sqlite_file: Path, sqlite_url: str, tmp_path: Path) -> str:
    """An SQLite database with nothing in our tables."""
    shutil.copy(migrated_sqlite_file, tmp_path / "crm.db")
    return sqlite_url


@pytest.fixture(params=["copied_sqlite_url", "emptied_postgres_url"], ids=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """Where `store` is."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A store whose tables are there and empty; a test leaves the tables as they are."""
    opened = Store(store_url)
    yield opened
    opened.close()


@pytest.fixture
def sql(store_url: str) -> Sql:
    """Another program on the database of `store`."""
    return Sql(store_url)


def _migrated(url: str) -> str:
    store = Store(url)
    store.upgrade()
    store.close()
    return url
