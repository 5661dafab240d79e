"""Whom archives are linked to after the mail came: contacts that come later, links by hand, and why."""

import json

from tests.e2e.installation import Installation, event
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot

LINKS = """SELECT c.id, l.role, l.address, l.rule, l.origin, l.unlinked_at IS NULL FROM archive_contact l
           JOIN contact c ON c.id = l.contact_id ORDER BY c.id"""
BY_ANOTHER_PROGRAM = (
    "INSERT INTO contact (first_name, last_name) VALUES ('Bo', 'Client')",
    """INSERT INTO contact_address (contact_id, address, normalized)
       SELECT max(id), 'Bo@Client.example', 'bo@client.example' FROM contact""",
)


def archived(
    installation: Installation, dovecot: Dovecot, *, cc: str = "crm@example.com", bcc: str | None = None
) -> None:
    """One message in the archive, to bo@client.example."""
    dovecot.deliver(installation.user, mail(to="bo@client.example", cc=cc, bcc=bcc))
    assert installation.run("run").returncode == 0


def links(installation: Installation) -> list[tuple[object, ...]]:
    return [(*row[:5], bool(row[5])) for row in installation.rows(LINKS)]


def test_a_contact_that_another_program_writes_later_is_linked_at_the_next_run(
    installation: Installation, dovecot: Dovecot
) -> None:
    archived(installation, dovecot)
    for statement in BY_ANOTHER_PROGRAM:
        installation.execute(statement)

    run = installation.run("run")

    assert event(run.stderr, "run.finished")["links"] == 1
    assert links(installation) == [(1, "to", "bo@client.example", "recipient-address", "auto", True)]
    assert installation.rows("SELECT count(*) FROM contact_address WHERE matched_at IS NULL") == [(0,)]
    assert event(installation.run("run").stderr, "run.finished")["links"] == 0


def test_an_address_that_comes_later_is_linked_and_one_that_goes_keeps_its_links(
    installation: Installation, dovecot: Dovecot
) -> None:
    archived(installation, dovecot)
    (installation.folder / "c.csv").write_text("external_id,addresses\nc1,other@client.example\n")
    installation.run("contacts", "import", "c.csv")
    installation.run("run")
    assert links(installation) == []
    (installation.folder / "c.csv").write_text("external_id,addresses\nc1,bo@client.example\n")
    installation.run("contacts", "import", "c.csv")
    installation.run("run")
    linked = links(installation)
    assert len(linked) == 1
    (installation.folder / "c.csv").write_text("external_id,addresses\nc1,other@client.example\n")
    installation.run("contacts", "import", "c.csv")
    installation.run("run")
    assert links(installation) == linked


def test_relink_does_not_wait_for_the_next_run(installation: Installation, dovecot: Dovecot) -> None:
    archived(installation, dovecot)
    for statement in BY_ANOTHER_PROGRAM:
        installation.execute(statement)

    assert installation.run("relink").stdout == "1 links added or made stronger\n"
    assert installation.run("relink").stdout == "0 links added or made stronger\n"
    installation.execute("DELETE FROM archive_contact")
    assert installation.run("relink", "--contact", "bo@client.example").stdout.startswith("1 links")
    installation.execute("DELETE FROM archive_contact")
    assert installation.run("relink", "--all").stdout.startswith("1 links")
    assert installation.run("relink", "--contact", "nobody").returncode == 64


def test_what_a_person_unlinked_never_comes_back_and_what_a_person_linked_never_goes(
    installation: Installation, dovecot: Dovecot
) -> None:
    archived(installation, dovecot)
    installation.run("contacts", "create", "bo@client.example", "--last-name", "Client")
    installation.run("contacts", "create", "cy@client.example", "--lead")
    assert [row[0] for row in links(installation)] == [1]

    unlinked = installation.run("unlink", "1", "--contact", "1")
    linked = installation.run("link", "1", "--contact", "cy@client.example")
    installation.run("relink", "--all")
    dovecot.deliver(installation.user, mail(to="bo@client.example", bcc="cy@client.example"))  # another road
    installation.run("run")

    assert unlinked.stdout == "archive 1, contact 1: unlinked\n"
    assert linked.stdout == "archive 1, contact 2: linked\n"
    assert [(row[0], row[4], row[5]) for row in links(installation)] == [
        (1, "manual", False),
        (2, "manual", True),
    ]
    assert installation.run("unlink", "1", "--contact", "1").stdout.endswith("was not linked\n")
    assert installation.run("link", "1", "--contact", "1").stdout.endswith(": linked\n")
    assert links(installation)[0][5]


def test_lists_who_has_mail_and_is_no_contact(installation: Installation, dovecot: Dovecot) -> None:
    for number, to in enumerate(
        ["di@client.example", "bo@client.example", "bo@client.example, tom@example.com"]
    ):
        dovecot.deliver(installation.user, mail(f"Offer {number}", to=to))
    installation.run("run")

    listed = installation.run("contacts", "unmatched")
    assert listed.returncode == 0, listed.stderr
    assert [line.split() for line in listed.stdout.splitlines()] == [
        ["2", "bo@client.example"],
        ["1", "di@client.example"],
    ]
    created = installation.run("contacts", "create", "Bo@Client.example", "--first-name", "Bo")
    assert created.stdout == "contact 1 created, 2 links added\n"
    rest = installation.run("contacts", "unmatched", "--json", "--limit", "1")
    assert json.loads(rest.stdout)["normalized"] == "di@client.example"
    assert installation.run("contacts", "create", "bo@client.example").returncode == 64
    assert installation.run("contacts", "create", "no address").returncode == 64


def test_explains_every_address_in_words(installation: Installation, dovecot: Dovecot) -> None:
    archived(installation, dovecot, cc="crm@example.com, stranger@nowhere.example", bcc="cy@client.example")
    for address in ("bo@client.example", "cy@client.example"):
        installation.run("contacts", "create", address, "--last-name", address.partition("@")[0].title())
    installation.run("unlink", "1", "--contact", "2")

    told = installation.run("explain", "1")

    assert told.returncode == 0
    lines = dict(line.split(": ", 1) for line in told.stdout.splitlines())
    assert lines["sender claire@example.com"].startswith("is one of ours, and never linked")
    assert lines["to bo@client.example"].startswith("linked to contact 1 (Bo): the message went to")
    assert lines["cc stranger@nowhere.example"].startswith("belongs to no contact")
    assert "a person has unlinked it, and that stays" in lines["bcc cy@client.example"]
    as_json = [json.loads(line) for line in installation.run("explain", "1", "--json").stdout.splitlines()]
    assert {each["rule"] for each in as_json} == {"own-address", "recipient-address", "no-contact"}
    assert installation.run("explain", "99").returncode == 64


def test_a_contact_with_an_address_of_our_own_is_made_with_a_warning(installation: Installation) -> None:
    created = installation.run("contacts", "create", "tom@example.com")
    assert created.returncode == 0
    assert "tom@example.com is an address of your own, and is never linked" in created.stderr
