"""Which messages to fetch next, and in what portions."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

T = TypeVar("T")

BATCH_MESSAGES = 200
BATCH_OCTETS = 16 * 1024 * 1024
"""By measurement: less pays for commits; more gains little, and risks memory and what a kill undoes."""


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
    alone: Container[int] = (),
) -> Iterator[list[MessageSummary]]:
    """Cut messages into batches, in their order; one larger than `max_octets` is a batch of its own.

    Args:
        alone: UIDs that are a batch of their own too.
    """
    batch: list[MessageSummary] = []
    octets = 0
    for message in messages:
        is_alone = message.uid in alone or (len(batch) == 1 and batch[0].uid in alone)
        is_full = len(batch) >= max_messages or octets + message.size_octets > max_octets
        if batch and (is_alone or is_full):
            yield batch
            batch, octets = [], 0
        batch.append(message)
        octets += message.size_octets
    if batch:
        yield batch


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut UIDs, or whatever it is, into portions of at most `size`, in their order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
