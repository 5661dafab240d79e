"""Contacts as a CSV file has them."""

from mail_archiver.archiving.csv_file import CsvFormat, read_addresses
from mail_archiver.domain.contact import KINDS, ImportedContact


def _read_contact(record: dict[str, str]) -> ImportedContact | str:
    kind = record.get("kind", "").lower() or "contact"
    if kind not in KINDS:
        return f"kind is {kind}, not {' or '.join(KINDS)}"
    addresses = read_addresses(record["addresses"])
    if isinstance(addresses, str):
        return addresses
    if not addresses:
        return "no address"
    return ImportedContact(
        external_id=record["external_id"],
        kind=kind,
        first_name=record.get("first_name") or None,
        last_name=record.get("last_name") or None,
        organization=record.get("organization") or None,
        addresses=addresses,
        organization_id=record.get("organization_id") or None,
    )


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
)
