"""`mail-archiver contacts import`"""

import json
from pathlib import Path

import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, event

CONTACTS = """\
external_id,kind,first_name,last_name,organization,addresses
c1,contact,Hélène,Aubry,Maison Aubry,Helene@Aubry.example;h.aubry@post.example
,contact,No,Id,,noid@client.example
c2,lead,Zoé,Lefèvre,Maison Aubry,zoe@bücher.example
c3,customer,Wrong,Kind,,wrong@client.example
c4,contact,Not,Address,,not an address
c5,contact,No,Address,,
c1,contact,Twice,There,,twice@client.example
c6,contact,Too,Few
c7,,Default,Kind,,d@client.example
"""


def write(folder: Path, text: str) -> str:
    (folder / "contacts.csv").write_text(text, encoding="utf-8")
    return "contacts.csv"


def addresses(installation: Installation) -> list[tuple[object, ...]]:
    return installation.rows(
        """SELECT c.external_id, c.kind, o.name, a.address, a.normalized,
                  CASE WHEN a.is_primary THEN 1 ELSE 0 END
           FROM contact c LEFT JOIN organization o ON o.id = c.organization_id
           JOIN contact_address a ON a.contact_id = c.id ORDER BY c.external_id, a.address"""
    )


def test_good_lines_come_in_and_bad_ones_are_told_by_number(install: Install) -> None:
    installation = install()
    run = installation.run("contacts", "import", write(installation.folder, CONTACTS))

    assert run.returncode == 65
    assert run.stdout.splitlines() == [
        "contacts.csv:6: not an address: not an address; the rest comes in",
        "contacts.csv:3: no external_id; left out",
        "contacts.csv:5: kind is customer, not contact or lead; left out",
        "contacts.csv:8: external_id stands on line 2 already; left out",
        "contacts.csv:9: 4 fields, the header has 6; left out",
        "3 created, 0 updated, 2 without an address left out, 4 bad lines left out.",
    ]
    assert addresses(installation) == [
        ("c1", "contact", "Maison Aubry", "Helene@Aubry.example", "helene@aubry.example", 1),
        ("c1", "contact", "Maison Aubry", "h.aubry@post.example", "h.aubry@post.example", 0),
        ("c2", "lead", "Maison Aubry", "zoe@bücher.example", "zoe@xn--bcher-kva.example", 1),
        ("c7", "contact", None, "d@client.example", "d@client.example", 1),
    ]
    assert installation.rows("SELECT count(*) FROM organization") == [(1,)]


def test_a_second_import_updates_and_keeps_what_was_looked_up(install: Install) -> None:
    installation = install()
    installation.run("contacts", "import", write(installation.folder, CONTACTS))
    installation.execute("UPDATE contact_address SET matched_at = '2026-01-01 00:00:00+00:00'")
    changed = "external_id,first_name,addresses\nc1,Helen,h.aubry@post.example;new@aubry.example\n"

    run = installation.run("contacts", "import", write(installation.folder, changed), "--json")

    assert run.returncode == 0
    assert json.loads(run.stdout) == {
        "created": 0,
        "updated": 1,
        "unchanged": 0,
        "without_address": 0,
        "bad_lines": [],
        "bad_addresses": [],
    }
    assert installation.rows(
        """SELECT c.first_name, a.normalized, a.matched_at IS NULL FROM contact_address a
           JOIN contact c ON c.id = a.contact_id WHERE c.external_id = 'c1' ORDER BY a.normalized"""
    ) == [("Helen", "h.aubry@post.example", False), ("Helen", "new@aubry.example", True)]


def test_a_dry_run_counts_and_writes_nothing(install: Install) -> None:
    installation = install()
    run = installation.run("contacts", "import", write(installation.folder, CONTACTS), "--dry-run")
    assert run.returncode == 65
    assert "3 would be created, 0 would be updated, 2 without" in run.stdout
    if (installation.folder.parent / "crm.db").exists() or "postgresql" in installation.settings[
        "DATABASE_URL"
    ]:
        assert installation.rows("SELECT count(*) FROM contact") == [(0,)]


def test_the_semicolons_and_the_mark_of_a_french_spreadsheet_are_understood(install: Install) -> None:
    installation = install()
    text = '\ufeffexternal_id;first_name;addresses\r\nc1;Zoé;"a@client.example;b@client.example"\r\n'
    assert installation.run("contacts", "import", write(installation.folder, text)).returncode == 0
    assert [row[4] for row in addresses(installation)] == ["a@client.example", "b@client.example"]


CARDS = """\
BEGIN:VCARD
VERSION:3.0
UID:u1
N:Aubry;Hélène
ORG:Maison Aubry
EMAIL:h.aubry@post.example
EMAIL;TYPE=PREF:Helene@Aubry.example
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:No Address
END:VCARD
BEGIN:VCARD
VERSION:2.1
FN:Zoé
EMAIL;INTERNET:zoe@bücher.example
END:VCARD
BEGIN:VCARD
UID:u1
EMAIL:again@client.example
END:VCARD
"""


def test_an_address_book_comes_in_and_bad_cards_are_told_by_number(install: Install) -> None:
    installation = install()
    (installation.folder / "book.vcf").write_text(CARDS.replace("\n", "\r\n"), encoding="utf-8", newline="")
    run = installation.run("contacts", "import", "book.vcf")

    assert run.returncode == 65
    assert run.stdout.splitlines() == [
        "book.vcf:9: card 2: no UID, and no address to go by; left out",
        "book.vcf:18: external_id stands on line 1 already; left out",
        "2 created, 0 updated, 2 bad lines left out.",
    ]
    zoe = "mailto:zoe@xn--bcher-kva.example"
    assert addresses(installation) == [
        (zoe, "contact", None, "zoe@bücher.example", "zoe@xn--bcher-kva.example", 1),
        ("u1", "contact", "Maison Aubry", "Helene@Aubry.example", "helene@aubry.example", 1),
        ("u1", "contact", "Maison Aubry", "h.aubry@post.example", "h.aubry@post.example", 0),
    ]
    again = installation.run("contacts", "import", "book.vcf", "--json")
    assert [json.loads(again.stdout)[name] for name in ("created", "updated", "unchanged")] == [0, 0, 2]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("external_id,mail\nc1,a@b.example\n", "no column addresses"),
        ("", "no column external_id"),
        ("external_id,addresses,phone\nc1,a@b.example,1\n", "unknown column phone"),
        ("external_id,addresses,kind,kind\nc1,a@b.example,,\n", "the column kind twice"),
    ],
)
def test_a_header_that_does_not_fit_names_the_columns(install: Install, text: str, what: str) -> None:
    installation = install()
    run = installation.run("contacts", "import", write(installation.folder, text))
    assert run.returncode == 78
    failure = event(run.stderr, "command.failed")
    assert what in failure["what"]
    assert failure["hint"].startswith("The columns are external_id,")


def test_the_same_file_again_changes_nothing(install: Install) -> None:
    installation = install()
    text = "external_id,last_name,addresses\nc1,Aubry,a@client.example;b@client.example\nc2,None,\n"
    first = installation.run("contacts", "import", write(installation.folder, text))
    assert (first.returncode, first.stdout) == (
        0,
        "1 created, 0 updated, 1 without an address left out.\n",
    )
    before = installation.rows("SELECT updated_at FROM contact")
    again = installation.run("contacts", "import", write(installation.folder, text))
    assert again.stdout.startswith("0 created, 0 updated, 1 unchanged")
    assert installation.rows("SELECT updated_at FROM contact") == before


WORKBOOK = b"PK\x03\x04 and what else there is in a zip"


@pytest.mark.parametrize("content", [None, b"external_id,addresses\nc1,caf\xe9@b.example\n", WORKBOOK])
def test_a_file_that_cannot_be_read_is_a_matter_of_usage(install: Install, content: bytes | None) -> None:
    installation = install()
    if content is not None:
        (installation.folder / "contacts.csv").write_bytes(content)
    run = installation.run("contacts", "import", "contacts.csv")
    assert run.returncode == 64
    assert "does not exist" in run.stderr or "save it as CSV UTF-8" in run.stderr
