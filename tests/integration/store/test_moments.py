"""Moments: the same on both databases, whatever zone the server is in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import begin_epoch, draft, record
from tests.integration.store.sql import Sql
from tests.servers.postgres import Postgres

from mail_archiver.store.store import Store
from mail_archiver.store.tables import archive

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
ELSEWHERE = datetime(2024, 5, 6, 9, 0, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))


@pytest.fixture(params=["sqlite", "UTC", "Asia/Tokyo", "America/New_York", "Europe/Amsterdam"])
def zoned_url(request: pytest.FixtureRequest, copied_sqlite_url: str, postgres: Postgres) -> str:
    """A database whose server is in a zone of its own."""
    if request.param == "sqlite":
        return copied_sqlite_url
    url = postgres.new_database()
    sql = Sql(url)
    sql.run(f"ALTER DATABASE {sql.engine.url.database} SET timezone TO '{request.param}'")
    Store(url).upgrade()
    return url


@pytest.mark.parametrize("moment", [EARLIEST, LATEST, ELSEWHERE], ids=["first", "last", "elsewhere"])
def test_every_moment_comes_back(zoned_url: str, moment: datetime) -> None:
    store, sql, read = Store(zoned_url), Sql(zoned_url), draft(1)
    message = replace(read.message, sent_at=moment)
    record(store, begin_epoch(store), replace(read, message=message, received_at=moment))
    columns = archive.c
    [[sent_at, received_at]] = sql.rows(sa.select(columns.sent_at, columns.received_at))
    assert sent_at == received_at == moment
    assert sent_at.tzinfo is UTC
    assert sql.rows(sa.select(columns.id).where(columns.sent_at == moment)) == [(1,)]
    assert sql.rows(sa.select(columns.id).where(columns.sent_at < moment)) == []
    store.close()
