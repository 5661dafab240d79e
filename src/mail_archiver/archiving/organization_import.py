"""Organizations as a CSV file has them."""

from mail_archiver.archiving.csv_file import CsvFormat, Record
from mail_archiver.archiving.listed_addresses import read_listed
from mail_archiver.domain.organization import ImportedOrganization


def _read_organization(record: Record) -> tuple[ImportedOrganization, tuple[str, ...]] | str:
    if not record["name"]:
        return "no name"
    listed = read_listed(record.get("addresses", ""))
    return ImportedOrganization(record["external_id"], record["name"], listed.found), listed.bad


ORGANIZATIONS = CsvFormat(
    columns=("external_id", "name", "addresses"),
    required=("external_id", "name"),
    read=_read_organization,
    repeated=("addresses",),
)
