"""A CSV file with a header line, record by record, whichever program wrote it."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic

from mail_archiver.archiving.importing import Line, R
from mail_archiver.domain.address import normalize_address
from mail_archiver.errors import ConfigError


@dataclass(frozen=True, slots=True)
class CsvFormat(Generic[R]):
    """What a file of one kind has.

    Attributes:
        columns: Their names.
        required: Those that a header must have.
        read: A record by the fields of its columns, white space around them removed, or why it is none.
    """

    columns: tuple[str, ...]
    required: tuple[str, ...]
    read: Callable[[dict[str, str]], R | str]


def read_csv(lines: Iterable[str], file: str, format_: CsvFormat[R]) -> Iterator[Line[R]]:
    """Read CSV; fields are separated by commas, or semicolons as some spreadsheets do.

    Args:
        file: Its name, for errors.

    Raises:
        ConfigError: The header lacks a required column, or has one that is not known.
    """
    iterator = iter(lines)
    header = next(iterator, "").lstrip("\ufeff")
    separator = ";" if header.count(";") > header.count(",") else ","
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=separator), [])]
    _check_header(names, file, format_)
    reader = csv.reader(iterator, delimiter=separator, strict=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(reader.line_num + 1, f"no CSV: {error}")
            continue
        if any(field.strip() for field in fields):
            yield Line(reader.line_num + 1, _read_fields(fields, names, format_))


def read_addresses(text: str) -> tuple[tuple[str, str], ...] | str:
    """Addresses separated by semicolons or commas, as written and normalized, or why they are none."""
    addresses: dict[str, tuple[str, str]] = {}
    for address in text.replace(",", ";").split(";"):
        written = address.strip()
        if not written:
            continue
        normalized = normalize_address(written)
        if normalized is None:
            return f"not an address: {written}"
        addresses.setdefault(normalized, (written, normalized))
    return tuple(addresses.values())


def _check_header(names: list[str], file: str, format_: CsvFormat[R]) -> None:
    columns, required = ", ".join(format_.columns), " and ".join(format_.required)
    hint = f"The columns are {columns}; required are {required}."
    for name in format_.required:
        if name not in names:
            raise ConfigError(f"the header line has no column {name}", setting=file, hint=hint)
    for name in names:
        if name not in format_.columns:
            raise ConfigError(f"unknown column {name or '(no name)'}", setting=file, hint=hint)


def _read_fields(fields: list[str], names: list[str], format_: CsvFormat[R]) -> R | str:
    if len(fields) != len(names):
        return f"{len(fields)} fields, the header has {len(names)}"
    if any("\0" in field for field in fields):
        return "a NUL character"
    record = {name: field.strip() for name, field in zip(names, fields, strict=True)}
    if not record["external_id"]:
        return "no external_id"
    return format_.read(record)
