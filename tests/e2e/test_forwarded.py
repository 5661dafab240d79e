"""A client's mail that staff forward to the archive is linked to the client."""

from email import message_from_bytes
from email.policy import SMTP

import pytest
from tests.e2e.installation import Installation, events
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot

CONTACTS = """\
external_id,first_name,last_name,addresses
c1,Ann,Client,ann@client.example
c2,Bob,Attached,bob@far.example
c3,Our,Own,tom@example.com
"""

QUOTED = """\
Pour le dossier.

De : Ann Client <Ann@Client.example>
Envoyé : lundi 5 octobre 2026 09:00
À : Tom Staff <tom@example.com>
Objet : L'offre

Bonjour
"""


def by_ann() -> bytes:
    """Staff forward what Ann wrote, as Outlook does."""
    return mail("TR: L'offre", to="crm@example.com", cc=None, text=QUOTED)


def by_bob() -> bytes:
    """Staff attach what Bob wrote."""
    outer = message_from_bytes(mail("FW: A question", to="crm@example.com", cc=None), policy=SMTP)
    inner = mail("A question").replace(b"Claire Moreau <claire@example.com>", b"Bob <bob@far.example>")
    outer.add_attachment(message_from_bytes(inner, policy=SMTP))
    return bytes(outer)


@pytest.fixture
def with_contacts(installation: Installation) -> Installation:
    (installation.folder / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    assert installation.run("contacts", "import", "contacts.csv").returncode == 0
    return installation


def links(installation: Installation) -> list[tuple[object, ...]]:
    return installation.rows(
        """SELECT a.subject, c.external_id, l.role, l.address, l.rule, l.origin FROM archive_contact l
           JOIN contact c ON c.id = l.contact_id JOIN archive a ON a.id = l.archive_id ORDER BY a.subject"""
    )


def test_who_wrote_what_staff_forward_is_linked_and_the_rule_is_recorded(
    with_contacts: Installation, dovecot: Dovecot
) -> None:
    for forward in (by_ann(), by_bob()):
        dovecot.deliver(with_contacts.user, forward)

    assert with_contacts.run("run").returncode == 0

    assert links(with_contacts) == [
        ("FW: A question", "c2", "forwarded", "bob@far.example", "forwarded-attachment", "auto"),
        ("TR: L'offre", "c1", "forwarded", "ann@client.example", "forwarded-block-fr", "auto"),
    ]
    assert with_contacts.rows(
        """SELECT a.subject, d.position, d.display_name, d.address, d.normalized FROM archive_address d
           JOIN archive a ON a.id = d.archive_id WHERE d.role = 'forwarded' ORDER BY a.subject, d.position"""
    ) == [
        ("FW: A question", 0, "Bob", "bob@far.example", "bob@far.example"),
        ("FW: A question", 1, "", "client@client.example", "client@client.example"),
        ("TR: L'offre", 0, "Ann Client", "Ann@Client.example", "ann@client.example"),
    ]
    ((archive_id,),) = with_contacts.rows("SELECT id FROM archive WHERE subject = 'TR: L''offre'")
    said = with_contacts.run("show", str(archive_id)).stdout
    assert "forwarded    Ann Client <Ann@Client.example>" in said
    assert "contact 1, Ann Client: forwarded ann@client.example, by forwarded-block-fr" in said


def test_whom_our_own_forwarded_mail_went_to_is_linked_and_explained(
    with_contacts: Installation, dovecot: Dovecot
) -> None:
    text = (
        "For the file.\n\nFrom: Claire <claire@example.com>\nSent: 5/10/2026 09:00\nTo: ann@client.example\n"
    )
    dovecot.deliver(
        with_contacts.user, mail("FW: Quote", to="crm@example.com", cc=None, text=f"{text}Subject: Quote\n")
    )
    assert with_contacts.run("run").returncode == 0
    assert links(with_contacts) == [
        ("FW: Quote", "c1", "forwarded", "ann@client.example", "forwarded-block-recipient", "auto")
    ]
    assert "forwarded a message to this address" in with_contacts.run("explain", "1").stdout


def test_what_others_forward_links_nobody_further_in(with_contacts: Installation, dovecot: Dovecot) -> None:
    stranger = by_ann().replace(b"claire@example.com", b"eve@stranger.example")
    dovecot.deliver(with_contacts.user, stranger)

    assert with_contacts.run("run").returncode == 0

    assert links(with_contacts) == []
    assert with_contacts.rows("SELECT count(*) FROM archive") == [(1,)]
    assert with_contacts.rows("SELECT count(*) FROM archive_address WHERE role = 'forwarded'") == [(0,)]


def test_a_dry_run_says_who_would_be_linked_and_by_which_rule(
    with_contacts: Installation, dovecot: Dovecot
) -> None:
    dovecot.deliver(with_contacts.user, by_ann())

    said = with_contacts.run("run", "--dry-run")
    listed = with_contacts.run("run", "--dry-run", "--json")

    assert (
        "forwarded ann@client.example: would link contact 1: one of ours forwarded a message of this address"
        in said.stdout
    )
    (preview,) = events(listed.stdout)
    assert preview["links"] == [
        {
            "contact_id": 1,
            "role": "forwarded",
            "address": "ann@client.example",
            "rule": "forwarded-block-fr",
        }
    ]
    assert links(with_contacts) == []


def test_a_second_copy_adds_no_second_sender(with_contacts: Installation, dovecot: Dovecot) -> None:
    dovecot.deliver(with_contacts.user, by_ann())
    dovecot.deliver(with_contacts.user, b"Received: elsewhere\r\n" + by_ann())

    assert with_contacts.run("run").returncode == 0

    assert with_contacts.rows("SELECT outcome FROM processed_uid ORDER BY uid") == [
        ("archived",),
        ("duplicate",),
    ]
    assert with_contacts.rows("SELECT address FROM archive_address WHERE role = 'forwarded'") == [
        ("Ann@Client.example",)
    ]
    assert len(links(with_contacts)) == 1
