"""Leases: who may work on an account, and that no lease outlives its holder."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy.pool import QueuePool
from tests.integration.store.processes import (
    TIMEOUT_S,
    hold_beside_a_child,
    holding,
    running,
    running_and_sent,
    take_turns,
)
from tests.integration.store.sql import Sql
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import Postgres

from mail_archiver.errors import AccountBusy, DatabaseUnavailable, DatabaseUnusable
from mail_archiver.store import lease as lease_module
from mail_archiver.store.store import Store


@pytest.fixture
def pooled_postgres_url(emptied_postgres_url: str, pgbouncer: PgBouncer) -> str:
    """The PostgreSQL database with our tables, behind a pooler that hands out connections by transaction."""
    return pgbouncer.before(emptied_postgres_url)


@pytest.fixture(
    params=["copied_sqlite_url", "emptied_postgres_url", "pooled_postgres_url"],
    ids=["sqlite", "postgresql", "pgbouncer"],
)
def store_url(request: pytest.FixtureRequest) -> str:
    """Where `store` is."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def other(store_url: str) -> Iterator[Store]:
    """A second store on the same database, as another process has it."""
    opened = Store(store_url)
    yield opened
    opened.close()


def is_busy(lease: AbstractContextManager[None]) -> bool:
    try:
        with lease:
            return False
    except AccountBusy:
        return True


def is_taken(store: Store, lock: str) -> bool:
    with store._leases._locks() as locks:
        return not locks.take(lock)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("lease", ["run_lease", "backfill_lease"])
def test_excludes_a_second_holder_in_another_process(store: Store, store_url: str, lease: str) -> None:
    with holding(store_url, lease, "crm"):
        with pytest.raises(AccountBusy) as caught, getattr(store, lease)("crm"):
            pass
        assert caught.value.account == "crm"
    assert not is_busy(getattr(store, lease)("crm"))


@pytest.mark.parametrize("lease", ["run_lease", "backfill_lease"])
def test_frees_itself_when_its_holder_is_killed(store: Store, store_url: str, lease: str) -> None:
    with holding(store_url, lease, "crm") as process:
        assert is_busy(getattr(store, lease)("crm"))
        process.kill()
        wait_until(lambda: not is_busy(getattr(store, lease)("crm")))


def test_keeps_its_lease_while_its_holder_is_stopped(store: Store, store_url: str) -> None:
    with holding(store_url, "run_lease", "crm") as process:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        assert is_busy(store.run_lease("crm"))
        os.kill(process.pid, signal.SIGCONT)


def test_no_child_of_its_holder_keeps_it(store: Store, store_url: str) -> None:
    with running_and_sent(hold_beside_a_child, store_url, "crm") as (process, child):
        try:
            assert is_busy(store.run_lease("crm"))
            process.kill()
            wait_until(lambda: not is_busy(store.run_lease("crm")))
        finally:
            os.kill(child, signal.SIGKILL)


def test_the_server_asks_a_silent_holder_whether_it_lives(postgres_url: str) -> None:
    # That it ends the session of one that does not answer is the kernel's doing: nothing to test in a minute.
    with Store(postgres_url)._leases._locks() as locks:
        assert isinstance(locks, lease_module._AdvisoryLocks)
        assert locks.take("run:crm")
        settings = [
            locks._connection.exec_driver_sql(f"SHOW tcp_{name}").scalar()
            for name in ("keepalives_idle", "keepalives_interval", "keepalives_count", "user_timeout")
        ]
    assert settings == ["30", "10", "3", "60000"]


def test_frees_itself_when_its_holder_fails(store: Store, other: Store) -> None:
    with pytest.raises(ValueError, match="a bug"), store.run_lease("crm"):
        raise ValueError("a bug")
    assert not is_busy(other.run_lease("crm"))


def test_accounts_do_not_meet(store: Store, other: Store) -> None:
    with store.run_lease("crm"), store.backfill_lease("crm"):
        for account in ("sales", "crm2", "cr", "CRM", "c rm", ""):
            assert not is_busy(other.run_lease(account))
    with store.run_lease("a b"):
        for account in ("a_b", "a/b", "a:b", "a%20b", "../a b"):
            assert not is_busy(other.run_lease(account))


def test_databases_do_not_meet(store: Store, postgres_url: str, tmp_path: Path) -> None:
    elsewhere = [Store(postgres_url), Store(f"sqlite:///{tmp_path / 'other.db'}")]
    with store.run_lease("crm"), store.backfill_lease("crm"):
        for each in elsewhere:
            assert not is_busy(each.run_lease("crm"))
            assert not is_busy(each.backfill_lease("crm"))
            each.close()


def test_schemas_of_one_database_do_not_meet(postgres_url: str) -> None:
    first, second, plain = Store(postgres_url, "first"), Store(postgres_url, "second"), Store(postgres_url)
    with first.run_lease("crm"):
        assert not is_busy(second.run_lease("crm"))
        assert not is_busy(plain.run_lease("crm"))
        assert is_busy(Store(postgres_url, "first").run_lease("crm"))


def test_a_run_and_a_backfill_hold_an_account_side_by_side(store: Store, other: Store) -> None:
    with store.backfill_lease("crm"):
        assert not is_busy(other.run_lease("crm"))
    with store.run_lease("crm"):
        assert not is_busy(other.backfill_lease("crm"))


def test_a_run_waits_for_a_turn_to_end_and_the_next_turn_gives_way_to_it(
    store: Store, other: Store, store_url: str
) -> None:
    third = Store(store_url)
    events: list[str] = []

    def run() -> None:
        with other.run_lease("crm"):
            events.append("run")

    with ThreadPoolExecutor(1) as pool, store.backfill_lease("crm"):
        with store.backfill_turn("crm"):
            waiting = pool.submit(run)
            wait_until(lambda: waiting.done() or is_taken(third, "run:crm"))
            events.append("first turn ends")
        with store.backfill_turn("crm"):
            events.append("second turn")
        waiting.result(TIMEOUT_S)
    third.close()
    assert events == ["first turn ends", "run", "second turn"]


def test_a_turn_waits_for_the_end_of_a_run(store: Store, other: Store) -> None:
    events: list[str] = []

    def turn() -> None:
        events.append("asked")
        with other.backfill_turn("crm"):
            events.append("turn")

    with ThreadPoolExecutor(1) as pool:
        with store.run_lease("crm"):
            waiting = pool.submit(turn)
            wait_until(lambda: bool(events))
            events.append("run ends")
        waiting.result(TIMEOUT_S)
    assert events == ["asked", "run ends", "turn"]


def test_a_turn_does_not_wait_for_ever(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "TURN_WAIT_S", 0.1)
    with store.run_lease("crm"), pytest.raises(AccountBusy), other.backfill_turn("crm"):
        pass
    with store.backfill_turn("crm"), pytest.raises(AccountBusy), other.backfill_turn("crm"):
        pass


def test_a_run_does_not_wait_for_ever(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "BATCH_WAIT_S", 0.1)
    with store.backfill_turn("crm"), pytest.raises(AccountBusy), other.run_lease("crm"):
        pass
    assert not is_busy(other.run_lease("crm")), "it gave back what it had"


def test_a_backfill_that_takes_turn_after_turn_never_makes_the_account_look_busy(
    store: Store, store_url: str
) -> None:
    with running(take_turns, store_url, "crm") as process:
        for _ in range(100):
            with store.run_lease("crm"):
                pass
        assert process.is_alive()


def test_waits_longer_than_the_server_lets_a_statement_take(postgres_url: str) -> None:
    sql = Sql(postgres_url)
    sql.run(
        f"ALTER DATABASE {sql.engine.url.database} SET statement_timeout = '250ms'",
        f"ALTER DATABASE {sql.engine.url.database} SET lock_timeout = '250ms'",
        f"ALTER DATABASE {sql.engine.url.database} SET idle_in_transaction_session_timeout = '250ms'",
    )
    store, other = Store(postgres_url), Store(postgres_url)

    def turn() -> None:
        with other.backfill_turn("crm"):
            pass

    with ThreadPoolExecutor(1) as pool:
        with store.run_lease("crm"):
            waiting = pool.submit(turn)
            time.sleep(0.5)
            assert is_busy(Store(postgres_url).run_lease("crm"))
            assert not waiting.done()
        waiting.result(TIMEOUT_S)


def test_who_waits_keeps_no_connection_from_who_works(
    small_pgbouncer: PgBouncer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "TURN_WAIT_S", 5.0)  # longer than the pooler's patience
    store, *waiting = (Store(small_pgbouncer.before(postgres_url)) for _ in range(6))
    store.upgrade()
    with ThreadPoolExecutor(len(waiting)) as pool, store.run_lease("crm"):
        turns = [pool.submit(is_busy, each.backfill_turn("crm")) for each in waiting]
        while not all(turn.done() for turn in turns):
            with store.reading() as uow:
                assert not uow.contacts.known(["nobody"])
    assert all(turn.result() for turn in turns)


def test_a_lease_that_the_server_lost_is_given_back_without_a_fuss(
    postgres: Postgres, postgres_url: str
) -> None:
    store = Store(postgres_url)
    with store.run_lease("crm"), postgres.stopped():
        pass
    assert not is_busy(store.run_lease("crm"))
    assert isinstance(store._engine.pool, QueuePool)
    assert store._engine.pool.checkedout() == 0


def test_a_server_that_is_away_is_unavailable_not_busy(postgres: Postgres, postgres_url: str) -> None:
    store = Store(postgres_url)
    with postgres.stopped(), pytest.raises(DatabaseUnavailable), store.run_lease("crm"):
        pass


def test_a_folder_that_takes_no_lock_files_is_told(sqlite_url: str, tmp_path: Path) -> None:
    store = Store(sqlite_url)
    store.prepare()
    (tmp_path / "crm.db-locks").write_text("in the way")
    with pytest.raises(DatabaseUnusable) as caught, store.run_lease("crm"):
        pass
    assert "crm.db-locks" in caught.value.hint


def test_a_database_in_memory_is_nobody_elses() -> None:
    store = Store("sqlite://")
    with store.run_lease("crm"), store.backfill_lease("crm"), store.backfill_turn("crm"):
        assert not is_busy(Store("sqlite://").run_lease("crm"))
