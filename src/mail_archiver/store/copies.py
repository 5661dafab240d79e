"""What a further copy tells of a message that is archived: only one road shows the list, or the Bcc."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from mail_archiver.domain.draft import Draft
from mail_archiver.domain.kind import Kind
from mail_archiver.domain.linking import Direction
from mail_archiver.store.tables import archive

_KINDS = (Kind.BOUNCE, Kind.INVITATION, Kind.AUTO_REPLY, Kind.LIST, Kind.MESSAGE)
"""In the order in which `mime.kind` decides."""

_DIRECTIONS = (Direction.OUTGOING, Direction.INTERNAL, Direction.INCOMING, None)
"""Outgoing is what we sent and anybody else received; a copy without the Bcc makes it look internal."""


class _Told(NamedTuple):
    kind: str
    direction: str | None
    list_id: str | None
    auto_submitted: str | None

    def and_by(self, draft: Draft) -> "_Told":
        """What both tell, the same in either order."""
        message = draft.message
        return _Told(
            min(self.kind, message.kind, key=_KINDS.index),
            min(self.direction, draft.direction, key=_DIRECTIONS.index),
            _first(self.list_id, message.list_id),
            _first(self.auto_submitted, message.auto_submitted),
        )


def learn_from_copies(connection: sa.Connection, copies: Sequence[Draft], ids: dict[str, int]) -> None:
    """Let archives say what all their copies tell together, whichever came first.

    Changes rows of other batches: to be called when `thread_archives` has its lock, which serves here too.

    Args:
        ids: Archive ids by fingerprint.
    """
    if not copies:
        return
    columns = [archive.c[name] for name in _Told._fields]
    query = sa.select(archive.c.id, *columns).where(
        archive.c.id.in_({ids[draft.message.fingerprint] for draft in copies})
    )
    before = {archive_id: _Told(*told) for archive_id, *told in connection.execute(query)}
    after = dict(before)
    for draft in copies:
        archive_id = ids[draft.message.fingerprint]
        after[archive_id] = after[archive_id].and_by(draft)
    changes = [
        {"archive_id": archive_id, **told._asdict()}
        for archive_id, told in sorted(after.items())
        if told != before[archive_id]
    ]
    if changes:
        statement = sa.update(archive).where(archive.c.id == sa.bindparam("archive_id"))
        connection.execute(statement.values({name: sa.bindparam(name) for name in _Told._fields}), changes)


def _first(*texts: str | None) -> str | None:
    return min((text for text in texts if text is not None), default=None)
