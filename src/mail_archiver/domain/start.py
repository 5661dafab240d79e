"""Where a mailbox begins, when it is polled for the first time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

RULE_PREFIX = "start:"
"""Ledger rows filtered by this rule do not stand in the way of a backfill."""

CLOCKS_DIFFER = timedelta(minutes=1)
"""INTERNALDATE is in whole seconds, and by the server's clock."""


@dataclass(frozen=True, slots=True)
class Start:
    """Which messages `run` archives.

    Attributes:
        only_new: Leave out what the mailbox holds when it is first seen.
        since: Leave out what has an earlier INTERNALDATE; aware.
    """

    only_new: bool = False
    since: datetime | None = None

    @property
    def rule(self) -> str:
        """The name of the rule in the ledger."""
        return RULE_PREFIX + (self.since.isoformat() if self.since else "new")

    def in_epoch(self, epoch_id: int, first: tuple[int, datetime] | None) -> "Start":
        """What it means in one epoch of a mailbox.

        What was new when the mailbox was first seen cannot be told by UIDs once these have changed their
        meaning: from then on it is what was received since, or just before, lest one be lost to a clock.

        Args:
            first: The first epoch that a `run` has finished with, and when it began; None before that.
        """
        if not self.only_new or first is None or first[0] == epoch_id:
            return self
        return Start(since=first[1] - CLOCKS_DIFFER)

    def leaves_out(self, received_at: datetime | None) -> bool:
        """Whether a message is older than the start; one without INTERNALDATE is not."""
        return self.since is not None and received_at is not None and received_at < self.since
