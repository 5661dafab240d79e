"""Records from a file into the CRM's side: good ones come in, bad ones are reported by number."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mail_archiver.archiving.crm_ports import Imported, ImportTarget
from mail_archiver.archiving.ports import Clock, Store, UnitOfWork
from mail_archiver.domain.address import INVISIBLE
from mail_archiver.domain.contact import ImportedContact

_UNSEEN = re.compile(f"[{INVISIBLE}\xa0\xad]")

R = TypeVar("R", bound=Imported)


@dataclass(frozen=True, slots=True)
class Line(Generic[R]):
    """What a file says in one place.

    Attributes:
        number: Of the line in the file on which the record begins, from 1.
        content: The record, or why it is none.
        bad_addresses: What is no address, and was left out of the record.
    """

    number: int
    content: R | str
    bad_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is left out, or an address of it."""

    number: int
    reason: str


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        without_address: New contacts that have none; they do not come in, as nothing could be linked to them.
        bad_addresses: Those that were left out of records that came in.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    without_address: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)
    bad_addresses: list[BadLine] = field(default_factory=list)


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
            for address in line.bad_addresses:
                report.bad_addresses.append(BadLine(line.number, f"not an address: {_visible(address)}"))
            is_same = there.says_the_same(record)
            if is_same is None and isinstance(record, ImportedContact) and not record.addresses:
                report.without_address += 1
                continue
            if not (is_same or dry_run):
                there.upsert(record, clock())
            report.created += is_same is None
            report.updated += is_same is False
            report.unchanged += is_same is True
    return report


def _visible(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)


def _objection(record: Imported, numbers: dict[str, int]) -> str | None:
    number = numbers.get(record.external_id)
    return None if number is None else f"external_id stands on line {number} already"
