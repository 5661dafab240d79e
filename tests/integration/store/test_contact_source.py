"""A second database that owns contacts: what is asked of it, and what is said when it does not answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from mail_archiver.errors import ConfigError, DatabaseRefused, DatabaseUnavailable
from mail_archiver.store.contact_source import ContactSource

DRIVERS = {"postgresql": "postgresql+psycopg2", "mariadb": "mariadb+pymysql", "sqlite": "sqlite"}
SINCE = datetime(2026, 3, 1, tzinfo=UTC)

TABLE = """
CREATE TABLE people (
    id varchar(20) PRIMARY KEY, first_name varchar(50), mail varchar(100), changed {moment}, gone {truth}
)
"""
ROWS = """
INSERT INTO people VALUES
    ('p1', 'Hélène', 'helene@aubry.example', '2026-03-01 08:00:00', false),
    ('p2', NULL, '100%@client.example', '2026-02-28 23:59:59', false),
    ('p3', 'Zoé', 'zoe@client.example', '2026-03-01 00:00:00', true)
"""
QUERY = """
-- Only what is new :since then; this comment is no parameter, nor is :that.
SELECT id AS external_id, first_name, mail AS address, changed AS updated_at, gone AS deleted
FROM people
WHERE changed >= :since AND mail LIKE '%@%'
ORDER BY id;
"""


@pytest.fixture(params=["sqlite_url", "postgres_url", "mariadb_url"], ids=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn, with three people."""
    url: str = request.getfixturevalue(request.param)
    is_sqlite = url.startswith("sqlite")
    moment = "text" if is_sqlite else "datetime" if url.startswith("mariadb") else "timestamp"
    run(url, TABLE.format(moment=moment, truth="boolean"), ROWS)
    return url


def run(url: str, *statements: str) -> None:
    parsed = make_url(url)
    engine = sa.create_engine(parsed.set(drivername=DRIVERS[parsed.drivername]), poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def ids(url: str, query: str, since: datetime = SINCE) -> list[object]:
    return [row["external_id"] for row in ContactSource(url, query).rows(since)]


def test_yields_the_rows_by_column(url: str) -> None:
    [first, last] = ContactSource(url, QUERY).rows(SINCE)
    changed = first.pop("updated_at")  # type: ignore[attr-defined]
    assert str(changed) == "2026-03-01 08:00:00"
    assert first == {
        "external_id": "p1",
        "first_name": "Hélène",
        "address": "helene@aubry.example",
        "deleted": False,
    }
    assert (last["external_id"], bool(last["deleted"])) == ("p3", True)


def test_asks_for_what_is_new_in_utc_whatever_zone_the_moment_has(url: str) -> None:
    assert ids(url, QUERY, datetime.fromisoformat("2026-03-01T02:00:00+01:00")) == ["p1"]
    assert ids(url, QUERY, datetime(1970, 1, 1, tzinfo=UTC)) == ["p1", "p2", "p3"]


def test_knows_whether_the_query_can_be_asked_so(url: str) -> None:
    assert ContactSource(url, QUERY).is_incremental
    everyone = "SELECT id AS external_id, mail AS address FROM people -- :since\n-- :until"
    with pytest.raises(ConfigError, match="names :until") as caught:
        ContactSource(url, everyone.replace("-- :until", "WHERE id > :until"))
    assert caught.value.setting == "contact_source.query"
    plain = ContactSource(url, everyone.replace(" -- :since", ""))
    assert not plain.is_incremental
    assert len(list(plain.rows(SINCE))) == 3


def test_another_query_is_another_definition_and_another_password_is_not(url: str) -> None:
    source = ContactSource(url, QUERY)
    assert source.definition == ContactSource(url, QUERY).definition
    assert source.definition != ContactSource(url, QUERY + " ").definition
    if not url.startswith("sqlite"):
        other = make_url(url).set(password="other").render_as_string(hide_password=False)
        assert source.definition == ContactSource(other, QUERY).definition


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM people",
        "UPDATE people SET mail = 'x'",
        "INSERT INTO people (id) VALUES ('x')",
        "CREATE TABLE theirs (id integer)",
        "DELETE FROM people RETURNING id AS external_id, mail AS address",
    ],
)
def test_writes_nothing_whatever_the_query_says(url: str, query: str) -> None:
    with pytest.raises(ConfigError) as caught:
        list(ContactSource(url, query).rows(SINCE))
    assert caught.value.setting == "contact_source.query"
    assert ids(url, QUERY, datetime(1970, 1, 1, tzinfo=UTC)) == ["p1", "p2", "p3"]
    with pytest.raises(sa.exc.DBAPIError):
        run(url, "SELECT 1 FROM theirs")


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("SELECT id FROM nowhere", "nowhere"),
        ("SELECT phone AS external_id, mail AS address FROM people", "phone"),
        ("SELEC id", "SELEC"),
        ("SELECT id AS external_id FROM people", "yields no column address"),
        ("SELECT mail AS address FROM people", "yields no column external_id"),
        ("SELECT id AS external_id, mail AS address, 1 AS phone FROM people", "unknown column phone"),
        ("SELECT id AS external_id, mail AS address FROM people WHERE changed > :since", "updated_at too"),
    ],
)
def test_tells_what_is_wrong_with_a_query(url: str, query: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        list(ContactSource(url, query).rows(SINCE))
    assert what in caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.setting == "contact_source.query"


def elsewhere(url: str, **changes: object) -> str:
    return make_url(url).set(**changes).render_as_string(hide_password=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("database", ["postgres_url", "mariadb_url"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda url: elsewhere(url, password="wrong"), DatabaseRefused),
        (lambda url: elsewhere(url, username="nobody"), DatabaseRefused),
        (lambda url: elsewhere(url, port=1), DatabaseUnavailable),
        (lambda url: elsewhere(url, database="nothing"), ConfigError),
    ],
    ids=["password", "user", "port", "database"],
)
def test_tells_why_a_server_does_not_answer(
    request: pytest.FixtureRequest,
    database: str,
    change: Callable[[str], str],
    expected: type[Exception],
) -> None:
    source = ContactSource(change(request.getfixturevalue(database)), "SELECT 1 AS external_id, 2 AS address")
    with pytest.raises(expected) as caught:
        list(source.rows(SINCE))
    assert "wrong" not in str(caught.value)


def test_tells_that_the_rights_do_not_suffice(postgres_url: str) -> None:
    run(
        postgres_url,
        "CREATE TABLE people (id integer)",
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN PASSWORD 'pw'",
    )
    source = ContactSource(
        elsewhere(postgres_url, username="reader", password="pw"),
        "SELECT id AS external_id, id AS address FROM people",
    )
    with pytest.raises(DatabaseRefused, match="permission denied for table people"):
        list(source.rows(SINCE))


def test_does_not_make_the_sqlite_file_that_it_is_told_to_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file") as caught:
        ContactSource(f"sqlite:///{tmp_path}/crm.db", QUERY)
    assert caught.value.setting == "contact_source.url"
    assert not (tmp_path / "crm.db").exists()


@pytest.mark.parametrize("url_", ["crm", "oracle://h/d", "sqlite://", ""])
def test_refuses_what_is_no_database(url_: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ContactSource(url_, QUERY)
    assert caught.value.setting == "contact_source.url"
