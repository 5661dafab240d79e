"""Contacts, organizations, opportunities and their addresses that came later than the mail.

They are linked then, whoever wrote them. All goes by indexes: it costs as much as there is that is new, and
archives that it concerns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from mail_archiver.archiving.linking import link_archives, link_opportunities, link_organizations
from mail_archiver.archiving.ports import UnitOfWork
from mail_archiver.archiving.work import Parts
from mail_archiver.domain.fetch_plan import chunks
from mail_archiver.domain.linking import LinkingRules, Mention, Target

AT_A_TIME = 500
ARCHIVES_A_TRANSACTION = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Latecomers(Generic[T]):
    """One kind of what comes later.

    Attributes:
        find: Those not looked up yet, so many at most.
        archives: The archives that they concern.
        link: Links some of those archives; tells how many links are new or stronger.
        matched: Notes that they were looked up.
    """

    find: Callable[[UnitOfWork, int], list[T]]
    archives: Callable[[UnitOfWork, list[T]], list[int]]
    link: Callable[[UnitOfWork, Sequence[int], list[T], datetime], int]
    matched: Callable[[UnitOfWork, list[T], datetime], None]


def link_later(parts: Parts, rules: LinkingRules) -> int:
    """Link archives to what was not looked up in them yet; returns how many links that made.

    Raises:
        StoreError: The database fails; what was linked stays, the rest comes with the next call.
    """
    links = _link(parts, _addresses_of_contacts(rules))
    links += _link(parts, _addresses_of_organizations(rules))
    links += _link(parts, _members(rules))
    _set_up_opportunities(parts, rules)
    if rules.opportunities:
        links += _link(parts, _opportunities(rules))
    if links:
        parts.log.info("archives.linked_later", links=links)
    return links


def _link(parts: Parts, latecomers: _Latecomers[T]) -> int:
    links = 0
    while True:
        with parts.store.reading() as uow:
            new = latecomers.find(uow, AT_A_TIME)
        if not new:
            return links
        # Batches that are being recorded may have looked for them before they were there, and cannot be seen
        # yet. Those that begin after them will find them by themselves.
        with parts.store.blobs_alone():
            pass
        with parts.store.reading() as uow:
            archives = latecomers.archives(uow, new)
        for some in chunks(archives, ARCHIVES_A_TRANSACTION):
            with parts.store.transaction() as uow:
                links += latecomers.link(uow, some, new, parts.clock())
        with parts.store.transaction() as uow:
            latecomers.matched(uow, new, parts.clock())


def _addresses_of_contacts(rules: LinkingRules) -> _Latecomers[tuple[int, str]]:
    def link(uow: UnitOfWork, archives: Sequence[int], _: object, now: datetime) -> int:
        return sum(link_archives(uow, rules, _mentions(uow, rules, archives), now).values())

    return _addresses(Target.CONTACT, rules, link)


def _addresses_of_organizations(rules: LinkingRules) -> _Latecomers[tuple[int, str]]:
    def link(uow: UnitOfWork, archives: Sequence[int], _: object, now: datetime) -> int:
        return link_organizations(uow, rules, {}, _mentions(uow, rules, archives), now)

    return _addresses(Target.ORGANIZATION, rules, link)


def _addresses(
    target: Target,
    rules: LinkingRules,
    link: Callable[[UnitOfWork, Sequence[int], list[tuple[int, str]], datetime], int],
) -> _Latecomers[tuple[int, str]]:
    def archives(uow: UnitOfWork, new: list[tuple[int, str]]) -> list[int]:
        addresses = {normalized for _, normalized in new}
        return uow.links.mentioning(addresses, subaddresses=rules.subaddresses)

    return _Latecomers(
        lambda uow, limit: uow.latecomers.addresses(target, limit),
        archives,
        link,
        lambda uow, new, now: uow.latecomers.addresses_matched(target, new, now),
    )


def _members(rules: LinkingRules) -> _Latecomers[int]:
    """Contacts that belong to an organization, which they did not when their mail came."""

    def link(uow: UnitOfWork, archives: Sequence[int], members: list[int], now: datetime) -> int:
        links = uow.associations.contact_links(archives, contact_ids=members)
        return link_organizations(uow, rules, links, {}, now)

    return _Latecomers(
        lambda uow, limit: uow.latecomers.members(limit),
        lambda uow, members: uow.associations.archives_of(members),
        link,
        lambda uow, members, now: uow.latecomers.members_matched(members, now),
    )


def _opportunities(rules: LinkingRules) -> _Latecomers[tuple[int, int]]:
    """Opportunities of contacts whose archives are in no opportunity's history.

    All contacts of such an archive are asked, so that the order in which opportunities come does not matter.
    """

    def link(uow: UnitOfWork, archives: Sequence[int], _: object, now: datetime) -> int:
        return link_opportunities(uow, rules, uow.associations.contact_links(archives), now)

    return _Latecomers(
        lambda uow, limit: uow.latecomers.opportunities(limit),
        lambda uow, pairs: uow.associations.archives_of(
            {contact_id for _, contact_id in pairs}, without_opportunity=True
        ),
        link,
        lambda uow, pairs, now: uow.latecomers.opportunities_matched(pairs, now),
    )


def _set_up_opportunities(parts: Parts, rules: LinkingRules) -> None:
    """Begin or end with linking by rule, where the setting has changed.

    Off, what the rule has linked is not linked any more; on again, all is predicted anew. What a person has
    linked or unlinked stays, with all else of those archives.
    """
    with parts.store.reading() as uow:
        is_on = uow.opportunities.set_up_at() is not None
        is_left_over = not rules.opportunities and not is_on and uow.opportunities.has_links_by_rule()
    if rules.opportunities and not is_on:
        with parts.store.transaction() as uow:
            if uow.opportunities.set_up(parts.clock()):
                uow.latecomers.forget(Target.OPPORTUNITY, None)
    elif is_left_over or (is_on and not rules.opportunities):
        with parts.store.transaction() as uow:
            uow.opportunities.take_down()


def _mentions(uow: UnitOfWork, rules: LinkingRules, archives: Sequence[int]) -> dict[int, dict[str, Mention]]:
    return {
        archive_id: rules.mentions(addresses)
        for archive_id, addresses in uow.links.addresses(archives).items()
    }
