"""Contacts as a CSV file has them."""

from mail_archiver.archiving.csv_file import CsvFormat, Record
from mail_archiver.archiving.listed_addresses import read_listed
from mail_archiver.domain.contact import KINDS, ImportedContact


def _read_contact(record: Record) -> tuple[ImportedContact, tuple[str, ...]] | str:
    kind = record.get("kind", "").lower() or "contact"
    if kind not in KINDS:
        return f"kind is {kind}, not {' or '.join(KINDS)}"
    listed = read_listed(record["addresses"])
    contact = ImportedContact(
        external_id=record["external_id"],
        kind=kind,
        first_name=record.get("first_name") or None,
        last_name=record.get("last_name") or None,
        organization=record.get("organization") or None,
        addresses=listed.found,
        organization_id=record.get("organization_id") or None,
    )
    return contact, listed.bad


CONTACTS = CsvFormat(
    columns=(
        "external_id",
        "kind",
        "first_name",
        "last_name",
        "organization",
        "organization_id",
        "addresses",
    ),
    required=("external_id", "addresses"),
    read=_read_contact,
    repeated=("addresses",),
)
