"""Whom a message concerns: from its addresses and the CRM's to links that can be explained."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from mail_archiver.domain.address import RECIPIENT_ROLES, Address, OwnAddresses, Role

RULE_RECIPIENT = "recipient-address"


class Direction(StrEnum):
    """Which way a message went, seen from the company."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class ContactAddress:
    """A contact's address in the CRM, normalized."""

    contact_id: int
    normalized: str


@dataclass(frozen=True, slots=True)
class Link:
    """A contact that a message is linked to, and why.

    Attributes:
        role: The strongest in which the contact is addressed.
        address: The normalized address that matched.
    """

    contact_id: int
    role: Role
    address: str
    rule: str


def linkable_addresses(addresses: Iterable[Address], own: OwnAddresses) -> dict[str, Role]:
    """The addresses to look up in the CRM, each with its strongest role: recipients that are not ours."""
    strongest: dict[str, Role] = {}
    for address in addresses:
        normalized = address.normalized
        if address.role not in RECIPIENT_ROLES or normalized is None or normalized in own:
            continue
        known = strongest.get(normalized)
        if known is None or address.role.rank < known.rank:
            strongest[normalized] = address.role
    return strongest


def decide_links(linkable: dict[str, Role], contacts: Iterable[ContactAddress]) -> list[Link]:
    """One link for each contact that one of the addresses belongs to, by its strongest role."""
    best: dict[int, Link] = {}
    for contact in sorted(contacts, key=lambda c: (c.contact_id, c.normalized)):
        role = linkable.get(contact.normalized)
        if role is None:
            continue
        known = best.get(contact.contact_id)
        if known is None or role.rank < known.role.rank:
            best[contact.contact_id] = Link(contact.contact_id, role, contact.normalized, RULE_RECIPIENT)
    return list(best.values())


def decide_direction(addresses: Collection[Address], own: OwnAddresses) -> Direction | None:
    """Which way a message went; None where the sender, or what is ours, is unknown.

    A box of our own among the recipients does not make a message incoming: what staff copy to the archive is
    outgoing as soon as anybody else receives it.
    """
    author = next((a.normalized for a in addresses if a.role is Role.SENDER), None)
    if author is None or not (own.domains or own.addresses):
        return None
    if author not in own:
        return Direction.INCOMING
    recipients = linkable_addresses(addresses, own)
    return Direction.OUTGOING if recipients else Direction.INTERNAL
