"""Records from a file into the CRM's side: good ones come in, bad ones are told by number."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mail_archiver.archiving.crm_ports import Imported, ImportTarget
from mail_archiver.archiving.ports import Clock, Store, UnitOfWork

R = TypeVar("R", bound=Imported)


@dataclass(frozen=True, slots=True)
class Line(Generic[R]):
    """What a file says in one place.

    Attributes:
        number: Of the line in the file on which the record ends (CSV) or begins (vCard), from 1.
        content: The record, or why it is none.
    """

    number: int
    content: R | str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is left out."""

    number: int
    reason: str


@dataclass(slots=True)
class ImportReport:
    """What an import did."""

    created: int = 0
    updated: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)


def import_records(
    store: Store,
    clock: Clock,
    lines: Iterable[Line[R]],
    target: Callable[[UnitOfWork], ImportTarget[R]],
    *,
    dry_run: bool,
) -> ImportReport:
    """Insert records, or update those with the same `external_id`, all in one transaction.

    Args:
        target: Where in the unit of work they belong.

    Raises:
        StoreError: Nothing was imported.
    """
    report = ImportReport()
    numbers: dict[str, int] = {}
    with store.reading() if dry_run else store.transaction() as uow:
        there = target(uow)
        for line in lines:
            record = line.content
            if not isinstance(record, str):
                record = _objection(record, numbers) or there.objection(record) or record
            if isinstance(record, str):
                report.bad_lines.append(BadLine(line.number, record))
                continue
            numbers[record.external_id] = line.number
            is_new = not there.has(record.external_id)
            if not dry_run:
                there.upsert(record, clock())
            report.created += is_new
            report.updated += not is_new
    return report


def _objection(record: Imported, numbers: dict[str, int]) -> str | None:
    number = numbers.get(record.external_id)
    return None if number is None else f"external_id stands on line {number} already"
