"""In whose history an archive stands beside its contacts': that of organizations and of opportunities."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mail_archiver.domain.address import Role
from mail_archiver.domain.linking import SUBADDRESS, LinkingRules, Mention
from mail_archiver.domain.opportunity import Opportunity, predict

THROUGH_CONTACT = "contact"
BY_ADDRESS = "organization-address"


@dataclass(frozen=True, slots=True)
class ContactLink:
    """A link to a contact that stands, and the organization that the contact belongs to today."""

    contact_id: int
    organization_id: int | None


@dataclass(frozen=True, slots=True)
class OrganizationAddress:
    """An address that is the organization's own, normalized."""

    organization_id: int
    normalized: str


@dataclass(frozen=True, slots=True)
class Association:
    """An organization or opportunity that an archive is linked to, and why.

    Attributes:
        role, address: Where the message has its own address; None where it is linked through a contact.
        contact_id: The contact that it is linked through, of several the one with the lowest id; or None.
        ambiguous: Others have the address too, or other opportunities were as near.
    """

    target_id: int
    rule: str
    role: Role | None = None
    address: str | None = None
    contact_id: int | None = None
    ambiguous: bool = False

    @property
    def precedence(self) -> tuple[bool, int, str, int]:
        """The lowest is told where there are several reasons: an own address first, then a contact."""
        rank = len(Role) if self.role is None else self.role.rank
        return self.contact_id is not None, rank, self.address or "", self.contact_id or 0


def organizations_of(
    links: Iterable[ContactLink],
    rules: LinkingRules,
    mentions: Mapping[str, Mention],
    addresses: Collection[OrganizationAddress],
) -> list[Association]:
    """The organizations of an archive's contacts, and those whose own address the message has.

    Args:
        mentions: Whom the message concerns.
        addresses: Of organizations, as `rules.looked_up(mentions)` finds them.
    """
    return _strongest(
        [
            *(
                Association(link.organization_id, THROUGH_CONTACT, contact_id=link.contact_id)
                for link in links
                if link.organization_id is not None
            ),
            *_by_address(rules, mentions, addresses),
        ]
    )


def opportunities_of(
    links: Iterable[ContactLink],
    opportunities: Mapping[int, Sequence[Opportunity]],
    at: datetime,
    set_up_at: datetime,
) -> list[Association]:
    """What `opportunity.predict` says of each contact of an archive.

    Args:
        opportunities: By contact.
        at: When the message came.
        set_up_at: Since when the rule is on.
    """
    predictions = ((link, predict(opportunities.get(link.contact_id, ()), at, set_up_at)) for link in links)
    return _strongest(
        Association(
            found.opportunity_id, found.rule, contact_id=link.contact_id, ambiguous=found.is_ambiguous
        )
        for link, found in predictions
        if found is not None
    )


def _by_address(
    rules: LinkingRules, mentions: Mapping[str, Mention], addresses: Iterable[OrganizationAddress]
) -> Iterator[Association]:
    owners: dict[str, set[int]] = defaultdict(set)
    for each in addresses:
        owners[each.normalized].add(each.organization_id)
    for address, mention in mentions.items():
        spelling = next((each for each in rules.spellings(address) if each in owners), None)
        if spelling is not None:
            rule = BY_ADDRESS if spelling == address else BY_ADDRESS + SUBADDRESS
            found = owners[spelling]
            for organization_id in found:
                yield Association(organization_id, rule, mention.role, address, ambiguous=len(found) > 1)


def _strongest(candidates: Iterable[Association]) -> list[Association]:
    best: dict[int, Association] = {}
    for each in candidates:
        known = best.get(each.target_id)
        if known is None or each.precedence < known.precedence:
            best[each.target_id] = each
    return [best[target_id] for target_id in sorted(best)]
