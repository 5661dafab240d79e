"""A connection that is lost, wherever that happens: the run goes on, and no message is lost or there twice."""

from datetime import datetime

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event, events
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapUser
from tests.servers.proxy import Failure, Proxy

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite_url"], indirect=True)
"""For what has nothing to do with the database."""

LEFT = {"keep": ([1, 2], []), "delete": ([], []), "move:Done": ([], [1, 2])}
"""What INBOX and Done hold after each disposition."""


@ON_SQLITE
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    ("disposition", "step"),
    [("keep", 149), ("delete", 109), ("move:Done", 103)],
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
    assert len(cuts) > 15
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
    assert 0 < ended_at_once < len(cuts) / 2
    assert installation.rows("SELECT count(*) FROM processed_uid WHERE disposed_at IS NULL") == [(0,)]
    assert installation.rows("SELECT DISTINCT outcome FROM processed_uid") == [("archived",)]
