"""What became of each address of a message, in words that an admin can pass on to a colleague."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mail_archiver.domain.address import Address, Role
from mail_archiver.domain.linking import SUBADDRESS, ContactAddress, LinkingRules, without_tag
from mail_archiver.domain.record import LinkedContact

_IN_WORDS = {
    "recipient-address": "the message went to this address",
    "delivered-address": "the message was delivered to this address (a Bcc, perhaps)",
    "sender-address": "the message came from this address",
    "forwarded-attachment-recipient": "one of ours forwarded a message to this address",
    "forwarded-block-recipient": "one of ours forwarded a message to this address",
    "forwarded": "one of ours forwarded a message of this address",
}
"""By what a rule's name is, or begins with."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one address.

    Attributes:
        rule: By which it links, or is left out, as a word for programs.
        text: The same as a sentence.
        contact_ids: Whom it links.
    """

    address: str
    role: Role
    rule: str
    text: str
    contact_ids: tuple[int, ...] = ()


def explain(
    addresses: Iterable[Address],
    rules: LinkingRules,
    contacts: Collection[ContactAddress],
    links: Collection[LinkedContact] = (),
    *,
    foretold: bool = False,
) -> Iterator[Fate]:
    """The fate of each address, by today's rules and contacts; then of links that none of them explains.

    Args:
        contacts: Those with one of the addresses, deleted ones left out.
        links: That the archive has, or had.
        foretold: The message is not in the archive yet.
    """
    by_contact = {link.contact_id: link for link in links}
    seen: set[tuple[str, Role]] = set()
    explained: set[int] = set()
    for address in addresses:
        key = (address.normalized or address.address, address.role)
        if key not in seen:
            seen.add(key)
            fate = _fate(address, rules, contacts, None if foretold else by_contact)
            explained.update(fate.contact_ids)
            yield fate
    for link in links:
        if link.contact_id not in explained:
            yield _of_link(link)


def _fate(
    address: Address,
    rules: LinkingRules,
    contacts: Collection[ContactAddress],
    links: Mapping[int, LinkedContact] | None,
) -> Fate:
    shown = address.normalized or address.address

    def left_out(rule: str, text: str) -> Fate:
        return Fate(shown, address.role, rule, text)

    if address.normalized is None:
        return left_out("no-address", "is no address that could be compared; it links nobody")
    if address.normalized in rules.own:
        return left_out("own-address", "is one of ours, and never linked")
    if address.role not in rules.roles:
        return left_out("role", f"stands as {address.role} only, which links nobody (LINKING__ROLES)")
    found = _owners(address.normalized, rules, contacts)
    if not found:
        return left_out("no-contact", "belongs to no contact; when one gets it, the archive is linked then")
    linked = rules.decide(rules.mentions([address]), contacts)
    if not linked:
        return left_out("tie", f"belongs to {len(found)} contacts, and ties link nobody (LINKING__TIES)")
    texts = [_of_contact(link.contact_id, link.rule, links) for link in linked]
    if len(found) > len(linked):
        texts.append(f"of {len(found)} contacts that have the address, by LINKING__TIES={rules.ties}")
    elif len(found) > 1:
        texts.append(f"{len(found)} contacts have the address: the links are marked as ambiguous")
    ids = tuple(link.contact_id for link in linked)
    return Fate(shown, address.role, linked[0].rule, "; ".join(texts), ids)


def _owners(normalized: str, rules: LinkingRules, contacts: Collection[ContactAddress]) -> set[int]:
    owners: dict[str, set[int]] = defaultdict(set)
    for contact in contacts:
        owners[contact.normalized].add(contact.contact_id)
    found = owners[normalized]
    if not found and rules.subaddresses:
        found = owners[without_tag(normalized) or ""]
    return found


def _of_contact(contact_id: int, rule: str, links: Mapping[int, LinkedContact] | None) -> str:
    because = next((words for name, words in _IN_WORDS.items() if rule.startswith(name)), f"rule {rule}")
    if rule.endswith(SUBADDRESS):
        because += ', which without its "+tag" is the contact\'s'
    if links is None:
        return f"would link contact {contact_id}: {because}"
    link = links.get(contact_id)
    if link is None:
        return (
            f"would link contact {contact_id}: {because}; relink does it, and the next run for new addresses"
        )
    name = f"contact {contact_id}{f' ({link.name})' if link.name else ''}"
    if link.unlinked_at is not None:
        return f"would link {name}, but a person has unlinked it, and that stays"
    if link.origin == "manual":
        return f"{name} is linked by hand; {because} too"
    if link.address is not None and link.rule != rule:
        return f"{name} is linked, more strongly by {link.role} {link.address}"
    return f"linked to {name}: {because}"


def _of_link(link: LinkedContact) -> Fate:
    name = f"contact {link.contact_id}{f' ({link.name})' if link.name else ''}"
    if link.unlinked_at is not None:
        text = f"{name} was unlinked by a person"
    elif link.origin == "manual":
        text = f"{name} was linked by a person"
    else:
        text = f"{name} was linked when it had this address, and the link stays"
    return Fate(link.address or "", link.role or Role.TO, link.rule or "by-hand", text, (link.contact_id,))
