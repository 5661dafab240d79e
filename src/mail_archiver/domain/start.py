"""Where a mailbox begins, when it is polled for the first time."""

from dataclasses import dataclass
from datetime import datetime

RULE_PREFIX = "start:"
"""Ledger rows filtered by this rule do not stand in the way of a backfill."""


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

    def leaves_out(self, received_at: datetime | None) -> bool:
        """Whether a message is older than the start; one without INTERNALDATE is not."""
        return self.since is not None and received_at is not None and received_at < self.since
