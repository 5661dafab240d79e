"""Mailboxes, epochs and processed UIDs: what came of every message that a server ever showed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.mailbox_state import Epoch, MailboxKey, MailboxStatus, continues
from mail_archiver.domain.outcome import Outcome, pause_after
from mail_archiver.store.dialect import ROWS_A_STATEMENT, constant, insert
from mail_archiver.store.tables import mailbox, mailbox_epoch, processed_uid

REPLACEABLE = processed_uid.c.outcome.in_(
    [constant(Outcome.QUARANTINED), constant(Outcome.FILTERED), constant(Outcome.VANISHED)]
)
"""Rows that say less than that the message is safe."""

uid_, epoch_id_ = processed_uid.c.uid, processed_uid.c.epoch_id


class Ledger:
    """Implements `archiving.ports.Ledger` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find_epoch(self, key: MailboxKey, status: MailboxStatus) -> Epoch | None:
        epoch = self._current_epoch(key)
        return epoch if epoch and continues(epoch, key, status) else None

    def begin_epoch(self, key: MailboxKey, status: MailboxStatus, now: datetime) -> Epoch:
        self._connection.execute(
            sa.update(mailbox_epoch)
            .where(mailbox_epoch.c.mailbox_id.in_(self._mailbox_ids(key)))
            .where(mailbox_epoch.c.ended_at.is_(None))
            .values(ended_at=now)
        )
        mailbox_id = self._mailbox_id(key)
        epoch_id = self._connection.execute(
            sa.insert(mailbox_epoch)
            .values(
                mailbox_id=mailbox_id,
                uidvalidity=status.uidvalidity,
                highest_modseq=status.highest_modseq,
                started_at=now,
            )
            .returning(mailbox_epoch.c.id)
        ).scalar_one()
        return Epoch(epoch_id, key, status.uidvalidity, 0)

    def was_polled(self, key: MailboxKey) -> bool:
        polled = sa.exists().where(
            mailbox_epoch.c.mailbox_id.in_(self._mailbox_ids(key)), mailbox_epoch.c.polled_at.is_not(None)
        )
        return bool(self._connection.execute(sa.select(polled)).scalar())

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

    def due(self, epoch: Epoch, now: datetime) -> list[int]:
        query = (
            sa.select(uid_)
            .where(epoch_id_ == epoch.id, processed_uid.c.next_attempt_at <= now)
            .order_by(uid_)
        )
        return list(self._connection.execute(query).scalars())

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
            "size_octets": summary.size_octets,
            "received_at": summary.received_at,
            "source_sha256": source_sha256,
            "attempts": attempts,
            "next_attempt_at": now + pause_after(attempts),
            "processed_at": now,
        }
        self._set(epoch, summary.uid, row)
        return attempts

    def advance(self, epoch: Epoch, last_uid: int) -> None:
        self._connection.execute(
            sa.update(mailbox_epoch)
            .where(mailbox_epoch.c.id == epoch.id, mailbox_epoch.c.last_uid < last_uid)
            .values(last_uid=last_uid)
        )

    def polled(self, epoch: Epoch, status: MailboxStatus, now: datetime) -> None:
        self._connection.execute(
            sa.update(mailbox_epoch)
            .where(mailbox_epoch.c.id == epoch.id)
            .values(polled_at=now, highest_modseq=status.highest_modseq)
        )

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

    def _current_epoch(self, key: MailboxKey) -> Epoch | None:
        query = (
            sa.select(mailbox_epoch, mailbox.c.host, mailbox.c.username)
            .join(mailbox, mailbox.c.id == mailbox_epoch.c.mailbox_id)
            .where(
                mailbox.c.account == key.account,
                mailbox.c.name == key.name,
                mailbox_epoch.c.ended_at.is_(None),
            )
            .order_by(mailbox_epoch.c.id.desc())
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        found = MailboxKey(key.account, row.host, row.username, key.name)
        return Epoch(row.id, found, row.uidvalidity, row.last_uid)

    @staticmethod
    def _mailbox_ids(key: MailboxKey) -> sa.ScalarSelect[int]:
        query = sa.select(mailbox.c.id).where(mailbox.c.account == key.account, mailbox.c.name == key.name)
        return query.scalar_subquery()

    def _mailbox_id(self, key: MailboxKey) -> int:
        values = {"account": key.account, "host": key.host, "username": key.username, "name": key.name}
        self._connection.execute(insert(self._connection, mailbox).values(values).on_conflict_do_nothing())
        conditions = [mailbox.c[column] == value for column, value in values.items()]
        return int(self._connection.execute(sa.select(mailbox.c.id).where(*conditions)).scalar_one())
