"""Linking archives: to contacts, and to the organizations and opportunities that follow from them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from mail_archiver.archiving.ports import UnitOfWork
from mail_archiver.domain.association import ContactLink, opportunities_of, organizations_of
from mail_archiver.domain.linking import LinkingRules, Mention, Target

Mentions = Mapping[str, Mention]
"""Whom a message concerns: the normalized addresses that may link."""


def link_archives(
    uow: UnitOfWork, rules: LinkingRules, mentions: Mapping[int, Mentions], now: datetime
) -> dict[int, int]:
    """Link archives to whom they concern, and to what follows from contacts that were not linked before.

    Args:
        mentions: By archive id.

    Returns:
        For each archive, how many links to contacts are new or stronger than before.
    """
    looked_up = rules.looked_up(address for each in mentions.values() for address in each)
    owners = defaultdict(list)
    for contact in uow.contacts.with_addresses(looked_up):
        owners[contact.normalized].append(contact)
    decided = {
        archive_id: rules.decide(
            each, [contact for address in rules.looked_up(each) for contact in owners.get(address, ())]
        )
        for archive_id, each in mentions.items()
    }
    changed = uow.links.add(decided, now)
    linked = [archive_id for archive_id, count in changed.items() if count]
    new = uow.associations.contact_links(linked, linked_at=now) if linked else {}
    link_organizations(uow, rules, new, mentions, now)
    link_opportunities(uow, rules, new, now)
    return changed


def link_organizations(
    uow: UnitOfWork,
    rules: LinkingRules,
    links: Mapping[int, Sequence[ContactLink]],
    mentions: Mapping[int, Mentions],
    now: datetime,
) -> int:
    """Put archives into the history of the organizations of their contacts, and of those they mention.

    Args:
        links: By archive id.
        mentions: By archive id.

    Returns:
        How many links are new or told by a stronger reason than before.
    """
    looked_up = rules.looked_up(address for each in mentions.values() for address in each)
    addresses = uow.organizations.with_addresses(looked_up) if looked_up else []
    decided = {
        archive_id: organizations_of(
            links.get(archive_id, ()), rules, mentions.get(archive_id, {}), addresses
        )
        for archive_id in links.keys() | mentions.keys()
    }
    return uow.associations.add(Target.ORGANIZATION, decided, now)


def link_opportunities(
    uow: UnitOfWork, rules: LinkingRules, links: Mapping[int, Sequence[ContactLink]], now: datetime
) -> int:
    """Put archives into the history of the opportunities that their contacts' mail is about.

    Where a person has linked or unlinked an opportunity, the rule does not meddle with the archive any more.

    Args:
        links: By archive id.

    Returns:
        How many links are new.
    """
    contact_ids = {link.contact_id for each in links.values() for link in each}
    if not rules.opportunities or not contact_ids:
        return 0
    opportunities = uow.opportunities.of_contacts(contact_ids)
    if not opportunities:
        return 0
    set_up_at = uow.opportunities.set_up_at() or now
    decided = {
        archive_id: opportunities_of(links[archive_id], opportunities, at, set_up_at)
        for archive_id, at in uow.associations.not_settled(links).items()
    }
    return uow.associations.add(Target.OPPORTUNITY, decided, now)


def link_by_hand(
    uow: UnitOfWork, rules: LinkingRules, target: Target, archive_id: int, target_id: int, now: datetime
) -> bool:
    """Link as a person wants it, and to what follows from that; False where the link stands already."""
    changed = uow.links.link_by_hand(target, archive_id, target_id, now)
    if changed and target is Target.CONTACT:
        links = uow.associations.contact_links([archive_id], contact_ids=[target_id])
        link_organizations(uow, rules, links, {}, now)
        link_opportunities(uow, rules, links, now)
    return changed


def unlink_by_hand(
    uow: UnitOfWork, rules: LinkingRules, target: Target, archive_id: int, target_id: int, now: datetime
) -> bool:
    """Unlink as a person wants it, for good, and from what followed; False where there is no such link."""
    changed = uow.links.unlink_by_hand(target, archive_id, target_id, now)
    if changed and target is Target.CONTACT:
        uow.associations.forget_through(archive_id, target_id)
        # What followed from another contact as well follows from that one now.
        told = uow.associations.contacts_told(archive_id)
        links = uow.associations.contact_links([archive_id])
        others = [link for link in links.get(archive_id, ()) if link.contact_id not in told]
        link_organizations(uow, rules, {archive_id: others}, {}, now)
        link_opportunities(uow, rules, {archive_id: others}, now)
    return changed
