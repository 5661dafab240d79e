"""Archive records: one for each message, however many roads it came by."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from mail_archiver.domain.address import Address, Role
from mail_archiver.domain.draft import Draft, Recorded, RecordedMeanwhile
from mail_archiver.domain.linking import without_tag
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.domain.outcome import Outcome
from mail_archiver.store.contents import add_contents
from mail_archiver.store.copies import learn_from_copies
from mail_archiver.store.dialect import one_of
from mail_archiver.store.ledger import REPLACEABLE
from mail_archiver.store.rows import insert_rows
from mail_archiver.store.tables import (
    archive,
    archive_address,
    processed_uid,
)
from mail_archiver.store.threads import first_guess, thread_archives


class Archives:
    """Implements `archiving.ports.Archives` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, fingerprints: Collection[str]) -> dict[str, int]:
        query = sa.select(archive.c.fingerprint, archive.c.id).where(archive.c.fingerprint.in_(fingerprints))
        return {row.fingerprint: row.id for row in self._connection.execute(query)}

    def record(
        self,
        epoch: Epoch,
        drafts: Sequence[Draft],
        now: datetime,
        *,
        disposed: bool,
    ) -> list[Recorded]:
        # In one order, so that two accounts with the same messages wait for each other, never in a circle.
        drafts = sorted(
            self._not_safe_yet(epoch, drafts), key=lambda draft: (draft.message.fingerprint, draft.uid)
        )
        if not drafts:
            return []
        ids, first_copies = self._add_archives(drafts, now)
        self._add_to_ledger(epoch, drafts, ids, first_copies, now, disposed=disposed)
        self._add_addresses(epoch, drafts, ids, first_copies)
        new = [draft for draft in drafts if draft.uid in first_copies]
        add_contents(self._connection, new, ids)
        reused = self._reused_message_ids(new)
        return [
            Recorded(
                draft.uid,
                ids[draft.message.fingerprint],
                Outcome.ARCHIVED if draft.uid in first_copies else Outcome.DUPLICATE,
                reuses_message_id=draft.message.message_id in reused,
            )
            for draft in sorted(drafts, key=lambda draft: draft.uid)
        ]

    def thread(self, recorded: Sequence[tuple[Draft, Recorded]]) -> None:
        # On PostgreSQL one batch at a time, with a lock that all others wait for. Who has it must need
        # nothing that another batch may hold while it waits: of all locks before, only those of its epoch.
        drafts = sorted((draft for draft, _ in recorded), key=lambda draft: draft.message.fingerprint)
        if not drafts:
            return
        ids = {draft.message.fingerprint: each.archive_id for draft, each in recorded}
        first_copies = {each.uid for _, each in recorded if each.outcome is Outcome.ARCHIVED}
        thread_archives(self._connection, drafts, ids, first_copies)
        learn_from_copies(self._connection, [draft for draft in drafts if draft.uid not in first_copies], ids)

    def _not_safe_yet(self, epoch: Epoch, drafts: Sequence[Draft]) -> list[Draft]:
        """Leave out what another process has recorded.

        Servers exist that make a message up anew at every fetch: its UID alone tells that it is safe.
        """
        query = _safe_uids(self._connection.dialect.name)
        asked = {"epoch_id": epoch.id, "uids": [draft.uid for draft in drafts]}
        safe = set(self._connection.execute(query, asked).scalars())
        return [draft for draft in drafts if draft.uid not in safe]

    def _add_archives(self, drafts: Sequence[Draft], now: datetime) -> tuple[dict[str, int], set[int]]:
        """Insert what is not there; returns ids by fingerprint and the UIDs that brought a new archive."""
        candidates: dict[str, Draft] = {}
        for draft in drafts:
            candidates.setdefault(draft.message.fingerprint, draft)
        rows = [_archive_row(draft, now) for draft in candidates.values()]
        added = dict(insert_rows(self._connection, archive, rows, _unless_there))
        there = self.find(candidates.keys() - added.keys()) if len(added) < len(candidates) else {}
        return added | there, {candidates[fingerprint].uid for fingerprint in added}

    def _add_to_ledger(
        self,
        epoch: Epoch,
        drafts: Sequence[Draft],
        ids: dict[str, int],
        first_copies: set[int],
        now: datetime,
        *,
        disposed: bool,
    ) -> None:
        rows = [
            {
                "epoch_id": epoch.id,
                "uid": draft.uid,
                "outcome": Outcome.ARCHIVED if draft.uid in first_copies else Outcome.DUPLICATE,
                "archive_id": ids[draft.message.fingerprint],
                "reason": None,
                "rule": None,
                "source_sha256": draft.message.source_sha256,
                "header_sha256": draft.message.header_sha256,
                "size_octets": draft.message.size_octets,
                "received_at": draft.received_at,
                "next_attempt_at": None,
                "processed_at": now,
                "disposed_at": now if disposed else None,
                # The archive has the first copy's.
                "attachments_sha256": None if draft.uid in first_copies else draft.attachments_sha256,
            }
            # In an order that does not hang on what a server makes of a UID: others may be at the same ones.
            for draft in sorted(drafts, key=lambda draft: draft.uid)
        ]
        if len(insert_rows(self._connection, processed_uid, rows, _or_settle)) < len(rows):
            raise RecordedMeanwhile

    def _add_addresses(
        self, epoch: Epoch, drafts: Sequence[Draft], ids: dict[str, int], first_copies: set[int]
    ) -> None:
        """All addresses of a first copy; of a duplicate, what its road knew and the archive does not."""
        known = self._known_addresses(
            [ids[draft.message.fingerprint] for draft in drafts if draft.uid not in first_copies]
        )
        rows: list[dict[str, Any]] = []
        for draft in sorted(drafts, key=lambda draft: draft.uid not in first_copies):
            archive_id = ids[draft.message.fingerprint]
            positions: dict[Role, int] = {}
            for address in draft.message.addresses:
                positions[address.role] = position = positions.get(address.role, -1) + 1
                key = (archive_id, address.role, address.normalized or address.address)
                if draft.uid in first_copies or key not in known:
                    known.add(key)
                    rows.append(_address_row(address, position, archive_id, epoch.id, draft.uid))
        insert_rows(self._connection, archive_address, rows)

    def _known_addresses(self, archive_ids: Collection[int]) -> set[tuple[int, Role, str]]:
        if not archive_ids:
            return set()
        columns = archive_address.c
        query = sa.select(columns.archive_id, columns.role, columns.normalized, columns.address)
        rows = self._connection.execute(query.where(columns.archive_id.in_(archive_ids)))
        return {(row.archive_id, Role(row.role), row.normalized or row.address) for row in rows}

    def _reused_message_ids(self, drafts: Sequence[Draft]) -> set[str | None]:
        """Message-IDs of these new archives that more than one archive has."""
        message_ids = {draft.message.message_id for draft in drafts if draft.message.message_id}
        if not message_ids:
            return set()
        query = _used_more_than_once(self._connection.dialect.name)
        return set(self._connection.execute(query, {"message_ids": list(message_ids)}).scalars())


@cache
def _safe_uids(dialect: str) -> sa.Select[Any]:
    columns = processed_uid.c
    return sa.select(columns.uid).where(
        columns.epoch_id == sa.bindparam("epoch_id"),
        one_of(dialect, columns.uid, "uids"),
        sa.not_(REPLACEABLE),
    )


@cache
def _used_more_than_once(dialect: str) -> sa.Select[Any]:
    message_id = archive.c.message_id
    query = sa.select(message_id).where(one_of(dialect, message_id, "message_ids"))
    return query.group_by(message_id).having(sa.func.count() > 1)


def _unless_there(archives: postgresql.Insert) -> sa.Insert:
    kept = archives.on_conflict_do_nothing(index_elements=[archive.c.fingerprint])
    return kept.returning(archive.c.fingerprint, archive.c.id)


def _or_settle(rows: postgresql.Insert) -> sa.Insert:
    columns = ("outcome", "archive_id", "source_sha256", "header_sha256", "size_octets", "received_at")
    others = ("reason", "rule", "next_attempt_at", "processed_at", "disposed_at", "attachments_sha256")
    return rows.on_conflict_do_update(
        index_elements=[processed_uid.c.epoch_id, processed_uid.c.uid],
        set_={column: rows.excluded[column] for column in (*columns, *others)},
        where=REPLACEABLE,
    ).returning(processed_uid.c.uid)


def _archive_row(draft: Draft, now: datetime) -> dict[str, Any]:
    message = draft.message
    return {
        "fingerprint": message.fingerprint,
        "message_id": message.message_id,
        "thread_id": first_guess(draft),
        "kind": message.kind,
        "list_id": message.list_id,
        "auto_submitted": message.auto_submitted,
        "subject": message.subject,
        "sender": message.sender.address if message.sender else None,
        "sent_at": message.sent_at,
        "received_at": draft.received_at,
        "archived_at": now,
        "direction": draft.direction,
        "body_text": message.body_text,
        "body_html": message.body_html,
        "size_octets": message.size_octets,
        "source_sha256": message.source_sha256,
        "attachment_count": sum(not file.inline for file in message.attachments),
        "attachments_name": draft.attachments_name,
        "attachments_sha256": draft.attachments_sha256,
        "defects": [
            {"code": defect.code, "where": defect.where, "action": defect.action}
            for defect in message.defects
        ],
    }


def _address_row(address: Address, position: int, archive_id: int, epoch_id: int, uid: int) -> dict[str, Any]:
    return {
        "archive_id": archive_id,
        "role": address.role,
        "position": position,
        "epoch_id": epoch_id,
        "uid": uid,
        "display_name": address.display_name,
        "address": address.address,
        "normalized": address.normalized,
        "without_tag": without_tag(address.normalized) if address.normalized else None,
        "rule": address.rule,
    }
