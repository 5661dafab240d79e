"""What goes wrong with a database, as errors that tell a person what to do and keep every secret."""

from contextlib import nullcontext
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import KEY, MIXED, NOW, PARTS, begin_epoch, draft, record, status
from tests.integration.store.sql import Sql
from tests.servers.postgres import Postgres
from tests.servers.process import free_ports

from mail_archiver.domain.mailbox_state import Epoch, MailboxKey
from mail_archiver.errors import (
    ConfigError,
    DatabaseRefused,
    DatabaseUnavailable,
    DatabaseUnusable,
    RowsRefused,
    SchemaMismatch,
    StoreError,
)
from mail_archiver.store.store import Store

SECRET = "s3cr3t/p:w%"


def changed(url: str, **parts: object) -> str:
    """The URL with another user name, password, port or database."""
    return sa.make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


def fail(url: str, kind: type[StoreError]) -> StoreError:
    """The error of a first look; nothing that could be logged of it holds the URL's password."""
    store = Store(url)
    with pytest.raises(kind) as caught:
        store.require_current()
    assert type(caught.value) is kind
    password = str(sa.make_url(url).password or SECRET)
    for text in [*texts(caught.value), store.database]:
        assert password not in text
        assert SECRET not in text
    return caught.value


def texts(error: BaseException) -> list[str]:
    """All that could be logged of an error and of what it came from."""
    found = [str(error), repr(error), *(str(value) for value in vars(error).values())]
    return found + (texts(error.__cause__) if error.__cause__ else [])


def test_a_wrong_password_is_refused(postgres_url: str) -> None:
    error = fail(changed(postgres_url, password=SECRET), DatabaseRefused)
    assert "password authentication failed" in error.what
    assert error.hint == "Check the user name, password and rights."


def test_an_unknown_role_is_refused(postgres_url: str) -> None:
    error = fail(changed(postgres_url, username="nobody", password=SECRET), DatabaseRefused)
    assert '"nobody"' in error.what


def test_a_role_that_may_not_connect_is_refused(postgres_url: str) -> None:
    sql = Sql(postgres_url)
    database = sql.engine.url.database
    sql.run(
        f"CREATE ROLE stranger_{database} LOGIN PASSWORD 'let me in'",
        f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC",
    )
    error = fail(
        changed(postgres_url, username=f"stranger_{database}", password="let me in"), DatabaseRefused
    )
    assert "permission denied for database" in error.what


def test_a_role_that_may_not_make_tables_is_refused(postgres_url: str) -> None:
    sql = Sql(postgres_url)
    name = f"reader_{sql.engine.url.database}"
    sql.run(f"CREATE ROLE {name} LOGIN PASSWORD 'let me in'")
    with pytest.raises(DatabaseRefused):
        Store(changed(postgres_url, username=name, password="let me in")).upgrade()


def test_an_unknown_database_is_to_be_created(postgres_url: str) -> None:
    error = fail(changed(postgres_url, database="nowhere"), SchemaMismatch)
    assert error.what == "the database does not exist"
    assert "createdb" in error.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_closed_port_is_unavailable(postgres_url: str, host: str) -> None:
    error = fail(changed(postgres_url, host=host, port=free_ports(1)[0]), DatabaseUnavailable)
    assert "Connection refused" in error.what
    assert "\n" not in error.what


def test_a_host_that_nobody_knows_is_unavailable(postgres_url: str) -> None:
    error = fail(changed(postgres_url, host="nowhere.invalid"), DatabaseUnavailable)
    assert "nowhere.invalid" in error.what


def test_a_password_among_the_urls_parameters_is_kept_secret_too(postgres_url: str) -> None:
    url = sa.make_url(postgres_url)
    place = f"postgresql://{url.host}:{url.port}/{url.database}"
    error = fail(f"{place}?user={url.username}&password={quote(SECRET)}", DatabaseRefused)
    assert error.database == place


def test_a_server_that_stops_in_the_middle_leaves_nothing_and_is_found_again(
    postgres: Postgres, postgres_url: str
) -> None:
    store = Store(postgres_url)
    store.upgrade()
    with pytest.raises(DatabaseUnavailable), store.transaction() as uow:
        uow.ledger.begin_epoch(KEY, status(), NOW)
        with postgres.stopped():
            uow.ledger.find_epoch(KEY, status())
    store.require_current()
    assert Sql(postgres_url).count("mailbox_epoch") == 0


def test_a_server_that_stops_before_the_commit_leaves_nothing(postgres: Postgres, postgres_url: str) -> None:
    store = Store(postgres_url)
    store.upgrade()
    epoch = begin_epoch(store)
    with pytest.raises(DatabaseUnavailable), store.transaction() as uow:
        uow.archives.record(epoch, [draft(1)], NOW, disposed=True)
        with postgres.stopped():
            pass
    assert Sql(postgres_url).count("archive") == 0
    assert len(record(store, epoch, draft(1))) == 1


def test_a_sqlite_file_in_a_folder_that_is_not_there_cannot_be_used(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/missing/crm.db")
    with pytest.raises(DatabaseUnusable) as caught:
        store.prepare()
    assert "folder" in caught.value.hint
    with pytest.raises(DatabaseUnusable), store.transaction():
        pass


def test_a_file_that_is_no_database_cannot_be_used_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Ann,\n" * 100)
    with pytest.raises(DatabaseUnusable) as caught:
        Store(f"sqlite:///{file}").prepare()
    assert caught.value.what == "file is not a database"
    assert file.read_text() == "Dear Ann,\n" * 100


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://crm:{SECRET}@db/crm",
        f"postgresql+asyncpg://crm:{SECRET}@db/crm",
        f"crm:{SECRET}",
        f"postgresql//crm:{SECRET}@db/crm",
        f"postgresql://crm:{SECRET}@db:port/crm",
        "",
    ],
)
def test_a_url_of_no_database_that_we_know_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Store(url)
    assert caught.value.setting == "database_url"
    assert "postgresql://" in caught.value.hint
    assert not any(SECRET in text for text in texts(caught.value))


def test_sqlite_has_no_schemas(sqlite_url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Store(sqlite_url, "crm")
    assert caught.value.setting == "database_schema"


def test_nul_is_what_sqlite_stores_and_postgresql_refuses(store: Store, sql: Sql) -> None:
    with nullcontext() if sql.is_sqlite else pytest.raises(RowsRefused):
        begin_epoch(store, MailboxKey("plant\0ed", "host", "username", "INBOX"))
    assert sql.count("mailbox") == (1 if sql.is_sqlite else 0)


def test_text_that_no_database_takes_is_blamed_on_the_row(store: Store, sql: Sql) -> None:
    with pytest.raises(RowsRefused) as caught:
        begin_epoch(store, MailboxKey("plant\udc80ed", "host", "username", "INBOX"))
    assert "plant" not in caught.value.what
    assert "plant" not in caught.value.where + caught.value.hint
    assert sql.count("mailbox") == 0


def test_a_number_that_no_column_holds_is_blamed_on_the_row(store: Store) -> None:
    with pytest.raises(RowsRefused):
        begin_epoch(store, uidvalidity=2**63)


def test_a_row_of_an_epoch_that_is_not_there_is_refused(store: Store, sql: Sql) -> None:
    with pytest.raises(RowsRefused):
        record(store, Epoch(99, KEY, 1, 0), draft(1))
    assert sql.count("archive") == 0


def test_a_row_that_breaks_a_rule_is_blamed_without_a_word_of_it(database_url: str) -> None:
    store, sql = Store(database_url), Sql(database_url)
    store.upgrade()
    epoch = begin_epoch(store)
    record(store, epoch, draft(1, {"Subject": "planted"}))
    sql.run("CREATE UNIQUE INDEX one_subject ON archive (subject)")
    with pytest.raises(RowsRefused) as caught:
        record(store, epoch, draft(2, {"Subject": "planted", "Message-ID": "<planted@example.com>"}))
    assert "planted" not in caught.value.what + caught.value.where + caught.value.hint
    assert sql.count("archive") == 1


def test_a_row_that_another_programs_trigger_refuses_is_to_blame(database_url: str) -> None:
    store, sql = Store(database_url), Sql(database_url)
    store.upgrade()
    epoch = begin_epoch(store)
    if sql.is_sqlite:
        sql.run("CREATE TRIGGER no BEFORE INSERT ON archive BEGIN SELECT RAISE(ABORT, 'planted'); END")
    else:
        sql.run(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'planted'; END$$",
            "CREATE TRIGGER no BEFORE INSERT ON archive FOR EACH ROW EXECUTE FUNCTION no()",
        )
    with pytest.raises(RowsRefused) as caught:
        record(store, epoch, draft(1))
    assert "planted" not in caught.value.what + caught.value.hint
    assert sql.count("archive") == 0


def test_a_table_that_is_gone_is_a_matter_of_the_schema(database_url: str) -> None:
    store, sql = Store(database_url), Sql(database_url)
    store.upgrade()
    sql.run("DROP TABLE attachment")
    with pytest.raises(SchemaMismatch):
        record(store, begin_epoch(store), draft(1, MIXED, PARTS))


def test_an_error_of_the_callers_own_passes_through_and_undoes_the_transaction(
    store: Store, sql: Sql
) -> None:
    with pytest.raises(ValueError, match="the caller's"), store.transaction() as uow:
        uow.ledger.begin_epoch(KEY, status(), NOW)
        raise ValueError("the caller's")
    assert sql.count("mailbox_epoch") == 0


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_text_is_refused_by_name(postgres: Postgres, encoding: str) -> None:
    with pytest.raises(ConfigError, match=f"encoded in {encoding}, not UTF8"):
        Store(postgres.new_database(encoding=encoding)).prepare()


def test_what_the_environment_says_of_the_encoding_does_not_count(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    store = Store(postgres_url)
    store.upgrade()
    with store.transaction() as uow:
        uow.contacts.create(
            "ż@client.example", "ż@client.example", kind="lead", first_name="😀", last_name=None
        )
