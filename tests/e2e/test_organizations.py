"""`mail-archiver organizations import` and `opportunities import`"""

import json

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event

ORGANIZATIONS = """\
external_id,name,addresses
o1,Maison Aubry,office@Aubry.example;commandes@aubry.example
,No Id,noid@client.example
o2,Bücher GmbH,
o3,,noname@client.example
o4,Bad Address,not an address
o1,Twice,
"""

OPPORTUNITIES = """\
external_id,name,organization_id,contact_ids,stage,created_at,closed_at,updated_at
d1,Kitchen,o1,c1;c2,Won,2026-01-31,2026-02-28T12:00+01:00,2026-03-01T08:00Z
d2,Shelves,o2,,,,,
d3,No Stage,,,maybe,,,
d4,No Date,,,open,31.1.2026,,
d5,No Organization,o9,,open,,,
d6,No Contact,,c1;c9,open,,,
d7,,,,open,,,
"""

A_DATE = "2026-01-31 or 2026-01-31T08:00+01:00"


def run(installation: Installation, command: str, text: str, *options: str) -> tuple[int, list[str]]:
    (installation.folder / "records.csv").write_text(text, encoding="utf-8")
    finished = installation.run(command, "import", "records.csv", *options)
    return finished.returncode, finished.stdout.splitlines()


@pytest.fixture
def installation(install: Install) -> Installation:
    """An installation that has two contacts, one of an organization known by its name alone."""
    installation = install()
    text = "external_id,organization,addresses\nc1,Maison Aubry,a@client.example\nc2,,b@client.example\n"
    assert run(installation, "contacts", text)[0] == 0
    return installation


def test_organizations_come_in_and_bad_lines_are_told_by_number(installation: Installation) -> None:
    assert run(installation, "organizations", ORGANIZATIONS) == (
        65,
        [
            "records.csv:6: not an address: not an address; the rest comes in",
            "records.csv:3: no external_id; left out",
            "records.csv:5: no name; left out",
            "records.csv:7: external_id stands on line 2 already; left out",
            "3 created, 0 updated, 3 bad lines left out.",
        ],
    )
    assert installation.rows(
        """SELECT o.external_id, o.name, a.address, a.normalized, a.matched_at FROM organization o
           LEFT JOIN organization_address a ON a.organization_id = o.id ORDER BY o.external_id, a.address"""
    ) == [
        ("o1", "Maison Aubry", "commandes@aubry.example", "commandes@aubry.example", None),
        ("o1", "Maison Aubry", "office@Aubry.example", "office@aubry.example", None),
        ("o2", "Bücher GmbH", None, None, None),
        ("o4", "Bad Address", None, None, None),
    ]
    [contacts] = installation.rows(
        "SELECT o.external_id FROM contact c JOIN organization o ON o.id = c.organization_id"
    )
    assert contacts == ("o1",)


def test_an_organization_is_updated_and_keeps_what_was_looked_up(installation: Installation) -> None:
    run(installation, "organizations", ORGANIZATIONS)
    installation.execute("UPDATE organization_address SET matched_at = '2026-01-01 00:00:00+00:00'")
    changed = "external_id,name,addresses\no1,Aubry SA,office@aubry.example;new@aubry.example\n"
    code, [answer] = run(installation, "organizations", changed, "--json")
    assert (code, json.loads(answer)["updated"]) == (0, 1)
    assert run(installation, "organizations", changed) == (0, ["0 created, 0 updated, 1 unchanged."])
    assert installation.rows(
        """SELECT o.name, a.normalized, a.matched_at IS NULL FROM organization_address a
           JOIN organization o ON o.id = a.organization_id ORDER BY a.normalized"""
    ) == [("Aubry SA", "new@aubry.example", True), ("Aubry SA", "office@aubry.example", False)]


def test_a_contact_names_its_organization_by_id(installation: Installation) -> None:
    run(installation, "organizations", ORGANIZATIONS)
    text = (
        "external_id,organization,organization_id,addresses\n"
        "c2,,o2,b@client.example\nc3,Neu AG,o5,c@client.example\nc4,,o9,d@client.example\n"
    )
    code, [bad, _] = run(installation, "contacts", text)
    assert (code, bad) == (65, "records.csv:4: there is no organization o9; left out")
    assert installation.rows(
        """SELECT c.external_id, o.external_id, o.name FROM contact c
           JOIN organization o ON o.id = c.organization_id WHERE c.external_id <> 'c1' ORDER BY 1"""
    ) == [("c2", "o2", "Bücher GmbH"), ("c3", "o5", "Neu AG")]


def test_opportunities_come_in_and_bad_lines_are_told_by_number(installation: Installation) -> None:
    run(installation, "organizations", ORGANIZATIONS)
    assert run(installation, "opportunities", OPPORTUNITIES) == (
        65,
        [
            "records.csv:4: stage is maybe, not open, won or lost; left out",
            f"records.csv:5: created_at is 31.1.2026, no date such as {A_DATE}; left out",
            "records.csv:6: there is no organization o9; left out",
            "records.csv:7: there is no contact c9; left out",
            "records.csv:8: no name; left out",
            "2 created, 0 updated, 5 bad lines left out.",
        ],
    )
    assert installation.rows(
        """SELECT d.external_id, d.name, o.external_id, d.stage, d.closed_at IS NULL,
                  d.created_at < '2026-02-01', d.closed_at < '2026-02-28 11:00:01+00:00'
           FROM opportunity d JOIN organization o ON o.id = d.organization_id ORDER BY 1"""
    ) == [("d1", "Kitchen", "o1", "won", 0, 1, 1), ("d2", "Shelves", "o2", "open", 1, 0, None)]
    assert installation.rows(
        """SELECT d.external_id, c.external_id FROM opportunity_contact l
           JOIN opportunity d ON d.id = l.opportunity_id JOIN contact c ON c.id = l.contact_id
           ORDER BY 1, 2"""
    ) == [("d1", "c1"), ("d1", "c2")]


def test_an_opportunity_is_updated_and_keeps_its_beginning(installation: Installation) -> None:
    run(installation, "organizations", ORGANIZATIONS)
    run(installation, "opportunities", OPPORTUNITIES)
    changed = "external_id,name,contact_ids,stage\nd1,Bathroom,c2,lost\n"
    assert run(installation, "opportunities", changed) == (0, ["0 created, 1 updated."])
    assert run(installation, "opportunities", changed) == (0, ["0 created, 0 updated, 1 unchanged."])
    assert installation.rows(
        """SELECT d.name, d.stage, d.organization_id, d.closed_at, d.created_at < '2026-02-01', c.external_id
           FROM opportunity d JOIN opportunity_contact l ON l.opportunity_id = d.id
           JOIN contact c ON c.id = l.contact_id"""
    ) == [("Bathroom", "lost", None, None, 1, "c2")]


def test_a_dry_run_writes_nothing(installation: Installation) -> None:
    code, told = run(installation, "organizations", ORGANIZATIONS, "--dry-run")
    assert (code, told[-1]) == (65, "3 would be created, 0 would be updated, 3 bad lines left out.")
    assert installation.rows("SELECT external_id FROM organization") == [(None,)]
    code, told = run(installation, "opportunities", "external_id,name\nd1,Kitchen\n", "--dry-run")
    assert (code, told) == (0, ["1 would be created, 0 would be updated."])
    assert installation.rows("SELECT count(*) FROM opportunity") == [(0,)]


@pytest.mark.parametrize("command", ["organizations", "opportunities"])
def test_a_header_that_does_not_fit_names_the_columns(installation: Installation, command: str) -> None:
    (installation.folder / "records.csv").write_text("external_id,title\n", encoding="utf-8")
    finished = installation.run(command, "import", "records.csv")
    assert finished.returncode == 78
    failure = event(finished.stderr, "command.failed")
    assert failure["hint"].startswith("The columns are external_id, name,")
