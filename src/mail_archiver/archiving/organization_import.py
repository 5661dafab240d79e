"""Organizations as a CSV file has them."""

from mail_archiver.archiving.csv_file import CsvFormat, read_addresses
from mail_archiver.domain.organization import ImportedOrganization


def _read_organization(record: dict[str, str]) -> ImportedOrganization | str:
    addresses = read_addresses(record.get("addresses", ""))
    if isinstance(addresses, str):
        return addresses
    if not record["name"]:
        return "no name"
    return ImportedOrganization(record["external_id"], record["name"], addresses)


ORGANIZATIONS = CsvFormat(
    columns=("external_id", "name", "addresses"),
    required=("external_id", "name"),
    read=_read_organization,
)
