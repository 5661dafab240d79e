"""What became of one UID."""

from datetime import timedelta
from enum import StrEnum


class Outcome(StrEnum):
    """Every UID that a mailbox ever showed has exactly one of these in the ledger."""

    ARCHIVED = "archived"
    DUPLICATE = "duplicate"
    FILTERED = "filtered"
    QUARANTINED = "quarantined"
    VANISHED = "vanished"
    ERASED = "erased"


FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(days=1)


def pause_after(attempts: int) -> timedelta:
    """How long a quarantined message waits for its next attempt: four times longer each time, a day at most.

    Args:
        attempts: Made so far, at least 1.
    """
    return min(FIRST_PAUSE * int(4 ** min(attempts - 1, 10)), LONGEST_PAUSE)
