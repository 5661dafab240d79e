"""What is in quarantine, for a person."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.outcome import Outcome
from mail_archiver.store.tables import mailbox, mailbox_epoch, processed_uid


@dataclass(frozen=True, slots=True)
class QuarantinedMessage:
    """A message that could not be archived yet.

    Attributes:
        source_sha256: Its original, where it could be had; None where not.
    """

    account: str
    mailbox: str
    uidvalidity: int
    uid: int
    reason: str
    attempts: int
    next_attempt_at: datetime
    source_sha256: str | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "next_attempt_at": self.next_attempt_at.isoformat()}


def list_quarantine(connection: sa.Connection) -> Iterator[QuarantinedMessage]:
    """By account, mailbox and UID."""
    columns = processed_uid.c
    query = (
        sa.select(
            mailbox.c.account,
            mailbox.c.name,
            mailbox_epoch.c.uidvalidity,
            columns.uid,
            columns.reason,
            columns.attempts,
            columns.next_attempt_at,
            columns.source_sha256,
        )
        .join(mailbox_epoch, mailbox_epoch.c.id == columns.epoch_id)
        .join(mailbox, mailbox.c.id == mailbox_epoch.c.mailbox_id)
        .where(columns.next_attempt_at.is_not(None), columns.outcome == Outcome.QUARANTINED)
        .order_by(mailbox.c.account, mailbox.c.name, mailbox_epoch.c.id, columns.uid)
    )
    return (QuarantinedMessage(*row) for row in connection.execute(query))
