"""Which blobs the rows name: originals of archives and of quarantined messages, and attachment files."""

from collections.abc import Collection, Iterator

import sqlalchemy as sa

from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.store.dialect import portions
from mail_archiver.store.tables import archive, processed_uid

ROWS_A_FETCH = 10_000

_NAMES = (
    archive.c.source_sha256,
    archive.c.attachments_sha256,
    processed_uid.c.source_sha256,
    processed_uid.c.attachments_sha256,
)


class BlobNames:
    """Implements `archiving.ports.BlobNames` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def all(self) -> Iterator[str]:
        names = sa.union(*(sa.select(column.label("sha256")).where(column.is_not(None)) for column in _NAMES))
        name = names.subquery().c.sha256
        ordered = sa.collate(name, "C") if self._connection.dialect.name == "postgresql" else name
        # An option of the statement: on such a connection, PostgreSQL would make a cursor of every other too.
        query = sa.select(name).order_by(ordered).execution_options(yield_per=ROWS_A_FETCH)
        yield from self._connection.execute(query).scalars()

    def missing(self, sha256s: Collection[str]) -> list[str]:
        left = set(sha256s)
        for portion in portions(sorted(sha256s)):
            for column in _NAMES:
                named = self._connection.execute(sa.select(column).where(column.in_(portion)))
                left.difference_update(named.scalars())
        return sorted(left)

    def archives(self, sha256: str) -> list[int]:
        named = archive.c.source_sha256, archive.c.attachments_sha256
        own = sa.select(archive.c.id).where(sa.or_(*(column == sha256 for column in named)))
        of_roads = processed_uid.c.source_sha256, processed_uid.c.attachments_sha256
        brought = sa.select(processed_uid.c.archive_id).where(
            sa.or_(*(column == sha256 for column in of_roads)), processed_uid.c.archive_id.is_not(None)
        )
        return sorted(self._connection.execute(sa.union(own, brought)).scalars())

    def uids_of_originals(self, epoch: Epoch, sha256s: Collection[str]) -> list[int]:
        found: set[int] = set()
        for portion in portions(sorted(sha256s)):
            columns = processed_uid.c
            query = sa.select(columns.uid).where(
                columns.epoch_id == epoch.id, columns.source_sha256.in_(portion)
            )
            found.update(self._connection.execute(query).scalars())
        return sorted(found)

    def originals_of_attachments(self, sha256: str) -> list[str]:
        own = sa.select(archive.c.source_sha256).where(archive.c.attachments_sha256 == sha256)
        brought = (
            sa.select(processed_uid.c.source_sha256)
            .join(archive, archive.c.id == processed_uid.c.archive_id)
            .where(archive.c.attachments_sha256 == sha256, processed_uid.c.source_sha256.is_not(None))
        )
        of_its_own = sa.select(processed_uid.c.source_sha256).where(
            processed_uid.c.attachments_sha256 == sha256
        )
        return sorted(self._connection.execute(sa.union(own, brought, of_its_own)).scalars())
