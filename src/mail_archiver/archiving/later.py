"""Contacts, and addresses of contacts, that came later than the mail: linked then, whoever wrote them."""

from collections.abc import Sequence

from mail_archiver.archiving.work import Parts
from mail_archiver.domain.fetch_plan import chunks
from mail_archiver.domain.linking import LinkingRules

ADDRESSES_AT_A_TIME = 500
ARCHIVES_A_TRANSACTION = 500


def link_later(parts: Parts, rules: LinkingRules) -> int:
    """Link archives to contacts whose addresses were not looked up yet; returns how many links that made.

    Goes by indexes: it costs as much as there are new addresses and archives that have them.

    Raises:
        StoreError: The database fails; what was linked stays, the rest comes with the next call.
    """
    links = 0
    while True:
        with parts.store.reading() as uow:
            addresses = uow.links.unmatched(ADDRESSES_AT_A_TIME)
        if not addresses:
            break
        # Batches that are being recorded may have looked for contacts before these were there, and cannot be
        # seen yet. Those that begin after them will find the contacts by themselves.
        with parts.store.blobs_alone():
            pass
        with parts.store.reading() as uow:
            normalized = {normalized for _, normalized in addresses}
            archives = uow.links.mentioning(normalized, subaddresses=rules.subaddresses)
        for some in chunks(archives, ARCHIVES_A_TRANSACTION):
            links += _link(parts, rules, some)
        with parts.store.transaction() as uow:
            uow.links.matched(addresses, parts.clock())
    if links:
        parts.log.info("archives.linked_later", links=links)
    return links


def _link(parts: Parts, rules: LinkingRules, archive_ids: Sequence[int]) -> int:
    with parts.store.transaction() as uow:
        mentions = {
            archive_id: rules.mentions(addresses)
            for archive_id, addresses in uow.links.addresses(archive_ids).items()
        }
        contacts = uow.contacts.with_addresses(
            rules.looked_up(address for mentioned in mentions.values() for address in mentioned)
        )
        now = parts.clock()
        return sum(
            uow.links.add(archive_id, rules.decide(mentioned, contacts), now)
            for archive_id, mentioned in sorted(mentions.items())
        )
