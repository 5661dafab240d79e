"""PostgreSQL fails in every way that it has: nothing is lost, doubled or half-done, and a person is told."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.e2e.installation import Installation, event, events
from tests.e2e.mails import MANY, deliver_many, mail
from tests.e2e.soundness import assert_each_once, assert_nothing_half_done, told, wait_until
from tests.servers.disk import small_disk_or_skip
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres

SOME = 120
"""Messages enough for two batches."""

CONTACT = "external_id,first_name,last_name,addresses\nc1,Ada,Client,client@client.example\n"


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """SQLite's faults are others: see test_sqlite_faults.py."""
    return postgres_url


def database_of(installation: Installation) -> str:
    return str(sa.make_url(installation.settings["DATABASE_URL"]).database)


def set_default(installation: Installation, setting: str) -> None:
    """What an administrator sets for the whole database."""
    installation.execute(f"ALTER DATABASE {database_of(installation)} SET {setting}")


def end_connections(installation: Installation) -> int:
    """Cut all connections of the program; returns how many."""
    return len(
        installation.rows(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'mail-archiver'"""
        )
    )


def waits_for_a_lock(installation: Installation) -> bool:
    return installation.rows(
        """SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
           AND application_name = 'mail-archiver' AND wait_event_type = 'Lock'"""
    ) == [(True,)]


@contextmanager
def other_transaction(installation: Installation, *statements: str) -> Iterator[sa.Connection]:
    """Another program in the middle of a transaction, which commits when the block ends."""
    with installation.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
        yield connection
        connection.commit()


def test_a_server_that_is_down_is_told_at_once(
    installation: Installation, dovecot: Dovecot, postgres: Postgres
) -> None:
    dovecot.deliver(installation.user, mail())
    with postgres.stopped():
        started = time.monotonic()
        run = installation.run("run")
        audit = installation.run("audit")
        assert time.monotonic() - started < 10

    assert [run.returncode, audit.returncode] == [69, 69]
    for ended in (run, audit):
        assert "Connection refused" in told(ended.stderr)["what"]
        assert "runs and can be reached" in told(ended.stderr)["hint"]
        assert len(events(ended.stderr)) == 1
    assert installation.run("run").returncode == 0
    assert_each_once(installation, 1)


def test_a_server_that_restarts_does_not_end_the_run(
    installation: Installation, dovecot: Dovecot, postgres: Postgres
) -> None:
    deliver_many(dovecot, installation.user, SOME)
    running = installation.start("run")
    with running.held_at("message.archived"), postgres.stopped():
        pass
    run = running.finish()

    assert run.returncode == 0
    assert event(run.stderr, "run.finished")["archived"] == SOME
    assert_each_once(installation, SOME)


def test_a_server_that_is_back_after_a_while_is_waited_for(
    installation: Installation, dovecot: Dovecot, postgres: Postgres
) -> None:
    deliver_many(dovecot, installation.user, SOME)
    running = installation.start("run")
    running.wait_for("message.archived")
    with postgres.stopped():
        running.wait_for("account.interrupted")
    run = running.finish()

    assert run.returncode == 0
    assert_each_once(installation, SOME)


def test_connections_that_are_cut_again_and_again_lose_nothing(
    installation: Installation, dovecot: Dovecot
) -> None:
    deliver_many(dovecot, installation.user)
    running = installation.start("run")
    cut = 0
    while running.process.poll() is None:
        cut += end_connections(installation) if cut < 100 else 0
        time.sleep(0.05)  # at any moment of its work
    run = running.finish()
    if "account.interrupted" not in run.stderr:  # cut before there was anything to resume
        assert run.returncode == 69
    assert_nothing_half_done(installation)

    assert installation.run("run").returncode == 0
    assert cut
    assert_each_once(installation, MANY)


def test_a_server_that_stays_away_is_given_up_and_the_next_run_completes(
    installation: Installation, dovecot: Dovecot, postgres: Postgres
) -> None:
    installation.settings["PATIENCE_S"] = "1"
    deliver_many(dovecot, installation.user, SOME)
    running = installation.start("run")
    with running.held_at("message.archived"):
        postgres.stop_server()
    try:
        run = running.finish()
    finally:
        postgres.start_server()

    assert run.returncode == 69
    assert told(run.stderr)["event"] == "account.failed"
    assert_nothing_half_done(installation)
    assert installation.run("run").returncode == 0
    assert_each_once(installation, SOME)


def test_a_deadlock_is_survived(installation: Installation, dovecot: Dovecot) -> None:
    (installation.folder / "contacts.csv").write_text(CONTACT, encoding="utf-8")
    installation.run("contacts", "import", "contacts.csv")
    dovecot.deliver(installation.user, mail())
    # Ours has written the archive and waits for the contact; then the other wants the archive.
    with other_transaction(installation, "SELECT * FROM contact FOR UPDATE") as other:
        running = installation.start("run")
        wait_until(lambda: waits_for_a_lock(installation))
        other.execute(sa.text("LOCK TABLE archive IN SHARE ROW EXCLUSIVE MODE"))
    run = running.finish()

    assert run.returncode == 0
    assert "DeadlockDetected (40P01)" in event(run.stderr, "account.interrupted")["what"]
    assert_each_once(installation, 1)
    assert installation.rows("SELECT count(*) FROM archive_contact") == [(1,)]


def test_a_serialisation_failure_is_survived(installation: Installation, dovecot: Dovecot) -> None:
    (installation.folder / "contacts.csv").write_text(CONTACT, encoding="utf-8")
    installation.run("contacts", "import", "contacts.csv")
    set_default(installation, "default_transaction_isolation = 'serializable'")
    dovecot.deliver(installation.user, mail())
    with other_transaction(
        installation, "SELECT * FROM contact FOR UPDATE", "UPDATE contact SET first_name = 'Adele'"
    ):
        running = installation.start("run")
        wait_until(lambda: waits_for_a_lock(installation))
    run = running.finish()

    assert run.returncode == 0
    assert "SerializationFailure (40001)" in event(run.stderr, "account.interrupted")["what"]
    assert_each_once(installation, 1)


def test_what_another_program_has_locked_is_waited_for(installation: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(installation.user, mail())
    with other_transaction(installation, "LOCK TABLE archive"):
        running = installation.start("run")
        wait_until(lambda: waits_for_a_lock(installation))
    run = running.finish()

    assert run.returncode == 0
    assert "account.interrupted" not in run.stderr
    assert_each_once(installation, 1)


def test_a_statement_that_the_administrator_does_not_let_wait_is_tried_again(
    installation: Installation, dovecot: Dovecot
) -> None:
    set_default(installation, "statement_timeout = '100ms'")
    dovecot.deliver(installation.user, mail())
    with other_transaction(installation, "LOCK TABLE archive IN SHARE MODE"):
        running = installation.start("run")
        running.wait_for("account.interrupted")
    run = running.finish()

    assert run.returncode == 0
    assert "QueryCanceled (57014)" in run.stderr
    assert_each_once(installation, 1)


def test_connections_that_run_out_are_told_at_the_start_and_waited_for_later(
    installation: Installation, dovecot: Dovecot
) -> None:
    url = sa.make_url(installation.settings["DATABASE_URL"])
    role = f"clerk_{url.database}"  # a superuser is not limited
    installation.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'let me in' CONNECTION LIMIT 0")
    installation.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
    owner = installation.settings["DATABASE_URL"]
    clerk = url.set(username=role, password="let me in").render_as_string(hide_password=False)
    deliver_many(dovecot, installation.user, SOME)

    installation.settings["DATABASE_URL"] = clerk
    at_start = installation.run("run")
    installation.settings["DATABASE_URL"] = owner
    installation.execute(f"ALTER ROLE {role} CONNECTION LIMIT 10")
    installation.settings["DATABASE_URL"] = clerk
    running = installation.start("run")
    installation.settings["DATABASE_URL"] = owner
    with running.held_at("message.archived"):
        installation.execute(f"ALTER ROLE {role} CONNECTION LIMIT 0")
        end_connections(installation)
    running.wait_for("too many connections for role")
    installation.execute(f"ALTER ROLE {role} CONNECTION LIMIT 10")
    run = running.finish()

    assert at_start.returncode == 69
    assert "too many connections for role" in told(at_start.stderr)["what"]
    assert run.returncode == 0
    assert_each_once(installation, SOME)


def test_a_database_that_may_only_be_read_is_told_at_once(
    installation: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(installation.user, mail("First"))
    assert installation.run("run").returncode == 0
    dovecot.deliver(installation.user, mail("Second"))
    set_default(installation, "default_transaction_read_only = on")

    run = installation.run("run")
    audit = installation.run("audit")

    assert run.returncode == 69
    assert "may only be read" in told(run.stderr)["hint"]
    assert "account.interrupted" not in run.stderr
    assert audit.returncode == 65, "an audit writes nothing"
    with other_transaction(installation, "SET TRANSACTION READ WRITE") as administrator:
        database = database_of(installation)
        administrator.execute(sa.text(f"ALTER DATABASE {database} RESET default_transaction_read_only"))
    assert installation.run("run").returncode == 0
    assert_each_once(installation, 2)


def test_a_disk_that_is_full_is_told_at_once(
    installation: Installation, dovecot: Dovecot, postgres: Postgres, server_folder: Path
) -> None:
    if postgres.identity is None:
        pytest.skip("the server is in a container, whose disks are its own")
    name = f"small_{database_of(installation)}"
    for number in range(SOME):
        text = random.Random(number).randbytes(20_000).hex()  # of which compression makes little
        dovecot.deliver(installation.user, mail(f"Message {number}", text=text))
    with small_disk_or_skip(server_folder / name, 1024 * 1024, postgres.identity) as disk:
        with installation.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"CREATE TABLESPACE {name} LOCATION '{disk.folder}'"))
        installation.execute(f"ALTER TABLE archive SET TABLESPACE {name}")

        run = installation.run("run")
        told_of = told(run.stderr)
        assert_nothing_half_done(installation)
        recorded = installation.rows("SELECT count(*) FROM archive")
        disk.enlarge(64 * 1024 * 1024)
        later = installation.run("run")

        assert run.returncode == 69
        assert (told_of["what"], told_of["hint"]) == (
            "DiskFull (53100)",
            "Its disk is full: make room there.",
        )
        assert "account.interrupted" not in run.stderr
        assert recorded < [(SOME,)]
        assert later.returncode == 0
        assert_each_once(installation, SOME)
        installation.execute("ALTER TABLE archive SET TABLESPACE pg_default")
        with installation.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"DROP TABLESPACE {name}"))
