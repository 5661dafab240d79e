"""Whom a message concerns: from its addresses and the CRM's to links that can be explained."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mail_archiver.domain.address import RECIPIENT_ROLES, Address, OwnAddresses, Role

RULE_RECIPIENT = "recipient-address"

LINKING_ROLES = RECIPIENT_ROLES | {Role.FORWARDED}


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


class Mention(NamedTuple):
    """How an address counts: in which role, and by which rule it links."""

    role: Role
    rule: str


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


def linkable_addresses(addresses: Iterable[Address], own: OwnAddresses) -> dict[str, Mention]:
    """The addresses to look up in the CRM, each as it counts most.

    Those are recipients and the senders of what was forwarded, where they are not ours.
    """
    strongest: dict[str, Mention] = {}
    for address in addresses:
        normalized = address.normalized
        if address.role not in LINKING_ROLES or normalized is None or normalized in own:
            continue
        known = strongest.get(normalized)
        if known is None or address.role.rank < known.role.rank:
            strongest[normalized] = Mention(address.role, address.rule or RULE_RECIPIENT)
    return strongest


def decide_links(linkable: Mapping[str, Mention], contacts: Iterable[ContactAddress]) -> list[Link]:
    """One link for each contact that one of the addresses belongs to, by its strongest role."""
    best: dict[int, Link] = {}
    for contact in sorted(contacts, key=lambda c: (c.contact_id, c.normalized)):
        mention = linkable.get(contact.normalized)
        if mention is None:
            continue
        known = best.get(contact.contact_id)
        if known is None or mention.role.rank < known.role.rank:
            best[contact.contact_id] = Link(
                contact.contact_id, mention.role, contact.normalized, mention.rule
            )
    return list(best.values())


def is_ours(addresses: Iterable[Address], own: OwnAddresses) -> bool | None:
    """Whether one of our own people wrote a message; None where the sender, or what is ours, is unknown."""
    author = next((a.normalized for a in addresses if a.role is Role.SENDER), None)
    if author is None or not (own.domains or own.addresses):
        return None
    return author in own


def decide_direction(addresses: Collection[Address], own: OwnAddresses) -> Direction | None:
    """Which way a message went; None where the sender, or what is ours, is unknown.

    A box of our own among the recipients does not make a message incoming: what staff copy to the archive is
    outgoing as soon as anybody else receives it. What they forward to it stays internal.
    """
    written_by_us = is_ours(addresses, own)
    if written_by_us is None:
        return None
    if not written_by_us:
        return Direction.INCOMING
    recipients = (a.normalized for a in addresses if a.role in RECIPIENT_ROLES)
    goes_out = any(normalized and normalized not in own for normalized in recipients)
    return Direction.OUTGOING if goes_out else Direction.INTERNAL
