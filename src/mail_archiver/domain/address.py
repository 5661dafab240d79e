"""Mail addresses: how two are compared, and which are ours."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MAX_ADDRESS_OCTETS = 320
"""A local part of 64 octets, "@" and a domain of 255 (RFC 5321 section 4.5.3.1)."""

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""Marks of direction and the like, which copying an address takes along."""

_MAX_LABEL = 63
_NEEDLESSLY_QUOTED = re.compile(r'"([^\s<>(),;:@"\\\[\]]+)"')
_SPECIALS = re.compile(r'[<>(),;:@"\\]')


class Role(StrEnum):
    """Where in a message an address stands, the strongest first."""

    TO = "to"
    CC = "cc"
    BCC = "bcc"
    RESENT = "resent"
    DELIVERED = "delivered"
    SENDER = "sender"
    REPLY_TO = "reply_to"
    FORWARDED = "forwarded"

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return _RANKS[self]


_RANKS = {role: rank for rank, role in enumerate(Role)}
RECIPIENT_ROLES = frozenset({Role.TO, Role.CC, Role.BCC, Role.RESENT})


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a message.

    Attributes:
        display_name: As the sender wrote it, decoded; "" when there is none.
        address: As the sender wrote it.
        normalized: The form that is compared, or None where there is nothing to compare.
        rule: How it was found where no field of the header has it; None where one has.
    """

    role: Role
    display_name: str
    address: str
    normalized: str | None
    rule: str | None = None


def normalize_address(address: str) -> str | None:
    """The form in which two addresses are compared.

    Lower case, the domain as A-labels (IDNA 2008 with the UTS 46 mapping, RFC 5891), a final dot of the
    domain dropped, and quotation marks that nothing needs (RFC 5321 section 4.1.2); those around dots go too,
    which Japanese phones write with and without. Nothing else changes: no dot and no "+tag" is taken from a
    local part.

    Returns:
        None where there is no local part or no domain, where white space, control characters or (outside
        quotation marks and address literals) RFC 5322's specials stand inside, or where it is longer than
        any address can be (`MAX_ADDRESS_OCTETS`).
    """
    local, _, domain = address.strip().rpartition("@")
    if len(address) > 2 * MAX_ADDRESS_OCTETS or " " in address.strip() or not (local + domain).isprintable():
        return None
    needless = _NEEDLESSLY_QUOTED.fullmatch(local)
    local = needless[1] if needless else local
    quoted, literal = local.startswith('"'), domain.startswith("[")
    if (not quoted and _SPECIALS.search(local)) or (not literal and _SPECIALS.search(domain)):
        return None
    a_labels = _to_a_labels(domain)
    normalized = f"{local.lower()}@{a_labels}"
    if not local or not a_labels or len(normalized.encode()) > MAX_ADDRESS_OCTETS:
        return None
    return normalized


def normalize_domain(domain: str) -> str:
    """A domain as `normalize_address` writes it; a leading "@" or "." is allowed for convenience."""
    return _to_a_labels(domain.strip().lstrip("@."))


def _to_a_labels(domain: str) -> str:
    if domain.isascii() or max(map(len, domain.split("."))) > _MAX_LABEL:  # to encode it takes quadratic time
        return domain.lower().rstrip(".")
    import idna  # a table of 200 kB that most runs never need

    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower().rstrip(".")
    except (idna.IDNAError, UnicodeError):
        return domain.lower().rstrip(".")


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """Which addresses belong to the company itself, and so are never linked as recipients.

    Attributes:
        addresses: Normalized addresses.
        domains: Normalized domains; their subdomains count too.
    """

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    @classmethod
    def of(cls, addresses: Iterable[str], domains: Iterable[str]) -> "OwnAddresses":
        """From addresses and domains as people write them; what cannot be an address is left out."""
        normalized = (normalize_address(address) for address in addresses)
        return cls(
            addresses=frozenset(address for address in normalized if address),
            domains=frozenset(filter(None, map(normalize_domain, domains))),
        )

    def __contains__(self, normalized: str) -> bool:
        if normalized in self.addresses:
            return True
        domain = normalized.rpartition("@")[2]
        while domain and domain not in self.domains:
            domain = domain.partition(".")[2]
        return bool(domain)
