"""What the use cases need of the CRM's side: contacts and whom archives are linked to, and who owns them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from mail_archiver.domain.address import Address
from mail_archiver.domain.association import Association, ContactLink, OrganizationAddress
from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.contact_sync import KnownContact
from mail_archiver.domain.linking import ContactAddress, Link, Target
from mail_archiver.domain.opportunity import ImportedOpportunity, Opportunity
from mail_archiver.domain.organization import ImportedOrganization
from mail_archiver.domain.source_state import SourceState


class Links(Protocol):
    """Whom archives are linked to."""

    def mentioning(self, normalized: Collection[str], *, subaddresses: bool) -> list[int]:
        """The archives that have one of these addresses in any role, ascending.

        Args:
            subaddresses: Also with a "+tag".
        """

    def addresses(self, archive_ids: Collection[int]) -> dict[int, list[Address]]:
        """All addresses of some archives."""

    def add(self, by_archive: Mapping[int, Sequence[Link]], now: datetime) -> dict[int, int]:
        """Link archives to contacts; what a person did stays.

        Args:
            by_archive: By archive id, one link for each contact.

        Returns:
            For each archive, how many links are new or stronger than before.
        """

    def link_by_hand(self, target: Target, archive_id: int, target_id: int, now: datetime) -> bool:
        """Link as a person wants it; False where the link stands already, by hand."""

    def unlink_by_hand(self, target: Target, archive_id: int, target_id: int, now: datetime) -> bool:
        """Unlink as a person wants it, for good; False where there is no such link."""


class Associations(Protocol):
    """In whose history archives stand beside that of their contacts."""

    def contact_links(
        self,
        archive_ids: Collection[int],
        *,
        linked_at: datetime | None = None,
        contact_ids: Collection[int] | None = None,
    ) -> dict[int, list[ContactLink]]:
        """Links to contacts that stand, of contacts not deleted, by archive.

        Args:
            linked_at: Only those made at this moment.
            contact_ids: Only to these contacts.
        """

    def archives_of(self, contact_ids: Collection[int], *, without_opportunity: bool = False) -> list[int]:
        """The archives linked to one of these contacts, ascending.

        Args:
            without_opportunity: Only those that neither a rule nor a person has linked to an opportunity.
        """

    def not_settled(self, archive_ids: Collection[int]) -> dict[int, datetime]:
        """Of these, the archives whose opportunities no person has changed, with the moment they came."""

    def add(self, target: Target, by_archive: Mapping[int, Sequence[Association]], now: datetime) -> int:
        """Link archives to organizations or opportunities; what a person did stays.

        Returns:
            How many links are new or told by a stronger reason than before.
        """

    def contacts_told(self, archive_id: int) -> set[int]:
        """The contacts that are told as the reason for a link of an archive."""

    def forget_through(self, archive_id: int, contact_id: int) -> None:
        """Take away what follows from a contact; what a person did stays."""


class Latecomers(Protocol):
    """What was not yet looked up in the archive."""

    def addresses(self, target: Target, limit: int) -> list[tuple[int, str]]:
        """Addresses of contacts (deleted ones left out) or organizations: id and normalized address."""

    def addresses_matched(
        self, target: Target, addresses: Collection[tuple[int, str]], now: datetime
    ) -> None:
        """Note that they were looked up."""

    def members(self, limit: int) -> list[int]:
        """Contacts of an organization whose archives are not in its history yet."""

    def members_matched(self, contact_ids: Collection[int], now: datetime) -> None:
        """Note that they are."""

    def opportunities(self, limit: int) -> list[tuple[int, int]]:
        """Opportunities and one of their contacts, whose archives were not looked at for them."""

    def opportunities_matched(self, pairs: Collection[tuple[int, int]], now: datetime) -> None:
        """Note that they were."""

    def forget(self, target: Target, ids: Collection[int] | None) -> None:
        """Let what hangs on these contacts, organizations or opportunities, or on all, be looked up again."""


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

    def says_the_same(self, record: R_contra) -> bool | None:
        """Whether what is there under the `external_id` says the same; None where nothing is."""

    def objection(self, record: R_contra) -> str | None:
        """Why a record cannot go there: what it refers to is missing."""

    def upsert(self, record: R_contra, now: datetime) -> None:
        """Insert a record, or bring the one with its `external_id` up to date."""


class Organizations(ImportTarget[ImportedOrganization], Protocol):
    """The CRM's organizations."""

    def with_addresses(self, normalized: Collection[str]) -> list[OrganizationAddress]:
        """The organizations that have one of these addresses as their own."""


class Opportunities(ImportTarget[ImportedOpportunity], Protocol):
    """The CRM's opportunities, and whether archives are linked to them by rule."""

    def of_contacts(self, contact_ids: Collection[int]) -> dict[int, list[Opportunity]]:
        """The opportunities of contacts; those that have none are left out."""

    def set_up_at(self) -> datetime | None:
        """Since when the rule is on; None where it is off."""

    def has_links_by_rule(self) -> bool:
        """Whether there are links that `take_down` would take away."""

    def set_up(self, now: datetime) -> bool:
        """Turn the rule on: what it linked before is taken away, to be predicted anew.

        Returns:
            False where it is on already, and nothing was changed.
        """

    def take_down(self) -> None:
        """Turn the rule off, and take away its links, but for archives that a person has had a say in."""


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
