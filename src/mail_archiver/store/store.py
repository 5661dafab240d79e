"""The store: transactions and leases on one database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from mail_archiver.domain.address import OwnAddresses
from mail_archiver.domain.linking import Target
from mail_archiver.domain.record import ArchiveRecord, Namesake
from mail_archiver.store.archives import Archives
from mail_archiver.store.associations import Associations
from mail_archiver.store.blob_names import BlobNames
from mail_archiver.store.contacts import Contacts
from mail_archiver.store.database import (
    create_sqlite_file,
    for_writing,
    open_engine,
    read_url,
    sqlite_file,
)
from mail_archiver.store.finding import Found, find
from mail_archiver.store.latecomers import Latecomers
from mail_archiver.store.lease import Leases
from mail_archiver.store.ledger import Ledger
from mail_archiver.store.links import Links
from mail_archiver.store.listing import ListedArchive, list_archives
from mail_archiver.store.opportunities import Opportunities
from mail_archiver.store.organizations import Organizations
from mail_archiver.store.quarantine import QuarantinedMessage, list_quarantine
from mail_archiver.store.release import HEAD
from mail_archiver.store.schema import current_revision, migrate, require_current
from mail_archiver.store.showing import show_archive
from mail_archiver.store.strangers import UnmatchedAddress, unmatched_addresses
from mail_archiver.store.translation import shown, translated


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """One transaction; implements `archiving.ports.UnitOfWork`."""

    ledger: Ledger
    archives: Archives
    contacts: Contacts
    organizations: Organizations
    opportunities: Opportunities
    links: Links
    associations: Associations
    latecomers: Latecomers
    blob_names: BlobNames


class Store:
    """Implements `archiving.ports.Store`. Making one connects to nothing."""

    def __init__(self, url: str, schema: str | None = None) -> None:
        self._schema = schema
        self._engine = open_engine(read_url(url), schema)
        self._leases = Leases(self._engine, schema)

    @property
    def database(self) -> str:
        """The database's URL without the password."""
        return shown(self._engine.url)

    @property
    def is_sqlite(self) -> bool:
        """Whether tables are made and migrated without being asked."""
        return self._engine.dialect.name == "sqlite"

    @property
    def is_there(self) -> bool:
        """False for a SQLite file that the first run has yet to make."""
        file = sqlite_file(self._engine.url)
        return file is None or file.exists()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def prepare(self) -> None:
        """Make ready for writing: SQLite is created and migrated, PostgreSQL must be up to date already.

        Raises:
            SchemaMismatch: PostgreSQL's tables are missing, old, or of a later release.
            DatabaseUnavailable: It cannot be reached.
        """
        if self.is_sqlite and (not self.is_there or self.revision() != HEAD):
            self.upgrade()
        self.require_current()

    def require_current(self) -> None:
        """Make sure that the tables are of this release (see `schema.require_current`)."""
        with translated(self._engine.url):
            require_current(self._engine, self._schema)

    def revision(self) -> str | None:
        """The revision of the tables, None where there are none."""
        with translated(self._engine.url):
            return current_revision(self._engine, self._schema)

    def upgrade(self) -> tuple[str | None, str | None]:
        """Create the tables, or bring them to this release; tells the revisions before and after.

        Raises:
            SchemaMismatch: They are of a later release, or from before the first one.
        """
        file = sqlite_file(self._engine.url)
        if file is not None and not file.exists():
            create_sqlite_file(file)
        before = self.revision()
        if before is not None and before > HEAD:
            self.require_current()
        if before != HEAD:
            with translated(self._engine.url):
                migrate(self._engine, self._schema)
        return before, self.revision()

    @contextmanager
    def transaction(self, storing: Callable[[], None] | None = None) -> Iterator[UnitOfWork]:
        """See `archiving.ports.Store.transaction`."""
        with ExitStack() as stack:
            if storing and self.is_sqlite:  # before the transaction: it keeps all other writers out
                stack.enter_context(self._leases.blobs_kept())
                storing()
            stack.enter_context(translated(self._engine.url))
            connection = stack.enter_context(for_writing(self._engine).begin())
            if storing and not self.is_sqlite:
                self._leases.keep_blobs(connection)
                storing()
            yield _unit_of_work(connection)

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """See `archiving.ports.Store.reading`."""
        with translated(self._engine.url), self._engine.connect() as connection:
            yield _unit_of_work(connection)

    def list_archives(self) -> list[ListedArchive]:
        """All archives (see `listing.list_archives`)."""
        with translated(self._engine.url), self._engine.connect() as connection:
            return list(list_archives(connection))

    def quarantine(self) -> list[QuarantinedMessage]:
        """All messages in quarantine (see `quarantine.list_quarantine`)."""
        with translated(self._engine.url), self._engine.connect() as connection:
            return list(list_quarantine(connection))

    def find(self, target: Target, name: str) -> list[Found]:
        """The contacts, organizations or opportunities that a person calls so (see `finding.find`)."""
        with translated(self._engine.url), self._engine.connect() as connection:
            return find(connection, target, name)

    def unmatched_addresses(self, own: OwnAddresses, limit: int) -> list[UnmatchedAddress]:
        """Who has mail in the archive and is no contact (see `strangers.unmatched_addresses`)."""
        with translated(self._engine.url), self._engine.connect() as connection:
            return unmatched_addresses(connection, own, limit)

    def show_archive(self, name: str) -> ArchiveRecord | tuple[Namesake, ...]:
        """The archive of that id or Message-ID (see `showing.show_archive`)."""
        with translated(self._engine.url), self._engine.connect() as connection:
            return show_archive(connection, name)

    def blobs_alone(self) -> AbstractContextManager[None]:
        """See `archiving.ports.Store.blobs_alone`."""
        return self._leases.blobs_alone()

    def sync_lease(self) -> AbstractContextManager[None]:
        """See `archiving.ports.Store.sync_lease`."""
        return self._leases.sync()

    def run_lease(self, account: str, *, patiently: bool = True) -> AbstractContextManager[None]:
        """See `archiving.ports.Store.run_lease`."""
        return self._leases.run(account, patiently=patiently)

    def backfill_lease(self, account: str) -> AbstractContextManager[None]:
        """See `archiving.ports.Store.backfill_lease`."""
        return self._leases.backfill(account)

    def backfill_turn(self, account: str) -> AbstractContextManager[None]:
        """See `archiving.ports.Store.backfill_turn`."""
        return self._leases.backfill_turn(account)


def _unit_of_work(connection: sa.Connection) -> UnitOfWork:
    return UnitOfWork(
        Ledger(connection),
        Archives(connection),
        Contacts(connection),
        Organizations(connection),
        Opportunities(connection),
        Links(connection),
        Associations(connection),
        Latecomers(connection),
        BlobNames(connection),
    )
