"""The example queries, each over a copy of its CRM's own tables."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from tests.integration.store.crm_tables import ESPOCRM, ODOO, SUITECRM, TWENTY, CrmTables

from mail_archiver.archiving.contact_sync import BEGINNING
from mail_archiver.archiving.source_rows import read_rows
from mail_archiver.store.contact_source import ContactSource

QUERIES = Path(__file__).parents[3] / "docs/contact-sources"
MARCH = datetime(2026, 3, 1, tzinfo=UTC)

CASES = [
    ("espocrm", ESPOCRM, "mariadb_url"),
    ("espocrm", ESPOCRM, "postgres_url"),
    ("suitecrm", SUITECRM, "mariadb_url"),
    ("odoo", ODOO, "postgres_url"),
    ("twenty", TWENTY, "postgres_url"),
]


@pytest.fixture(params=CASES, ids=[f"{name}-{url.removesuffix('_url')}" for name, _, url in CASES])
def case(request: pytest.FixtureRequest) -> tuple[ContactSource, CrmTables]:
    """Each CRM in turn, on each database that it runs on and that we read."""
    name, tables, database = request.param
    url = make_url(request.getfixturevalue(database))
    tables.make(url)
    if tables is TWENTY:
        url = url.update_query_dict({"options": "-csearch_path=workspace_1abc"})
    query = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    return ContactSource(url.render_as_string(hide_password=False), query), tables


def test_yields_the_contacts_with_all_that_the_crm_knows_of_them(
    case: tuple[ContactSource, CrmTables],
) -> None:
    source, tables = case
    read = read_rows(source.rows(BEGINNING))
    assert read.left_out == []
    assert {
        key: (
            found.contact.kind,
            found.contact.first_name,
            found.contact.last_name,
            found.contact.organization,
            found.contact.organization_id,
            [address for address, _ in found.contact.addresses],
            found.is_deleted,
        )
        for key, found in read.contacts.items()
    } == tables.expected


def test_yields_what_changed_since_and_no_more(case: tuple[ContactSource, CrmTables]) -> None:
    source, tables = case
    assert source.is_incremental
    read = read_rows(source.rows(MARCH))
    assert set(read.contacts) == tables.recent
    assert read.newest is not None
    assert read.newest >= MARCH
    for key, found in read.contacts.items():
        assert len(found.contact.addresses) == len(tables.expected[key][5])  # type: ignore[arg-type]


def test_every_query_there_is_is_tried() -> None:
    assert {path.stem for path in QUERIES.glob("*.sql")} == {name for name, _, _ in CASES}


@pytest.mark.parametrize("path", sorted(QUERIES.glob("*.sql")), ids=lambda path: path.stem)
def test_every_query_says_what_its_external_id_is_and_what_rights_it_needs(path: Path) -> None:
    comment = "".join(re.findall(r"^-- .*\n", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert "external_id is" in comment
    assert "The user needs" in comment
