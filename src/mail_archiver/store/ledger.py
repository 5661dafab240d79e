"""Mailboxes, epochs and processed UIDs: what came of every message that a server ever showed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.draft import KeptOriginal
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.mailbox_state import Epoch, MailboxKey
from mail_archiver.domain.outcome import Outcome, pause_after
from mail_archiver.domain.recognition import LedgerCopy
from mail_archiver.store.dialect import ROWS_A_STATEMENT, constant, insert
from mail_archiver.store.epochs import Epochs
from mail_archiver.store.tables import processed_uid

REPLACEABLE = processed_uid.c.outcome.in_(
    [constant(Outcome.QUARANTINED), constant(Outcome.FILTERED), constant(Outcome.VANISHED)]
)
"""Rows that say less than that the message is safe."""

uid_, epoch_id_ = processed_uid.c.uid, processed_uid.c.epoch_id


class Ledger(Epochs):
    """Implements `archiving.ports.Ledger` on one connection."""

    def known(self, epoch: Epoch, uids: Sequence[int], *, also_filtered_by: str | None = None) -> set[int]:
        if not uids:
            return set()
        query = sa.select(uid_).where(epoch_id_ == epoch.id, uid_.between(uids[0], uids[-1]))
        if also_filtered_by is not None:
            filtered = sa.and_(
                processed_uid.c.outcome == Outcome.FILTERED,
                processed_uid.c.rule.startswith(also_filtered_by, autoescape=True),
            )
            query = query.where(sa.not_(filtered))
        return set(self._connection.execute(query).scalars()).intersection(uids)

    def copies_received_at(self, epoch: Epoch, moments: Collection[datetime]) -> list[LedgerCopy]:
        epochs = self._epochs_of_account(epoch.key.account)
        if epochs == [epoch.id] or not moments:
            return []
        columns = [processed_uid.c[name] for name in LedgerCopy.__slots__]
        query = sa.select(*columns).where(
            processed_uid.c.received_at.in_(moments),
            epoch_id_.in_(epochs),
            processed_uid.c.archive_id.is_not(None),
            processed_uid.c.header_sha256.is_not(None),
        )
        return [LedgerCopy(*row) for row in self._connection.execute(query)]

    def recognized(
        self, epoch: Epoch, known: Mapping[int, LedgerCopy], now: datetime, *, disposed: bool
    ) -> None:
        for uid, copy in known.items():
            row = {
                "outcome": Outcome.DUPLICATE,
                "archive_id": copy.archive_id,
                "reason": None,
                "rule": None,
                "source_sha256": copy.source_sha256,
                "header_sha256": copy.header_sha256,
                "size_octets": copy.size_octets,
                "received_at": copy.received_at,
                "next_attempt_at": None,
                "processed_at": now,
                "disposed_at": now if disposed else None,
                "attachments_sha256": None,
            }
            self._set(epoch, uid, row)

    def due(self, epoch: Epoch, now: datetime | None) -> list[int]:
        query = sa.select(uid_).where(epoch_id_ == epoch.id, _is_due(now)).order_by(uid_)
        return list(self._connection.execute(query).scalars())

    def due_in_ended_epochs(self, key: MailboxKey, now: datetime | None) -> list[tuple[Epoch, int]]:
        ended = self._ended_epochs(key)
        if not ended:
            return []
        query = sa.select(epoch_id_, uid_).where(epoch_id_.in_(ended), _is_due(now)).order_by(epoch_id_, uid_)
        return [(ended[epoch_id], uid) for epoch_id, uid in self._connection.execute(query)]

    def originals(self, epoch: Epoch, uids: Sequence[int]) -> dict[int, KeptOriginal]:
        columns = processed_uid.c
        query = sa.select(uid_, columns.source_sha256, columns.size_octets, columns.received_at).where(
            epoch_id_ == epoch.id,
            uid_.in_(uids),
            columns.outcome == Outcome.QUARANTINED,
            columns.source_sha256.is_not(None),
        )
        return {uid: KeptOriginal(*kept) for uid, *kept in self._connection.execute(query)}

    def filter(self, epoch: Epoch, messages: Iterable[MessageSummary], rule: str, now: datetime) -> int:
        return self._add(
            {
                "epoch_id": epoch.id,
                "uid": message.uid,
                "outcome": Outcome.FILTERED,
                "rule": rule,
                "size_octets": message.size_octets,
                "received_at": message.received_at,
                "processed_at": now,
            }
            for message in messages
        )

    def vanish(self, epoch: Epoch, uids: Iterable[int], now: datetime) -> None:
        for uid in uids:
            row = {"outcome": Outcome.VANISHED, "processed_at": now, "next_attempt_at": None}
            self._set(epoch, uid, row)

    def quarantine(
        self,
        epoch: Epoch,
        summary: MessageSummary,
        reason: str,
        now: datetime,
        *,
        source_sha256: str | None = None,
        attachments_sha256: str | None = None,
    ) -> int:
        attempts = 1 + (
            self._connection.execute(
                sa.select(processed_uid.c.attempts).where(
                    epoch_id_ == epoch.id,
                    uid_ == summary.uid,
                    processed_uid.c.outcome == Outcome.QUARANTINED,
                )
            ).scalar()
            or 0
        )
        row = {
            "outcome": Outcome.QUARANTINED,
            "reason": reason,
            "attempts": attempts,
            "next_attempt_at": now + pause_after(attempts),
            "processed_at": now,
        }
        if source_sha256 is not None:  # what an earlier attempt has found out stays
            row |= {"source_sha256": source_sha256, "attachments_sha256": attachments_sha256}
        known = {"size_octets": summary.size_octets or None, "received_at": summary.received_at}
        known = {name: value for name, value in known.items() if value is not None}
        try:
            with self._connection.begin_nested():
                self._set(epoch, summary.uid, row | known)
        except sa.exc.StatementError as error:
            if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
                raise
            # The quarantine takes every message: one whose size or date no column holds, without them.
            self._set(epoch, summary.uid, row)
        return attempts

    def undisposed(self, epoch: Epoch, limit: int) -> list[int]:
        query = (
            sa.select(uid_)
            .where(
                epoch_id_ == epoch.id,
                processed_uid.c.disposed_at.is_(None),
                processed_uid.c.archive_id.is_not(None),
            )
            .order_by(uid_)
            .limit(limit)
        )
        return list(self._connection.execute(query).scalars())

    def dispose(self, epoch: Epoch, uids: Sequence[int], now: datetime) -> None:
        self._connection.execute(
            sa.update(processed_uid).where(epoch_id_ == epoch.id, uid_.in_(uids)).values(disposed_at=now)
        )

    def _add(self, rows: Iterable[dict[str, Any]]) -> int:
        """Insert rows, in portions; those whose UID is there already are left as they are."""
        added, remaining = 0, iter(rows)
        while portion := list(islice(remaining, ROWS_A_STATEMENT)):
            statement = insert(self._connection, processed_uid).on_conflict_do_nothing().returning(uid_)
            added += len(self._connection.execute(statement, portion).all())
        return added

    def _set(self, epoch: Epoch, uid: int, row: dict[str, Any]) -> None:
        """Write a row, also over one that is `REPLACEABLE`."""
        statement = insert(self._connection, processed_uid).values(epoch_id=epoch.id, uid=uid, **row)
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[epoch_id_, uid_],
                set_=row,
                where=REPLACEABLE,
            )
        )


def _is_due(now: datetime | None) -> sa.ColumnElement[bool]:
    next_attempt = processed_uid.c.next_attempt_at
    return next_attempt.is_not(None) if now is None else next_attempt <= now
