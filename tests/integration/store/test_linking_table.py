"""Whom messages are linked to, as a table: each row through the parser and into both databases."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import KEY, NOW, status

from mail_archiver.archiving.batch import record_drafts
from mail_archiver.archiving.drafting import Drafter
from mail_archiver.domain.address import OwnAddresses, Role, normalize_address
from mail_archiver.domain.limits import Limits
from mail_archiver.domain.linking import LINKING_ROLES, LinkingRules, Ties
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.octets import InMemory
from mail_archiver.store.store import Store, UnitOfWork
from mail_archiver.store.tables import archive_contact, contact, contact_address

OWN = OwnAddresses.of(["crm@hosted.example"], ["own.example"])
TABLE = Path(__file__).with_name("linking.txt")


@dataclass(frozen=True)
class Row:
    """One row of the table, as it is written."""

    message: str
    contacts: str
    links: str
    settings: str

    def __str__(self) -> str:
        return " | ".join(vars(self).values()).strip(" |")


def rows() -> list[Row]:
    lines = TABLE.read_text("utf-8").splitlines()
    return [
        Row(*(cell.strip() for cell in line.split("|")))
        for line in lines
        if line and not line.startswith("#")
    ]


class Undone(Exception):
    """Ends a transaction without a trace."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[list[Store]]:
    """A store on each kind of database."""
    postgres = request.getfixturevalue("postgres")
    urls = [f"sqlite:///{tmp_path_factory.mktemp('linking') / 'crm.db'}", postgres.new_database()]
    opened = [Store(url) for url in urls]
    for each in opened:
        each.upgrade()
    yield opened
    for each in opened:
        each.close()


def test_the_table_is_long_enough() -> None:
    assert len(rows()) >= 120
    assert len(set(map(str, rows()))) == len(rows())


@pytest.mark.parametrize("row", rows(), ids=str)
def test_links_as_the_table_says(stores: list[Store], row: Row) -> None:
    for store in stores:
        with pytest.raises(Undone), store.transaction() as uow:
            assert linked(uow, row) == expected(row)
            raise Undone


def linked(uow: UnitOfWork, row: Row) -> set[str]:
    """The links that come of a row, as the table writes them."""
    add_contacts(uow.links._connection, row.contacts)
    rules = read_rules(row.settings)
    source = read_message(row.message)
    draft = Drafter(rules, Limits(), zip_inline_images=False).draft(FetchedMessage(1, InMemory(source), NOW))
    epoch = uow.ledger.begin_epoch(KEY, status(), NOW)
    record_drafts(uow, epoch, [draft], rules, NOW, disposed=True)
    found = uow.links._connection.execute(sa.select(archive_contact, contact.c.external_id).join(contact))
    return {
        f"{each.external_id}:{each.role}:{each.rule}{'?' if each.ambiguous else ''}"
        for each in found
        if each.origin == "auto" and each.unlinked_at is None
    }


def expected(row: Row) -> set[str]:
    return set() if row.links == "-" else set(row.links.split())


def read_rules(settings: str) -> LinkingRules:
    given = dict(each.partition("=")[::2] for each in settings.split())
    return LinkingRules(
        OWN,
        frozenset(map(Role, given["roles"].split(","))) if "roles" in given else LINKING_ROLES,
        Ties(given.get("ties", "all")),
        "sub" in given,
    )


def read_message(message: str) -> bytes:
    """The message of a row; `fwd` attaches one."""
    fields, attached = [], ""
    for each in message.split():
        name, _, address = each.partition(":")
        if name == "fwd":
            attached = (
                f"From: {address}\r\nTo: ann@own.example\r\nSubject: A question\r\n\r\nHow much is it?\r\n"
            )
        else:
            fields.append(f"{name.title()}: {address}\r\n")
    # Several fields of one name are legal for none of these but are read together all the same.
    head = "".join(fields) + "Message-ID: <row@own.example>\r\nSubject: Row\r\n"
    if not attached:
        return f"{head}\r\nHello\r\n".encode()
    parts = f"--b\r\n\r\nSee below.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{attached}\r\n--b--\r\n"
    return f"{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}".encode()


def add_contacts(connection: sa.Connection, contacts: str) -> None:
    for each in contacts.split() if contacts != "-" else []:
        name, _, addresses = each.partition("=")
        number = int(name.strip("!~"))
        contact_id = connection.execute(
            sa.insert(contact)
            .values(
                external_id=str(number),
                kind="lead" if "~" in name else "contact",
                created_at=NOW + timedelta(days=number),
                deleted_at=NOW if "!" in name else None,
            )
            .returning(contact.c.id)
        ).scalar_one()
        starred = "*" in addresses
        for position, address in enumerate(addresses.split(",")):
            is_primary = address.startswith("*") if starred else position == 0
            bare = address.removeprefix("*")
            connection.execute(
                sa.insert(contact_address).values(
                    contact_id=contact_id,
                    address=bare,
                    normalized=normalize_address(bare),
                    is_primary=is_primary,
                )
            )
