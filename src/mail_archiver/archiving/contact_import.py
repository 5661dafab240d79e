"""Contacts from a CSV file: good lines come in, bad ones are told by number."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mail_archiver.archiving.ports import Clock, Store
from mail_archiver.domain.address import normalize_address
from mail_archiver.domain.contact import ImportedContact
from mail_archiver.errors import ConfigError

COLUMNS = ("external_id", "kind", "first_name", "last_name", "organization", "addresses")
REQUIRED = ("external_id", "addresses")
KINDS = ("contact", "lead")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is left out.

    Attributes:
        number: Of the line in the file on which the record ends, from 1.
    """

    number: int
    reason: str


@dataclass(slots=True)
class ImportReport:
    """What an import did."""

    created: int
    updated: int
    bad_lines: list[BadLine]


def read_contacts(lines: Iterable[str], file: str) -> Iterator[ImportedContact | BadLine]:
    """Read CSV with a header line; fields are separated by commas, or semicolons as some spreadsheets do.

    Args:
        file: Its name, for errors.

    Raises:
        ConfigError: The header lacks a required column, or has one that is not known.
    """
    iterator = iter(lines)
    header = next(iterator, "").lstrip("\ufeff")
    separator = ";" if header.count(";") > header.count(",") else ","
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=separator), [])]
    _check_header(names, file)
    reader = csv.reader(iterator, delimiter=separator, strict=True)
    first_lines: dict[str, int] = {}
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadLine(reader.line_num + 1, f"no CSV: {error}")
            continue
        number = reader.line_num + 1
        if not any(field.strip() for field in fields):
            continue
        if len(fields) != len(names):
            yield BadLine(number, f"{len(fields)} fields, the header has {len(names)}")
            continue
        contact = _read_record({name: field.strip() for name, field in zip(names, fields, strict=True)})
        if isinstance(contact, str):
            yield BadLine(number, contact)
        elif contact.external_id in first_lines:
            yield BadLine(number, f"external_id stands on line {first_lines[contact.external_id]} already")
        else:
            first_lines[contact.external_id] = number
            yield contact


def import_contacts(
    store: Store, clock: Clock, records: Iterable[ImportedContact | BadLine], *, dry_run: bool
) -> ImportReport:
    """Insert contacts, or update those with the same `external_id`, all in one transaction.

    Raises:
        StoreError: Nothing was imported.
    """
    report = ImportReport(0, 0, [])
    with store.reading() if dry_run else store.transaction() as uow:
        for record in records:
            if isinstance(record, BadLine):
                report.bad_lines.append(record)
                continue
            is_new = not uow.contacts.has(record.external_id)
            if not dry_run:
                uow.contacts.upsert(record, clock())
            report.created += is_new
            report.updated += not is_new
    return report


def _check_header(names: list[str], file: str) -> None:
    hint = f"The columns are {', '.join(COLUMNS)}; required are {' and '.join(REQUIRED)}."
    for name in REQUIRED:
        if name not in names:
            raise ConfigError(f"the header line has no column {name}", setting=file, hint=hint)
    for name in names:
        if name not in COLUMNS:
            raise ConfigError(f"unknown column {name or '(no name)'}", setting=file, hint=hint)


def _read_record(record: dict[str, str]) -> ImportedContact | str:
    """A contact, or why it is none."""
    if any("\0" in value for value in record.values()):
        return "a NUL character"
    if not record["external_id"]:
        return "no external_id"
    kind = record.get("kind", "").lower() or "contact"
    if kind not in KINDS:
        return f"kind is {kind}, not {' or '.join(KINDS)}"
    addresses: dict[str, tuple[str, str]] = {}
    for address in record["addresses"].replace(",", ";").split(";"):
        written = address.strip()
        if not written:
            continue
        normalized = normalize_address(written)
        if normalized is None:
            return f"not an address: {written}"
        addresses.setdefault(normalized, (written, normalized))
    if not addresses:
        return "no address"
    return ImportedContact(
        external_id=record["external_id"],
        kind=kind,
        first_name=record.get("first_name") or None,
        last_name=record.get("last_name") or None,
        organization=record.get("organization") or None,
        addresses=tuple(addresses.values()),
    )
