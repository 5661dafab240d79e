"""A connection that is lost, wherever: the run goes on, and no message is lost or there twice."""

import time

import pytest
from tests.e2e.answers import once, refusing
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event, events
from tests.e2e.mails import MANY, deliver, deliver_many, mail
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapUser
from tests.servers.proxy import GOODBYE, Failure, Proxy, proxy

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite_url"], indirect=True)
"""For what has nothing to do with the database."""

LEFT = {"keep": ([1, 2], []), "delete": ([], []), "move:Done": ([], [1, 2])}
"""What INBOX and Done hold after each disposition."""


@ON_SQLITE
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    ("disposition", "step"),
    [("keep", 127), ("delete", 109), ("move:Done", 103)],
    ids=["keep", "delete", "move"],
)
def test_one_cut_anywhere_in_a_session_costs_nothing(
    install: Install, dovecot: Dovecot, between: Proxy, disposition: str, step: int
) -> None:
    installation = install()

    def has_mail(name: str) -> ImapUser:
        user = installation.add_account("CRM", dovecot, **between.settings, DISPOSITION=disposition)
        with dovecot.connect(user) as client:
            client.create_folder("Done")
            for number in (1, 2):
                client.append("INBOX", mail(f"{name} {number}"))
        return user

    has_mail("No cut")
    assert installation.run_here("run").returncode == 0
    cuts = range(0, between.connections[0].passed_octets, step)
    assert len(cuts) > 10
    ended_at_once = 0
    for octets in cuts:
        user = has_mail(f"Cut at {octets}")
        between.heal()
        between.fail_after(octets, Failure.CUT, connection=len(between.connections) + 1)

        run = installation.run_here("run")

        if "mailbox.selected" not in run.stderr:  # cron comes again
            ended_at_once += 1
            errors = [each for each in events(run.stderr) if each["level"] == "error"]
            assert (run.returncode, len(errors)) == (69, 1), run.stderr
            run = installation.run_here("run")
        assert run.returncode == 0, run.stderr
        archived = installation.rows(
            "SELECT subject FROM archive WHERE subject LIKE :ours ORDER BY subject", ours=f"Cut at {octets} %"
        )
        assert archived == [(f"Cut at {octets} 1",), (f"Cut at {octets} 2",)]
        assert (dovecot.uids(user), dovecot.uids(user, "Done")) == LEFT[disposition]
    assert 0 < ended_at_once < 0.75 * len(cuts)
    assert installation.rows("SELECT count(*) FROM processed_uid WHERE disposed_at IS NULL") == [(0,)]
    assert installation.rows("SELECT DISTINCT outcome FROM processed_uid") == [("archived",)]


@ON_SQLITE
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("failure", [Failure.BYE, Failure.GARBAGE], ids=["BYE", "garbage"])
@pytest.mark.parametrize(
    "command", [b" UID SEARCH ", b"RFC822.SIZE", b"BODY.PEEK[]", b" SELECT ", b" STORE "]
)
def test_a_session_that_the_server_breaks_off_is_taken_up_again(
    behind: Installation, dovecot: Dovecot, between: Proxy, command: bytes, failure: Failure
) -> None:
    behind.settings["ACCOUNTS__CRM__DISPOSITION"] = "delete"
    deliver(dovecot, behind.user, "One", "Two")
    between.fail_at(command, failure, connection=1)

    run = behind.run_here("run")

    assert run.returncode == 0, run.stderr
    assert len(between.connections) == 2
    assert event(run.stderr, "account.interrupted")["account"] == "crm"
    assert behind.rows("SELECT subject FROM archive ORDER BY subject") == [("One",), ("Two",)]
    assert dovecot.uids(behind.user) == []


@ON_SQLITE
@pytest.mark.usefixtures("no_pauses")
def test_garbage_anywhere_in_a_stream_of_tls_costs_nothing(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    with proxy(dovecot.host, dovecot.tls_port) as between:
        codes = []
        for octets in range(0, 6000, 499):
            user = installation.add_account("CRM", dovecot, PORT=str(between.port))
            deliver(dovecot, user, f"Garbage at {octets}")
            between.heal()
            between.fail_after(octets, Failure.GARBAGE, connection=len(between.connections) + 1)
            codes.append(installation.run_here("run").returncode)
            if codes[-1]:
                assert installation.run_here("run").returncode == 0
            assert installation.rows(
                "SELECT count(*) FROM archive WHERE subject = :ours", ours=f"Garbage at {octets}"
            ) == [(1,)]
    assert set(codes) <= {0, 69, 76}
    assert codes.count(0) > 4, "not only while connecting"


@ON_SQLITE
@pytest.mark.parametrize("failure", [Failure.STALL, Failure.DRIP], ids=["silence", "drops"])
def test_a_server_that_does_not_get_on_ends_its_account_and_not_the_others(
    install: Install, dovecot: Dovecot, between: Proxy, failure: Failure
) -> None:
    installation = install(PATIENCE_S="1")
    timeout_s = {Failure.STALL: "1", Failure.DRIP: "0.2"}[failure]
    slow = installation.add_account("CRM", dovecot, **between.settings, TIMEOUT_S=timeout_s)
    other = installation.add_account("SALES", dovecot)
    deliver(dovecot, slow, "Slow")
    deliver(dovecot, other, "Other")
    between.fail_at(b"BODY.PEEK[]", failure)

    started_s = time.monotonic()
    run = installation.run_here("run")

    assert run.returncode == 69
    assert time.monotonic() - started_s < 30
    assert event(run.stderr, "account.failed")["what"] == "the server stopped answering"
    assert installation.rows("SELECT subject FROM archive") == [("Other",)]
    between.heal()
    assert installation.run_here("run").returncode == 0
    assert installation.rows("SELECT subject FROM archive ORDER BY subject") == [("Other",), ("Slow",)]


@ON_SQLITE
@pytest.mark.usefixtures("no_pauses")
def test_a_server_that_takes_no_connection_for_a_while_is_waited_for(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    deliver(dovecot, behind.user, "One", "Two")

    def restart(_command: bytes, _answer: bytes) -> bytes:
        between.heal()
        between.fail_after(0, Failure.CUT, connection=2)
        between.refuse(5)
        return GOODBYE

    between.change(b"BODY.PEEK[]", restart)
    run = behind.run_here("run")

    assert run.returncode == 0, run.stderr
    assert run.stderr.count("account.interrupted") == 7
    assert behind.rows("SELECT subject FROM archive ORDER BY subject") == [("One",), ("Two",)]


@ON_SQLITE
def test_a_server_that_is_restarted_in_the_midst_of_a_run_is_waited_for(
    install: Install, restartable_dovecot: Dovecot
) -> None:
    installation = install()
    user = installation.add_account("CRM", restartable_dovecot)
    deliver_many(restartable_dovecot, user)

    running = installation.start("run")
    with running.held_at("message.archived"):
        restartable_dovecot.stop()
    running.wait_for("account.interrupted")
    restartable_dovecot.start_again()
    run = running.finish()

    assert run.returncode == 0, run.stderr
    assert installation.rows("SELECT count(*), count(DISTINCT archive_id) FROM processed_uid") == [
        (MANY, MANY)
    ]
    assert installation.rows("SELECT count(*) FROM archive") == [(MANY,)]


@ON_SQLITE
@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [
        (b"NO [THROTTLED] Account exceeded command or bandwidth limits.", 0.2),
        (b"NO Server Busy. Suggested Backoff Time: 300 milliseconds", 0.3),
        (b"BAD Request is throttled. Suggested Backoff Time: 300 milliseconds", 0.3),
    ],
    ids=["throttled", "backoff", "backoff of Exchange"],
)
@pytest.mark.parametrize("command", [b" UID SEARCH ", b"RFC822.SIZE", b"BODY.PEEK[]", b" STORE "])
def test_a_server_that_is_busy_is_left_alone_for_as_long_as_it_asks(
    behind: Installation, dovecot: Dovecot, between: Proxy, command: bytes, answer: bytes, pause_s: float
) -> None:
    behind.settings["ACCOUNTS__CRM__DISPOSITION"] = "delete"
    deliver(dovecot, behind.user, "One", "Two")
    between.change(command, once(refusing(answer)))

    run = behind.run_here("run")

    assert run.returncode == 0, run.stderr
    assert event(run.stderr, "account.interrupted")["pause_s"] == pause_s
    assert "message.quarantined" not in run.stderr
    assert behind.rows("SELECT subject FROM archive ORDER BY subject") == [("One",), ("Two",)]


@ON_SQLITE
def test_a_server_that_is_busy_for_longer_than_a_run_waits_is_left_for_the_next_run(
    behind: Installation, dovecot: Dovecot, between: Proxy
) -> None:
    deliver(dovecot, behind.user, "One", "Two")
    between.change(b"BODY.PEEK[]", refusing(b"NO Suggested Backoff Time: 31000 milliseconds"))

    run = behind.run_here("run")

    assert run.returncode == 69
    assert event(run.stderr, "account.failed")["what"] == "the server wants to be left alone for a while"
    assert behind.rows("SELECT count(*) FROM processed_uid") == [(0,)]
    between.heal()
    assert behind.run_here("run").returncode == 0
    assert behind.rows("SELECT subject FROM archive ORDER BY subject") == [("One",), ("Two",)]


@ON_SQLITE
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("connection", [1, 2], ids=["at the first login", "at the second login"])
def test_a_refused_password_is_tried_once(
    behind: Installation, dovecot: Dovecot, between: Proxy, connection: int
) -> None:
    deliver(dovecot, behind.user, "One")
    if connection == 1:
        behind.settings["ACCOUNTS__CRM__PASSWORD"] = "another"
    between.fail_at(b"BODY.PEEK[]", Failure.CUT)
    refuse = refusing(b"NO [AUTHENTICATIONFAILED] Authentication failed.")
    between.change(b" LOGIN ", lambda *said: said[1] if len(between.connections) == 1 else refuse(*said))

    run = behind.run_here("run")

    assert run.returncode == 77
    assert between.sent.count(b" LOGIN ") == connection
    assert event(run.stderr, "account.failed")["what"] == "the server refuses the user name or password"
