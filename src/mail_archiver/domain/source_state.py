"""How far we have come with a contact source."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the last sync left.

    Attributes:
        definition: A hash of the source's address and query: another query is another set of contacts.
        newest: The latest `updated_at` that was seen; None where the source has none.
        full_at: When the source was asked for all last.
    """

    definition: str
    newest: datetime | None
    full_at: datetime
