"""A CSV file with a header line, record by record, whichever program wrote it."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic

from mail_archiver.archiving.importing import Line, R
from mail_archiver.errors import ConfigError

MAX_RECORD_LINES = 1_000
"""A quotation mark that is not closed within so many lines is taken for one that nothing closes."""

_SEPARATOR_LINE = re.compile(r"sep=(.)\s*\Z", re.IGNORECASE)
"""By which Excel is told the separator."""

Record = dict[str, str]
"""The fields by the names of their columns, white space around them removed."""


@dataclass(frozen=True, slots=True)
class CsvFormat(Generic[R]):
    """What a file of one kind has.

    Attributes:
        columns: Their names.
        required: Those that a header must have.
        read: A record and the addresses that were left out of it, or why it is none.
        repeated: Columns that a header may have several times; their fields are joined by semicolons.
    """

    columns: tuple[str, ...]
    required: tuple[str, ...]
    read: Callable[[Record], tuple[R, tuple[str, ...]] | str]
    repeated: tuple[str, ...] = ()


def read_csv(lines: Iterable[str], file: str, format_: CsvFormat[R]) -> Iterator[Line[R]]:
    """Read CSV; fields are separated by commas, by semicolons as some spreadsheets do, or as "sep=" says.

    A record that a quotation mark spoils costs its first line alone: what follows is read.

    Args:
        file: Its name, for errors.

    Raises:
        ConfigError: The header lacks a required column, or has one that is not known, or one twice.
    """
    all_lines = list(lines)
    at, separator = _separator(all_lines)
    names = [
        name.strip().lower() for name in next(csv.reader(all_lines[at : at + 1], delimiter=separator), [])
    ]
    _check_header(names, file, format_)
    at += 1
    while at < len(all_lines):
        reader = csv.reader(islice(all_lines, at, at + MAX_RECORD_LINES), delimiter=separator, strict=True)
        try:
            fields = next(reader)
        except csv.Error as error:
            yield Line(at + 1, _why_no_csv(error))
            at += 1
            continue
        content = _read_fields(fields, names, format_)
        is_spoilt = reader.line_num > 1 and len(fields) != len(names)
        if is_spoilt:
            yield Line(at + 1, f"a quotation mark that line {at + reader.line_num} closes; {content}")
        elif any(field.strip() for field in fields):
            yield Line(at + 1, content) if isinstance(content, str) else Line(at + 1, *content)
        at += 1 if is_spoilt else reader.line_num


def _separator(lines: list[str]) -> tuple[int, str]:
    """Where the header is, and what separates the fields."""
    first = lines[0].lstrip("\ufeff") if lines else ""
    lines[:1] = [first]
    told = _SEPARATOR_LINE.match(first)
    if told:
        return 1, told[1]
    return 0, ";" if first.count(";") > first.count(",") else ","


def _why_no_csv(error: csv.Error) -> str:
    is_open = str(error) == "unexpected end of data"
    return "a quotation mark that nothing closes" if is_open else f"no CSV: {error}"


def _check_header(names: list[str], file: str, format_: CsvFormat[R]) -> None:
    columns, required = ", ".join(format_.columns), " and ".join(format_.required)
    hint = f"The columns are {columns}; required are {required}."
    for name in format_.required:
        if name not in names:
            raise ConfigError(f"the header line has no column {name}", setting=file, hint=hint)
    for name in names:
        if name not in format_.columns:
            raise ConfigError(f"unknown column {name or '(no name)'}", setting=file, hint=hint)
        if names.count(name) > 1 and name not in format_.repeated:
            raise ConfigError(f"the header line has the column {name} twice", setting=file, hint=hint)


def _read_fields(
    fields: list[str], names: list[str], format_: CsvFormat[R]
) -> tuple[R, tuple[str, ...]] | str:
    if len(fields) != len(names):
        return f"{len(fields)} fields, the header has {len(names)}"
    if any("\0" in field for field in fields):
        return "a NUL character"
    record: Record = {}
    for name, field in zip(names, fields, strict=True):
        record[name] = f"{record[name]};{field}" if name in record else field.strip()
    if not record["external_id"]:
        return "no external_id"
    return format_.read(record)
