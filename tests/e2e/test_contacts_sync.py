"""`mail-archiver contacts sync`"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event
from tests.e2e.mails import mail
from tests.integration.store.crm_tables import ESPOCRM, SUITECRM
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres

from mail_archiver.store.database import read_url

PROJECT = Path(__file__).parents[2]
QUERY = """
SELECT p.id AS external_id, p.first_name, o.name AS organization, p.company AS organization_id,
       m.address, m.is_primary, p.updated_at, p.deleted
FROM person p LEFT JOIN company o ON o.id = p.company LEFT JOIN mail m ON m.person = p.id
"""
INCREMENTAL = f"{QUERY} WHERE p.updated_at >= :since"
LONG_AGO = "2020-01-01 00:00:00"


class Crm:
    """A CRM's own database: people, their companies and addresses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = sa.create_engine(read_url(url), poolclass=sa.NullPool)
        self.run(
            "CREATE TABLE company (id varchar(9) PRIMARY KEY, name varchar(50))",
            "CREATE TABLE person (id varchar(9) PRIMARY KEY, first_name varchar(50), company varchar(9),"
            " updated_at varchar(30), deleted integer)",
            "CREATE TABLE mail (person varchar(9), address varchar(99), is_primary integer)",
            "INSERT INTO company VALUES ('o1', 'Maison Aubry')",
        )

    def add(self, person: str, *addresses: str, company: str = "", updated_at: str = LONG_AGO) -> None:
        self.run(
            f"INSERT INTO person VALUES ('{person}', 'Ann', NULLIF('{company}', ''), '{updated_at}', 0)",
            *(f"INSERT INTO mail VALUES ('{person}', '{address}', 0)" for address in addresses),
        )

    def run(self, *statements: str) -> None:
        with self._engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


@pytest.fixture
def crm(tmp_path: Any) -> Crm:
    """A CRM with three people, one of them without an address."""
    crm = Crm(f"sqlite:///{tmp_path}/their.db")
    crm.add("p1", "Helene@Aubry.example", "h.aubry@post.example", company="o1")
    crm.add("p2", "zoe@client.example")
    crm.add("p3")
    return crm


@pytest.fixture
def installation(install: Install, crm: Crm) -> Installation:
    """An installation whose contacts that CRM owns; one of them was made by hand."""
    installation = install(CONTACT_SOURCE__URL=crm.url, CONTACT_SOURCE__QUERY_FILE="contacts.sql")
    ask(installation, QUERY)
    (installation.folder / "c.csv").write_text("external_id,addresses\nown,own@client.example\n", "utf-8")
    assert installation.run("contacts", "import", "c.csv").returncode == 0
    return installation


def ask(installation: Installation, query: str) -> None:
    (installation.folder / "contacts.sql").write_text(query, encoding="utf-8")


def sync(installation: Installation, *options: str) -> dict[str, Any]:
    """A sync that goes well; what it tells, without what is nothing."""
    run = installation.run("contacts", "sync", "--json", *options)
    assert run.returncode == 0, run.stderr
    return {name: value for name, value in json.loads(run.stdout).items() if value}


def contacts(installation: Installation) -> list[tuple[Any, ...]]:
    """Each contact that is not deleted with its addresses, the primary one marked."""
    return installation.rows(
        """SELECT c.external_id, o.external_id, a.normalized, CASE WHEN a.is_primary THEN 1 ELSE 0 END
           FROM contact c LEFT JOIN organization o ON o.id = c.organization_id
           LEFT JOIN contact_address a ON a.contact_id = c.id
           WHERE c.deleted_at IS NULL ORDER BY c.external_id, a.normalized"""
    )


NO_ADDRESS = [{"external_id": "p3", "reason": "no address"}]
AT_FIRST = [
    ("own", None, "own@client.example", 1),
    ("p1", "o1", "h.aubry@post.example", 0),
    ("p1", "o1", "helene@aubry.example", 1),
    ("p2", None, "zoe@client.example", 1),
]


def test_contacts_come_and_change_and_go_and_come_back(installation: Installation, crm: Crm) -> None:
    assert sync(installation) == {"created": 2, "left_out": NO_ADDRESS}
    assert contacts(installation) == AT_FIRST
    assert installation.rows("SELECT source FROM contact ORDER BY external_id") == [
        (None,),
        ("sync",),
        ("sync",),
    ]
    installation.execute("UPDATE contact_address SET matched_at = '2026-01-01 00:00:00+00:00'")
    assert sync(installation) == {"unchanged": 2, "left_out": NO_ADDRESS}

    crm.run(
        "UPDATE mail SET is_primary = 1 WHERE address LIKE 'h.%'",
        "INSERT INTO mail VALUES ('p1', 'new@aubry.example', 0)",
        "DELETE FROM mail WHERE address LIKE 'Helene%'",
        "DELETE FROM person WHERE id = 'p2'",
        "UPDATE company SET name = 'Aubry SA'",
    )
    assert sync(installation) == {"updated": 1, "deleted": 1, "left_out": NO_ADDRESS}
    assert contacts(installation) == [
        ("own", None, "own@client.example", 1),
        ("p1", "o1", "h.aubry@post.example", 1),
        ("p1", "o1", "new@aubry.example", 0),
    ]
    looked_up = "SELECT normalized FROM contact_address WHERE matched_at IS NOT NULL ORDER BY 1"
    known = ["h.aubry@post.example", "own@client.example", "zoe@client.example"]
    assert [each for [each] in installation.rows(looked_up)] == known
    assert installation.rows("SELECT name FROM organization") == [("Aubry SA",)]

    crm.add("p2")
    assert sync(installation)["restored"] == 1
    # Mail that came in between was not linked to it: its address is looked up anew.
    assert [each for [each] in installation.rows(looked_up)] == ["h.aubry@post.example", "own@client.example"]


def test_what_is_new_is_asked_for_and_all_once_a_day(installation: Installation, crm: Crm) -> None:
    ask(installation, INCREMENTAL)
    recent = datetime.now(UTC) - timedelta(days=2)
    crm.add("p4", "d@client.example", updated_at=f"{recent:%Y-%m-%d %H:%M:%S}")
    assert sync(installation) == {"created": 3, "left_out": NO_ADDRESS}

    crm.add("p5", "e@client.example", updated_at=f"{recent - timedelta(minutes=50):%Y-%m-%d %H:%M:%S}")
    crm.run("UPDATE person SET deleted = 1 WHERE id = 'p4'", "DELETE FROM person WHERE id = 'p2'")
    since = (recent - timedelta(hours=1)).replace(microsecond=0).isoformat()
    assert sync(installation) == {"since": since, "created": 1, "deleted": 1}

    assert sync(installation, "--full") == {"deleted": 1, "unchanged": 2, "left_out": NO_ADDRESS}
    crm.run("DELETE FROM person WHERE id = 'p5'")
    assert sync(installation) == {"since": since}
    installation.execute("UPDATE contact_source SET full_at = '2026-01-01 00:00:00+00:00'")
    assert sync(installation) == {"deleted": 1, "unchanged": 1, "left_out": NO_ADDRESS}
    ask(installation, f"{INCREMENTAL} AND p.id <> 'p3'")
    assert sync(installation) == {"unchanged": 1}


def test_a_row_from_the_future_hides_none_that_come_before_it(installation: Installation, crm: Crm) -> None:
    ask(installation, INCREMENTAL)
    crm.add("p4", "d@client.example", updated_at="2999-01-01 00:00:00")
    sync(installation)
    crm.add("p5", "e@client.example", updated_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
    assert sync(installation)["created"] == 1


@pytest.mark.parametrize("loss", ["DELETE FROM person", "DELETE FROM person WHERE id <> 'p5'"])
def test_a_source_that_loses_most_of_its_contacts_is_not_believed(
    installation: Installation, crm: Crm, loss: str
) -> None:
    crm.add("p5", "e@client.example")
    sync(installation)
    before = contacts(installation)
    crm.run(loss, "INSERT INTO person VALUES ('p9', 'New', NULL, '', 0)")
    crm.run("INSERT INTO mail VALUES ('p9', 'new@client.example', 0)")

    run = installation.run("contacts", "sync")
    assert run.returncode == 65
    failure = event(run.stderr, "command.failed")
    assert "contacts are gone, nothing was changed" in failure["what"]
    assert failure["hint"].endswith("contacts sync --force")
    assert contacts(installation) == before

    forced = sync(installation, "--force")
    assert (forced["deleted"], forced["created"]) == (3 if loss == "DELETE FROM person" else 2, 1)


def test_contacts_that_came_another_way_are_left_alone_until_they_are_adopted(
    installation: Installation, crm: Crm
) -> None:
    crm.add("own", "theirs@client.example")
    told = sync(installation)["left_out"]
    reason = "is here already, and not from this source"
    assert {"external_id": "own", "reason": reason} in told
    assert contacts(installation) == AT_FIRST
    assert sync(installation, "--adopt")["updated"] == 1
    assert ("own", None, "theirs@client.example", 1) in contacts(installation)
    crm.run("DELETE FROM person WHERE id = 'own'")
    assert sync(installation)["deleted"] == 1


def test_a_dry_run_tells_and_writes_nothing(installation: Installation, crm: Crm) -> None:
    run = installation.run("contacts", "sync", "--dry-run")
    assert run.returncode == 0
    assert run.stdout == (
        "contact p3: no address; left out\n"
        "2 would be created, 0 would be updated, 0 would be restored, 0 would be deleted,"
        " 0 unchanged (all compared).\n"
    )
    assert contacts(installation) == AT_FIRST[:1]
    assert installation.rows("SELECT * FROM contact_source") == []
    assert event(run.stderr, "contacts.synced")["created"] == 2


def test_of_many_that_are_left_out_some_are_told(installation: Installation, crm: Crm) -> None:
    for number in range(30):
        crm.add(f"x{number}")
    run = installation.run("contacts", "sync")
    assert run.returncode == 0
    told = run.stdout.splitlines()
    assert len(told) == 22
    assert told[-2] == "… and 11 more left out"


def test_nothing_is_changed_when_the_source_fails_on_its_way(installation: Installation, crm: Crm) -> None:
    sync(installation)
    crm.add("p4", "d@client.example")
    before = contacts(installation)
    ask(installation, f"{QUERY} WHERE CASE WHEN p.id = 'p4' THEN abs(-9223372036854775808) ELSE 1 END > 0")
    assert installation.run("contacts", "sync").returncode in (69, 78)
    assert contacts(installation) == before


def test_what_is_wrong_with_the_settings_is_one_line(installation: Installation, postgres: Postgres) -> None:
    their_url = read_url(postgres.new_database())
    wrong = {
        their_url.set(password="wrong"): 77,
        their_url.set(port=1): 69,
        their_url.set(database="nothing"): 78,
        their_url: 78,  # it has no such tables
    }
    for url, code in wrong.items():
        installation.settings["CONTACT_SOURCE__URL"] = url.set(drivername="postgresql").render_as_string(
            False
        )
        run = installation.run("contacts", "sync")
        failure = event(run.stderr, "command.failed")
        assert (run.returncode, failure["exit_code"]) == (code, code), failure
        assert "wrong" not in run.stderr
    del installation.settings["CONTACT_SOURCE__QUERY_FILE"]
    run = installation.run("contacts", "sync")
    assert (run.returncode, event(run.stderr, "command.failed")["where"]) == (78, "contact_source.query")
    del installation.settings["CONTACT_SOURCE__URL"]
    run = installation.run("contacts", "sync")
    assert run.returncode == 78
    assert event(run.stderr, "command.failed")["what"] == "no contact source is configured"


def test_a_crm_on_mariadb_keeps_its_contacts(installation: Installation, mariadb_url: str) -> None:
    SUITECRM.make(sa.make_url(mariadb_url))
    installation.settings["CONTACT_SOURCE__URL"] = mariadb_url
    installation.settings["CONTACT_SOURCE__QUERY_FILE"] = str(PROJECT / "docs/contact-sources/suitecrm.sql")
    told = [{"external_id": "c2", "reason": "no address"}]
    assert sync(installation) == {"created": 2, "left_out": told}
    assert sync(installation)["since"].startswith("2026-03-07T07:00")
    assert ("c1", "a1", "helene@aubry.example", 1) in contacts(installation)


def test_archives_are_joined_back_to_the_crm_as_the_readme_has_it(
    tmp_path: Any, postgres_url: str, dovecot: Dovecot
) -> None:
    ESPOCRM.make(sa.make_url(postgres_url))
    settings = {
        "DATABASE_URL": postgres_url,
        "DATABASE_SCHEMA": "mail_archive",
        "CONTACT_SOURCE__URL": postgres_url,
        "CONTACT_SOURCE__QUERY_FILE": str(PROJECT / "docs/contact-sources/espocrm.sql"),
    }
    installation = Installation(tmp_path / "mail-archiver", settings)
    installation.add_account("CRM", dovecot)
    assert installation.run("db", "upgrade").returncode == 0
    assert sync(installation)["created"] == 2
    dovecot.deliver(installation.user, mail(to="h.aubry@post.example", subject="Offer"))
    assert installation.run("run").returncode == 0
    [query] = re.findall(r"```postgresql\n(.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL)
    [row] = installation.rows(query)
    assert (row[0], row[1], row[-1]) == ("c1", "Hélène", "Offer")
