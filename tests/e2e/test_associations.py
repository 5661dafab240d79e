"""Organizations and opportunities of archives, from real mail to what a person reads and changes."""

import json

import pytest
from tests.e2e.installation import Installation, event
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot

ORGANIZATIONS = "external_id,name,addresses\no1,Maison Aubry,info@aubry.example\n"
CONTACTS = "external_id,last_name,organization_id,addresses\nc1,Aubry,o1,bo@aubry.example\n"
OPPORTUNITIES = """\
external_id,name,contact_ids,stage,created_at
d1,Kitchen,c1,open,2020-01-31
d2,Shelves,c1,lost,2020-01-31
"""


def bring_in(installation: Installation, what: str, text: str) -> None:
    (installation.folder / "records.csv").write_text(text, encoding="utf-8")
    assert installation.run(what, "import", "records.csv").returncode == 0


@pytest.fixture
def installation(installation: Installation, dovecot: Dovecot) -> Installation:
    """A CRM with a client, its organization and two opportunities; one mail to it waits in the inbox."""
    assert installation.run("run").returncode == 0  # the set-up
    bring_in(installation, "organizations", ORGANIZATIONS)
    bring_in(installation, "contacts", CONTACTS)
    bring_in(installation, "opportunities", OPPORTUNITIES)
    dovecot.deliver(installation.user, mail(to="bo@aubry.example, Info+shop@aubry.example"))
    return installation


def explained(installation: Installation) -> list[str]:
    return installation.run("explain", "1").stdout.splitlines()[-2:]


def test_the_archive_is_in_the_history_of_its_organization_and_opportunity(
    installation: Installation,
) -> None:
    foretold = installation.run("run", "--dry-run").stdout.splitlines()[-2:]
    installation.run("run")

    organization = "organization 1 (Maison Aubry): it is the organization of contact 1 [contact]"
    opportunity = "opportunity 1 (Kitchen): it is the only open opportunity of contact 1 [only-open]"
    assert explained(installation) == [
        f"organization: linked to {organization}",
        f"opportunity: linked to {opportunity}",
    ]
    will_be = "opportunity 1: it is the only open opportunity of contact 1 [only-open]"
    assert foretold == [
        "    organization: would be linked to organization 1: it is the organization of contact 1 [contact]",
        f"    opportunity: would be linked to {will_be}",
    ]
    shown = installation.run("show", "1").stdout
    assert "\norganization 1, Maison Aubry: by contact, through contact 1\n" in shown
    assert "\nopportunity  1, Kitchen: by only-open, through contact 1\n" in shown
    [record] = [json.loads(installation.run("show", "1", "--json").stdout)]
    assert [each["external_id"] for each in record["organizations"] + record["opportunities"]] == ["o1", "d1"]


def test_a_person_changes_the_opportunity_and_no_run_changes_it_back(installation: Installation) -> None:
    installation.run("run")
    changed = installation.run("link", "1", "--opportunity", "Shelves")
    installation.run("unlink", "1", "--opportunity", "d1")
    for switch in ("false", "true"):
        installation.settings["LINKING__OPPORTUNITIES"] = switch
        installation.run("run")
    installation.run("relink", "--opportunity", "Kitchen")

    assert changed.stdout == "archive 1, opportunity 2: linked\n"
    assert explained(installation) == [
        "opportunity: opportunity 1 (Kitchen) was unlinked by a person, and that stays [only-open]",
        "opportunity: opportunity 2 (Shelves) was linked by a person [by-hand]",
    ]


def test_what_comes_later_is_told_by_explain_and_done_by_relink(
    installation: Installation, dovecot: Dovecot
) -> None:
    installation.run("run")  # archives of one batch are numbered in the order of their fingerprints
    bring_in(installation, "contacts", "external_id,last_name,addresses\nc2,Di,di@client.example\n")
    dovecot.deliver(installation.user, mail("Later", to="di@client.example, Office@client.example"))
    installation.run("run")
    bring_in(installation, "organizations", "external_id,name,addresses\no2,Client,office@client.example\n")
    bring_in(
        installation,
        "opportunities",
        "external_id,name,contact_ids,stage\nd3,Stairs,c2,open\nd4,Doors,c2,open\n",
    )
    told = installation.run("explain", "2").stdout
    relinked = installation.run("relink")
    assert "would be linked to organization 2: the message has its own address office@client.example" in told
    assert "of the open opportunities of contact 2 it was modified last; relink does it" in told
    assert relinked.stdout == "2 links added or made stronger\n"
    assert event(installation.run("run").stderr, "run.finished")["links"] == 0


def test_explains_why_no_opportunity_is_linked(installation: Installation) -> None:
    bring_in(installation, "opportunities", "external_id,name,contact_ids,stage\nd1,Kitchen,c1,lost\n")
    installation.run("run")
    assert explained(installation)[-1] == "opportunity: none of contact 1 is linked: all are lost [all-lost]"


def test_names_that_are_not_there_or_missing_are_one_clear_line(installation: Installation) -> None:
    installation.run("run")
    for command in ("link", "unlink"):
        unnamed = installation.run(command, "1")
        assert unnamed.returncode == 64
        assert "name a --contact, an --organization or an --opportunity" in unnamed.stderr
    for target in ("organization", "opportunity"):
        unknown = installation.run("link", "1", f"--{target}", "nobody")
        assert (unknown.returncode, unknown.stderr) == (64, f"Error: there is no {target} nobody\n")
    bring_in(installation, "opportunities", "external_id,name\nd5,Kitchen\n")
    several = installation.run("link", "1", "--opportunity", "Kitchen")
    assert several.stderr.splitlines() == [
        "Error: 2 opportunities are called Kitchen; which id?",
        "  1  Kitchen",
        "  3  Kitchen",
    ]
