"""Which messages to fetch next, and in what portions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

BATCH_MESSAGES = 50
BATCH_OCTETS = 8 * 1024 * 1024
"""About 50 messages or 8 MiB are best by measurement: less pays for commits, more for memory."""


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """What is asked about a message before it is fetched.

    Attributes:
        size_octets: RFC822.SIZE, which servers only estimate.
        received_at: INTERNALDATE, aware; None when the server gives none.
    """

    uid: int
    size_octets: int
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Window:
    """A span of INTERNALDATE: `since` inclusive, `until` exclusive, None for open; both aware."""

    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, received_at: datetime | None) -> bool:
        """Whether the moment lies inside; a message without INTERNALDATE lies in every window."""
        if received_at is None:
            return True
        return (self.since is None or received_at >= self.since) and (
            self.until is None or received_at < self.until
        )


def plan_batches(
    messages: Iterable[MessageSummary],
    *,
    max_messages: int = BATCH_MESSAGES,
    max_octets: int = BATCH_OCTETS,
) -> Iterator[list[MessageSummary]]:
    """Cut messages into batches, in their order; one larger than `max_octets` is a batch of its own."""
    batch: list[MessageSummary] = []
    octets = 0
    for message in messages:
        if batch and (len(batch) >= max_messages or octets + message.size_octets > max_octets):
            yield batch
            batch, octets = [], 0
        batch.append(message)
        octets += message.size_octets
    if batch:
        yield batch


def chunks(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut UIDs into portions of at most `size`, in their order."""
    for start in range(0, len(uids), size):
        yield uids[start : start + size]
