"""Mailboxes, and the lives that each of them has had."""

from datetime import datetime

import sqlalchemy as sa

from mail_archiver.domain.mailbox_state import Epoch, MailboxKey, MailboxStatus, continues
from mail_archiver.store.dialect import insert
from mail_archiver.store.tables import mailbox, mailbox_epoch


class Epochs:
    """The part of `archiving.ports.Ledger` that is about epochs, on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find_epoch(self, key: MailboxKey, status: MailboxStatus) -> Epoch | None:
        query = (
            self._epochs(key).where(mailbox_epoch.c.ended_at.is_(None)).order_by(mailbox_epoch.c.id.desc())
        )
        row = self._connection.execute(query).first()
        epoch = _epoch(row) if row else None
        return epoch if epoch and continues(epoch, key, status) else None

    def begin_epoch(self, key: MailboxKey, status: MailboxStatus, now: datetime) -> Epoch:
        self._connection.execute(
            sa.update(mailbox_epoch)
            .where(mailbox_epoch.c.mailbox_id.in_(_mailbox_ids(key)))
            .where(mailbox_epoch.c.ended_at.is_(None))
            .values(ended_at=now)
        )
        epoch_id = self._connection.execute(
            sa.insert(mailbox_epoch)
            .values(
                mailbox_id=self._mailbox_id(key),
                uidvalidity=status.uidvalidity,
                highest_modseq=status.highest_modseq,
                started_at=now,
            )
            .returning(mailbox_epoch.c.id)
        ).scalar_one()
        return Epoch(epoch_id, key, status.uidvalidity, 0)

    def first_polled(self, key: MailboxKey) -> tuple[int, datetime] | None:
        query = (
            sa.select(mailbox_epoch.c.id, mailbox_epoch.c.started_at)
            .where(mailbox_epoch.c.mailbox_id.in_(_mailbox_ids(key)), mailbox_epoch.c.polled_at.is_not(None))
            .order_by(mailbox_epoch.c.id)
            .limit(1)
        )
        row = self._connection.execute(query).first()
        return (row.id, row.started_at) if row else None

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

    def _ended_epochs(self, key: MailboxKey) -> dict[int, Epoch]:
        rows = self._connection.execute(self._epochs(key).where(mailbox_epoch.c.ended_at.is_not(None)))
        return {row.id: _epoch(row) for row in rows}

    def _epochs_of_account(self, account: str) -> list[int]:
        query = (
            sa.select(mailbox_epoch.c.id)
            .join(mailbox, mailbox.c.id == mailbox_epoch.c.mailbox_id)
            .where(mailbox.c.account == account)
        )
        return list(self._connection.execute(query).scalars())

    @staticmethod
    def _epochs(key: MailboxKey) -> sa.Select[tuple[object, ...]]:
        """All epochs of an account's mailbox of that name, on whatever host and for whatever user."""
        return (
            sa.select(
                mailbox_epoch.c.id,
                mailbox_epoch.c.uidvalidity,
                mailbox_epoch.c.last_uid,
                mailbox.c.account,
                mailbox.c.host,
                mailbox.c.username,
                mailbox.c.name,
            )
            .join(mailbox, mailbox.c.id == mailbox_epoch.c.mailbox_id)
            .where(mailbox.c.account == key.account, mailbox.c.name == key.name)
        )

    def _mailbox_id(self, key: MailboxKey) -> int:
        values = {"account": key.account, "host": key.host, "username": key.username, "name": key.name}
        self._connection.execute(insert(self._connection, mailbox).values(values).on_conflict_do_nothing())
        conditions = [mailbox.c[column] == value for column, value in values.items()]
        return int(self._connection.execute(sa.select(mailbox.c.id).where(*conditions)).scalar_one())


def _epoch(row: sa.Row[tuple[object, ...]]) -> Epoch:
    key = MailboxKey(row.account, row.host, row.username, row.name)
    return Epoch(row.id, key, row.uidvalidity, row.last_uid)


def _mailbox_ids(key: MailboxKey) -> sa.ScalarSelect[int]:
    query = sa.select(mailbox.c.id).where(mailbox.c.account == key.account, mailbox.c.name == key.name)
    return query.scalar_subquery()
