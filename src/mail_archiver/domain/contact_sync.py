"""What makes our contacts the same as those of the source that owns them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from mail_archiver.domain.contact import ImportedContact


@dataclass(frozen=True, slots=True)
class SourceContact:
    """A contact as the source has it.

    Attributes:
        is_deleted: The source keeps it, and says that it is deleted.
    """

    contact: ImportedContact
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class KnownContact:
    """A contact as we have it.

    Attributes:
        source: Who owns it; None where it was made by hand, by another program or from a file.
    """

    contact: ImportedContact
    source: str | None
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row, or a contact, that is not taken over.

    Attributes:
        external_id: "" where it has none.
    """

    external_id: str
    reason: str


@dataclass(slots=True)
class SyncPlan:
    """What is to be done, each contact once.

    Attributes:
        restore: Contacts that were deleted and are there again.
        delete: The ids of those that the source calls deleted.
        gone: The ids of those that the source does not have any more.
        owned: How many contacts of this source there were, deleted ones not counted.
    """

    create: list[ImportedContact] = field(default_factory=list)
    update: list[ImportedContact] = field(default_factory=list)
    restore: list[ImportedContact] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    unchanged: int = 0
    owned: int = 0

    @property
    def loses_too_many(self) -> bool:
        """More than half are gone at once: the wrong database, an empty one, or a query that went wrong."""
        return 2 * len(self.gone) > self.owned


def plan_sync(
    found: Mapping[str, SourceContact],
    known: Mapping[str, KnownContact],
    source: str,
    *,
    present: Collection[str] | None,
    adopt: bool,
) -> SyncPlan:
    """Compare.

    Args:
        found: The contacts that the source yielded, by `external_id`.
        known: Ours, by `external_id`; of other owners too.
        source: Whose contacts are to follow.
        present: Every `external_id` that the source has; None where it was not asked for all.
        adopt: Contacts with no owner become the source's.
    """
    plan = SyncPlan()
    for external_id, ours in known.items():
        if ours.source == source and not ours.is_deleted:
            plan.owned += 1
            if present is not None and external_id not in present:
                plan.gone.append(external_id)
    for external_id, theirs in found.items():
        _plan_contact(plan, theirs, known.get(external_id), source, adopt=adopt)
    return plan


def _plan_contact(
    plan: SyncPlan, theirs: SourceContact, ours: KnownContact | None, source: str, *, adopt: bool
) -> None:
    contact = theirs.contact
    if ours is None:
        if contact.addresses and not theirs.is_deleted:
            plan.create.append(contact)
        elif not theirs.is_deleted:
            plan.left_out.append(LeftOut(contact.external_id, "no address"))
    elif ours.source != source and not adopt:
        if not theirs.is_deleted:
            plan.left_out.append(LeftOut(contact.external_id, "is here already, and not from this source"))
    elif theirs.is_deleted:
        if not ours.is_deleted:
            plan.delete.append(contact.external_id)
    elif ours.is_deleted:
        plan.restore.append(contact)
    elif ours.source != source or not is_same(contact, ours.contact):
        plan.update.append(contact)
    else:
        plan.unchanged += 1


def is_same(theirs: ImportedContact, ours: ImportedContact) -> bool:
    """Whether a contact that comes in says what we have; what it does not say stays as it is."""
    fields = ("kind", "first_name", "last_name")
    if any(getattr(theirs, name) != getattr(ours, name) for name in fields):
        return False
    if theirs.organization_id and theirs.organization_id != ours.organization_id:
        return False
    if theirs.organization != ours.organization and not (theirs.organization_id and not theirs.organization):
        return False
    compared = [[normalized for _, normalized in each.addresses] for each in (theirs, ours)]
    return compared[0][:1] == compared[1][:1] and set(compared[0]) == set(compared[1])
