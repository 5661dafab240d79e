"""What the first copy of a message holds, in rows of its own: attachments and delivery reports."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.draft import Draft
from mail_archiver.store.rows import insert_rows
from mail_archiver.store.tables import attachment, delivery_report


def add_contents(connection: sa.Connection, drafts: Sequence[Draft], ids: dict[str, int]) -> None:
    """Write them for archives that were just inserted.

    Args:
        ids: Archive ids by fingerprint.
    """
    insert_rows(connection, attachment, list(_attachment_rows(drafts, ids)))
    insert_rows(connection, delivery_report, list(_delivery_report_rows(drafts, ids)))


def _attachment_rows(drafts: Sequence[Draft], ids: dict[str, int]) -> Iterator[dict[str, Any]]:
    for draft in drafts:
        for position, file in enumerate(draft.message.attachments):
            yield {
                "archive_id": ids[draft.message.fingerprint],
                "position": position,
                "filename": file.filename,
                "safe_name": file.safe_name,
                "content_type": file.content_type,
                "size_octets": len(file.content),
                "sha256": file.sha256,
                "inline": file.inline,
                "within": file.within,
            }


def _delivery_report_rows(drafts: Sequence[Draft], ids: dict[str, int]) -> Iterator[dict[str, Any]]:
    for draft in drafts:
        for position, report in enumerate(draft.message.delivery_reports):
            yield {
                "archive_id": ids[draft.message.fingerprint],
                "position": position,
                "recipient": report.recipient,
                "normalized": report.normalized,
                "action": report.action,
                "status": report.status,
                "message_id": report.message_id,
            }
