"""Why an archive stands, or does not, in the history of organizations and opportunities, in words."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mail_archiver.domain.association import Association, ContactLink
from mail_archiver.domain.linking import Target
from mail_archiver.domain.opportunity import Opportunity, predict
from mail_archiver.domain.record import LinkedAssociation

_IN_WORDS = {
    "contact": "it is the organization of {contact}",
    "organization-address": "the message has its own address {address}",
    "organization-address/subaddress": 'the message has {address}, which without its "+tag" is its own',
    "only-open": "it is the only open opportunity of {contact}",
    "last-modified-open": "of the open opportunities of {contact} it was modified last",
    "only-won": "it is the only won opportunity of {contact}, who has no open one",
    "last-modified-won": "of the won opportunities of {contact}, who has no open one, it was modified last",
    "only-one-then": "the message is older than the rule's set-up, and at its time it was the only"
    " opportunity of {contact}",
}


@dataclass(frozen=True, slots=True)
class Membership:
    """What became of an archive and an organization or opportunity.

    Attributes:
        id: Of the organization or opportunity; None where none is linked.
        rule: By which it is linked or left out, as a word for programs.
        text: The same as a sentence.
    """

    target: Target
    id: int | None
    rule: str
    text: str


def explain_associations(
    target: Target, linked: Collection[LinkedAssociation], decided: Sequence[Association], *, foretold: bool
) -> Iterator[Membership]:
    """What is linked and why, then what would be by today's rules.

    Args:
        linked: What the archive has, or had.
        decided: By today's rules.
        foretold: The message is not in the archive yet.
    """
    for link in linked:
        yield Membership(target, link.id, link.rule or "by-hand", _of_link(target, link))
    there = {link.id for link in linked}
    for each in decided:
        if each.target_id not in there:
            because = _because(each.rule, each.address, each.contact_id)
            text = f"would be linked to {target} {each.target_id}: {because}"
            hint = "" if foretold else "; relink does it"
            yield Membership(target, each.target_id, each.rule, text + hint)


def explain_no_opportunity(
    links: Collection[ContactLink],
    opportunities: Mapping[int, Sequence[Opportunity]],
    at: datetime,
    set_up_at: datetime,
) -> Iterator[Membership]:
    """Why the opportunities of some contacts are left out."""
    for link in links:
        found = opportunities.get(link.contact_id)
        if not found or predict(found, at, set_up_at):
            continue
        contact = f"contact {link.contact_id}"
        if at < set_up_at:
            then = sum(each.existed_at(at) for each in found)
            text = (
                f"none of {contact} is linked: the message is older than the rule's set-up"
                f" ({set_up_at:%Y-%m-%d}), and {then} existed at its time"
                + (", since lost" if then == 1 else "")
            )
            yield Membership(Target.OPPORTUNITY, None, "not-one-then", text)
        else:
            text = f"none of {contact} is linked: all are lost"
            yield Membership(Target.OPPORTUNITY, None, "all-lost", text)


def _of_link(target: Target, link: LinkedAssociation) -> str:
    name = f" ({link.name})" if link.name else ""
    if link.unlinked_at is not None:
        return f"{target} {link.id}{name} was unlinked by a person, and that stays"
    if link.origin == "manual":
        return f"{target} {link.id}{name} was linked by a person"
    return f"linked to {target} {link.id}{name}: {_because(link.rule or '', link.address, link.contact_id)}"


def _because(rule: str, address: str | None, contact_id: int | None) -> str:
    contact = f"contact {contact_id}" if contact_id is not None else "a contact that is gone"
    return _IN_WORDS.get(rule, f"rule {rule}").format(address=address, contact=contact)
