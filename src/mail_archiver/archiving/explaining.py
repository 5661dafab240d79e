"""What became of a message and everybody it mentions, or what will."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mail_archiver.archiving.ports import UnitOfWork
from mail_archiver.domain.association import ContactLink, opportunities_of, organizations_of
from mail_archiver.domain.draft import Draft
from mail_archiver.domain.explaining import Fate, explain
from mail_archiver.domain.explaining_associations import (
    Membership,
    explain_associations,
    explain_no_opportunity,
)
from mail_archiver.domain.linking import ContactAddress, LinkingRules, Mention, Target
from mail_archiver.domain.record import ArchiveRecord


def explain_archive(
    uow: UnitOfWork, rules: LinkingRules, record: ArchiveRecord, now: datetime
) -> Iterator[Fate | Membership]:
    """The fate of each address of an archive; then its organizations and opportunities."""
    addresses = uow.links.addresses([record.id]).get(record.id, [])
    contacts = uow.contacts.with_addresses(
        rules.looked_up(each.normalized for each in addresses if each.normalized)
    )
    yield from explain(addresses, rules, contacts, record.contacts)
    links = uow.associations.contact_links([record.id]).get(record.id, [])
    at = uow.associations.not_settled([record.id]).get(record.id)
    mentions = rules.mentions(addresses)
    yield from _explain_organizations(uow, rules, links, mentions, record)
    if record.opportunities or at is None or not rules.opportunities:
        yield from explain_associations(Target.OPPORTUNITY, record.opportunities, [], foretold=False)
    else:
        yield from _explain_opportunities(uow, links, at, now, foretold=False)


def foretell(
    uow: UnitOfWork, rules: LinkingRules, draft: Draft, contacts: Sequence[ContactAddress], now: datetime
) -> Iterator[Fate | Membership]:
    """The same of a message that is not in the archive yet.

    Args:
        contacts: Those with one of its addresses, at least.
    """
    addresses = draft.message.addresses
    yield from explain(addresses, rules, contacts, foretold=True)
    organizations = {each.contact_id: each.organization_id for each in contacts}
    links = [
        ContactLink(link.contact_id, organizations[link.contact_id])
        for link in rules.decide(draft.mentions, contacts)
    ]
    yield from _explain_organizations(uow, rules, links, draft.mentions, None)
    if rules.opportunities:
        at = draft.received_at or draft.message.sent_at or now
        yield from _explain_opportunities(uow, links, at, now, foretold=True)


def _explain_organizations(
    uow: UnitOfWork,
    rules: LinkingRules,
    links: Sequence[ContactLink],
    mentions: Mapping[str, Mention],
    record: ArchiveRecord | None,
) -> Iterator[Membership]:
    decided = organizations_of(
        links, rules, mentions, uow.organizations.with_addresses(rules.looked_up(mentions))
    )
    linked = record.organizations if record else ()
    yield from explain_associations(Target.ORGANIZATION, linked, decided, foretold=record is None)


def _explain_opportunities(
    uow: UnitOfWork, links: Sequence[ContactLink], at: datetime, now: datetime, *, foretold: bool
) -> Iterator[Membership]:
    opportunities = uow.opportunities.of_contacts([link.contact_id for link in links])
    set_up_at = uow.opportunities.set_up_at() or now
    decided = opportunities_of(links, opportunities, at, set_up_at)
    yield from explain_associations(Target.OPPORTUNITY, (), decided, foretold=foretold)
    yield from explain_no_opportunity(links, opportunities, at, set_up_at)
