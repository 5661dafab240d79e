"""An opportunity as another program hands it over."""

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
