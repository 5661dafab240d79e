"""Whom a message concerns: from its addresses and the CRM's to links that can be explained."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from mail_archiver.domain.address import RECIPIENT_ROLES, Address, OwnAddresses, Role

LINKING_ROLES = RECIPIENT_ROLES | {Role.DELIVERED, Role.SENDER, Role.FORWARDED}
"""The roles that may link; Reply-To says where answers go, not who wrote or got a message."""

_RULES = dict.fromkeys(RECIPIENT_ROLES, "recipient-address") | {
    Role.DELIVERED: "delivered-address",
    Role.SENDER: "sender-address",
    Role.FORWARDED: "forwarded-sender",
}
SUBADDRESS = "/subaddress"
"""What a rule's name ends with when the address matched without its "+tag"."""


class Target(StrEnum):
    """What of the CRM an archive is linked to."""

    CONTACT = "contact"
    ORGANIZATION = "organization"
    OPPORTUNITY = "opportunity"


class Direction(StrEnum):
    """Which way a message went, seen from the company."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"
    INTERNAL = "internal"


class Ties(StrEnum):
    """Whom an address links that several contacts have; each such link is marked as ambiguous."""

    ALL = "all"
    PRIMARY_FIRST = "primary-first"
    """Those whose primary address it is; all of them where it is nobody's."""
    OLDEST = "oldest"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ContactAddress:
    """A contact's address in the CRM, normalized.

    Attributes:
        created_at: When the contact was made, aware; None where nobody asks who is the oldest.
        organization_id: That the contact belongs to.
    """

    contact_id: int
    normalized: str
    is_primary: bool = field(default=True, compare=False)
    created_at: datetime | None = field(default=None, compare=False)
    organization_id: int | None = field(default=None, compare=False)


class Mention(NamedTuple):
    """How an address counts: in which role, and by which rule it links."""

    role: Role
    rule: str


@dataclass(frozen=True, slots=True)
class Link:
    """A contact that a message is linked to, and why.

    Attributes:
        role: The strongest in which the contact is addressed.
        address: The normalized address that matched, as the message has it.
        ambiguous: Other contacts have the address too.
    """

    contact_id: int
    role: Role
    address: str
    rule: str
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class LinkingRules:
    """Which addresses link a message to which contacts.

    Attributes:
        own: What is ours: never linked.
        roles: In which an address links.
        subaddresses: An address that no contact has is tried once more without its "+tag" (RFC 5233).
        opportunities: Mail is linked to opportunities of its contacts by rule (`opportunity.predict`).
    """

    own: OwnAddresses = field(default_factory=OwnAddresses)
    roles: frozenset[Role] = LINKING_ROLES
    ties: Ties = Ties.ALL
    subaddresses: bool = False
    opportunities: bool = True

    def mentions(self, addresses: Iterable[Address]) -> dict[str, Mention]:
        """The normalized addresses that may link, each as it counts most."""
        strongest: dict[str, Mention] = {}
        for address in addresses:
            normalized = address.normalized
            if address.role not in self.roles or not normalized or normalized in self.own:
                continue
            known = strongest.get(normalized)
            if known is None or address.role.rank < known.role.rank:
                strongest[normalized] = Mention(address.role, address.rule or _RULES[address.role])
        return strongest

    def looked_up(self, mentions: Iterable[str]) -> set[str]:
        """The addresses to look up in the CRM for these."""
        return {spelling for address in mentions for spelling in self.spellings(address)}

    def decide(self, mentions: Mapping[str, Mention], contacts: Iterable[ContactAddress]) -> list[Link]:
        """One link for each contact that one of the addresses belongs to, by its strongest role.

        Of several addresses in that role, the first in the alphabet is told: whatever order contacts and
        addresses come in, the links are the same.
        """
        owners: dict[str, list[ContactAddress]] = defaultdict(list)
        for contact in contacts:
            owners[contact.normalized].append(contact)
        best: dict[int, Link] = {}
        for link in self._candidates(mentions, owners):
            known = best.get(link.contact_id)
            if known is None or (link.role.rank, link.address) < (known.role.rank, known.address):
                best[link.contact_id] = link
        return [best[contact_id] for contact_id in sorted(best)]

    def spellings(self, address: str) -> Iterator[str]:
        """An address as it is looked up, one after the other until one is found."""
        yield address
        if self.subaddresses and (without := without_tag(address)):
            yield without

    def _candidates(
        self, mentions: Mapping[str, Mention], owners: Mapping[str, Sequence[ContactAddress]]
    ) -> Iterator[Link]:
        for address, (role, rule) in mentions.items():
            spelling = next((each for each in self.spellings(address) if each in owners), address)
            found = owners.get(spelling, [])
            full_rule = rule if spelling == address else rule + SUBADDRESS
            ambiguous = len({contact.contact_id for contact in found}) > 1
            for contact in self._settle(found) if ambiguous else found:
                yield Link(contact.contact_id, role, address, full_rule, ambiguous)

    def _settle(self, tied: Sequence[ContactAddress]) -> Sequence[ContactAddress]:
        match self.ties:
            case Ties.PRIMARY_FIRST:
                return [contact for contact in tied if contact.is_primary] or tied
            case Ties.OLDEST:
                return [
                    min(tied, key=lambda each: (each.created_at is None, each.created_at, each.contact_id))
                ]
            case Ties.NONE:
                return []
        return tied


def together(copies: Iterable[Mapping[str, Mention]]) -> dict[str, Mention]:
    """What copies of a message mention: each address as it counts most."""
    strongest: dict[str, Mention] = {}
    for mentions in copies:
        for address, mention in mentions.items():
            known = strongest.get(address)
            if known is None or mention.role.rank < known.role.rank:
                strongest[address] = mention
    return strongest


def without_tag(normalized: str) -> str | None:
    """An address without the "+tag" of its local part; None where it has none."""
    local, _, domain = normalized.rpartition("@")
    name, plus, _ = local.partition("+")
    return f"{name}@{domain}" if plus and name and not local.startswith('"') else None


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
    # A Bcc may be known from where it was delivered to alone.
    recipients = (a.normalized for a in addresses if a.role in RECIPIENT_ROLES | {Role.DELIVERED})
    goes_out = any(normalized and normalized not in own for normalized in recipients)
    return Direction.OUTGOING if goes_out else Direction.INTERNAL
