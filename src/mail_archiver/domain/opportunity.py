"""Opportunities: as another program hands them over, and which of a contact's its mail is about."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

STAGES = ("open", "won", "lost")


@dataclass(frozen=True, slots=True)
class ImportedOpportunity:
    """One opportunity to bring in.

    Attributes:
        external_id: What the other program calls it; the key by which it is found again.
        organization_id: The `external_id` of its organization, or None.
        contact_ids: The `external_id`s of its contacts.
        stage: "open", "won" or "lost".
        created_at: None for the moment it is brought in first.
        updated_at: None for the moment it is brought in.
    """

    external_id: str
    name: str
    organization_id: str | None
    contact_ids: tuple[str, ...]
    stage: str
    created_at: datetime | None
    closed_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Opportunity:
    """An opportunity as it stands in the CRM; moments are aware.

    Attributes:
        stage: One of `STAGES`.
        closed_at: None while it is open, or where nobody said.
    """

    id: int
    stage: str
    created_at: datetime
    closed_at: datetime | None
    updated_at: datetime

    def existed_at(self, moment: datetime) -> bool:
        """Whether it had been created and was not closed yet."""
        return self.created_at <= moment and (self.closed_at is None or moment < self.closed_at)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The opportunity that a contact's mail is about, as far as can be told.

    Attributes:
        is_ambiguous: Others were as near.
    """

    opportunity_id: int
    rule: str
    is_ambiguous: bool = False


def predict(opportunities: Collection[Opportunity], at: datetime, set_up_at: datetime) -> Prediction | None:
    """Which of a contact's opportunities a message is about.

    ==================  ========================================  ==================  ==================
    The message came    The contact has                           It is linked to     Rule
    ==================  ========================================  ==================  ==================
    since the set-up    one open opportunity                      that one            only-open
    since the set-up    several open ones                         the last modified   last-modified-open
    since the set-up    none open, one won                        that one            only-won
    since the set-up    none open, several won                    the last modified   last-modified-won
    since the set-up    none, or lost ones alone                  none
    before the set-up   exactly one that existed then, not lost   that one            only-one-then
    before the set-up   anything else                             none
    ==================  ========================================  ==================  ==================

    Today's opportunities say little about mail of years ago: that is why such mail is linked only where there
    was no choice.

    Args:
        at: When the message came.
        set_up_at: Since when the rule is on.
    """
    if at < set_up_at:
        then = [each for each in opportunities if each.existed_at(at)]
        if len(then) == 1 and then[0].stage != "lost":
            return Prediction(then[0].id, "only-one-then")
        return None
    for stage in ("open", "won"):
        candidates = [each for each in opportunities if each.stage == stage]
        if len(candidates) == 1:
            return Prediction(candidates[0].id, f"only-{stage}")
        if candidates:
            last = max(candidates, key=lambda each: (each.updated_at, each.created_at, each.id))
            return Prediction(last.id, f"last-modified-{stage}", is_ambiguous=True)
    return None
