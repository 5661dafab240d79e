"""What the use cases need of the CRM's side: contacts and whom archives are linked to, and who owns them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from mail_archiver.domain.address import Address
from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.contact_sync import KnownContact
from mail_archiver.domain.linking import ContactAddress, Link
from mail_archiver.domain.source_state import SourceState


class Links(Protocol):
    """Archives that are linked afterwards."""

    def unmatched(self, limit: int) -> list[tuple[int, str]]:
        """Addresses of contacts, not deleted, that were not yet looked up in the archive: id and address."""

    def matched(self, addresses: Collection[tuple[int, str]], now: datetime) -> None:
        """Note that they were looked up."""

    def forget_matches(self, contact_ids: Collection[int] | None) -> None:
        """Let the addresses of these contacts, or of all, be looked up again."""

    def mentioning(self, normalized: Collection[str], *, subaddresses: bool) -> list[int]:
        """The archives that have one of these addresses in any role, ascending.

        Args:
            subaddresses: Also with a "+tag".
        """

    def addresses(self, archive_ids: Collection[int]) -> dict[int, list[Address]]:
        """All addresses of some archives."""

    def add(self, archive_id: int, links: Sequence[Link], now: datetime) -> int:
        """Link an archive; returns how many links are new or stronger. What a person did stays."""

    def link_by_hand(self, archive_id: int, contact_id: int, now: datetime) -> bool:
        """Link as a person wants it; False where the link stands already."""

    def unlink_by_hand(self, archive_id: int, contact_id: int, now: datetime) -> bool:
        """Unlink as a person wants it, for good; False where there is no such link."""


class Imported(Protocol):
    """A record from elsewhere."""

    @property
    def external_id(self) -> str:
        """What the other program calls it; the key by which it is found again."""


R_contra = TypeVar("R_contra", bound=Imported, contravariant=True)


class ImportTarget(Protocol[R_contra]):
    """Where records of one kind go.

    Addresses that a record no longer has are removed; the ones it keeps stay as they are, so that what was
    looked up for them is not looked up again.
    """

    def has(self, external_id: str) -> bool:
        """Whether a record of that id is there, deleted or not."""

    def objection(self, record: R_contra) -> str | None:
        """Why a record cannot go there: what it refers to is missing."""

    def upsert(self, record: R_contra, now: datetime) -> None:
        """Insert a record, or bring the one with its `external_id` up to date."""


class Contacts(ImportTarget[ImportedContact], Protocol):
    """The CRM's contacts. One that was deleted is there again once it is brought in."""

    def with_addresses(self, normalized: Collection[str]) -> list[ContactAddress]:
        """The contacts, not deleted, that have one of these addresses."""

    def known(self, external_ids: Collection[str] | None) -> dict[str, KnownContact]:
        """The contacts, deleted ones too, that have one of these ids, by id; None for all that have any."""

    def create(
        self, address: str, normalized: str, *, kind: str, first_name: str | None, last_name: str | None
    ) -> int:
        """Make a contact with one address; returns its id."""

    def upsert_from(self, source: str, record: ImportedContact, now: datetime) -> None:
        """Insert a contact, or bring it up to date, as the property of a source."""

    def delete(self, external_ids: Sequence[str], now: datetime) -> None:
        """Mark contacts as deleted; their links stay."""

    def source_state(self, source: str) -> SourceState | None:
        """How far we have come with a source; None before the first sync."""

    def save_source_state(self, source: str, state: SourceState, now: datetime) -> None:
        """Note how far we have come."""


class ContactSource(Protocol):
    """A second database that owns contacts."""

    @property
    def database(self) -> str:
        """Its URL without the password."""

    @property
    def definition(self) -> str:
        """A hash of its address and the query."""

    @property
    def is_incremental(self) -> bool:
        """Whether the query can be asked for what is new since a moment."""

    def rows(self, since: datetime) -> Iterator[Mapping[str, object]]:
        """The rows of the query, by column; nothing is written there.

        Args:
            since: Only what was updated since, where the query can tell.

        Raises:
            ConfigError: The query is wrong, or does not yield the columns that it has to.
            StoreError: The database cannot be used.
        """
