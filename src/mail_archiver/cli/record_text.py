"""An archive record as a person reads it: a column of names, a column of values, an empty line, the text."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import click

from mail_archiver.blobs.key import blob_key
from mail_archiver.domain.address import Role
from mail_archiver.domain.kind import DeliveryReport, Kind
from mail_archiver.domain.record import (
    ArchiveRecord,
    LinkedAssociation,
    LinkedContact,
    RecordedAddress,
    RecordedAttachment,
    RecordedDefect,
    Road,
)
from mail_archiver.harmless import harmless, harmless_line

THREAD_IDS_SHOWN = 12
"""Of a longer thread the number alone is told."""

_NAME_WIDTH = 13
_NAMES = {
    Role.SENDER: "from",
    Role.REPLY_TO: "reply to",
    Role.RESENT: "resent to",
    Role.DELIVERED: "delivered to",
}
_IN_A_MAIL = (
    Role.SENDER,
    Role.REPLY_TO,
    Role.TO,
    Role.CC,
    Role.BCC,
    Role.RESENT,
    Role.DELIVERED,
    Role.FORWARDED,
)


def moment(value: datetime | None) -> str:
    """In UTC, to the second."""
    return "unknown" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def size(octets: int) -> str:
    """For people: in steps of a thousand."""
    if octets < 1000:
        return f"{octets} octets"
    number, unit = octets / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if number < 999.5:  # beyond, it would be shown as 1000
            break
        number, unit = number / 1000, larger
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"


def location(storage_url: str, sha256: str, *, compressed: bool = False) -> str:
    """Where a blob is, as one word."""
    return f"{storage_url.rstrip('/')}/{blob_key(sha256, compressed=compressed)}"


def record_lines(record: ArchiveRecord, storage_url: str, width: int | None = None) -> Iterator[str]:
    """The lines of a record, styled for a terminal, without line ends.

    Args:
        width: Columns that the values are broken to; None for one line each.
    """
    for name, values in _fields(record, storage_url):
        lines = (line for value in values for line in _broken(harmless_line(value), width))
        for number, line in enumerate(lines):
            label = "" if number else name
            yield click.style(f"{label:<{_NAME_WIDTH}}", fg="cyan") + (
                click.style(line, bold=True) if name == "subject" else line
            )
    yield ""
    if record.body_text is not None:
        yield harmless(record.body_text).rstrip("\n")


def _broken(value: str, width: int | None) -> list[str]:
    """A value's lines; words that are too long, such as hashes, stay whole."""
    if width is None or len(value) <= (room := max(width - _NAME_WIDTH, _NAME_WIDTH)):
        return [value]
    return textwrap.wrap(value, room, break_long_words=False, break_on_hyphens=False) or [value]


def _fields(record: ArchiveRecord, storage_url: str) -> Iterator[tuple[str, Iterable[str]]]:
    """Names with their values; a name without any is not shown."""
    yield "archive", [str(record.id)]
    yield "subject", ["(no subject)" if record.subject is None else record.subject]
    if record.kind is not Kind.MESSAGE:
        yield "kind", [record.kind.replace("_", " ")]
    yield "list", filter(None, [record.list_id])
    yield "direction", filter(None, [record.direction])
    yield "sent", [moment(record.sent_at)]
    yield "received", [moment(record.received_at)]
    yield "Message-ID", filter(None, [record.message_id])
    yield "thread", [_thread(record.thread_archive_ids)]
    for role in _IN_A_MAIL:
        there = (each for each in record.addresses if each.role is role)
        yield _NAMES.get(role, role), map(_address, there)
    yield "linked to", map(_contact, record.contacts) if record.contacts else ["nobody"]
    yield "organization", map(_association, record.organizations)
    yield "opportunity", map(_association, record.opportunities)
    yield "attachments", _attachments(record.attachments)
    yield "delivery", map(_delivery_report, record.delivery_reports)
    yield "defects", map(_defect, record.defects)
    yield "came from", (line for road in record.roads for line in _road(road, record.source_sha256))
    yield "size", [f"{size(record.size_octets)} ({record.size_octets:,} octets)"]
    yield "SHA-256", [record.source_sha256]
    yield "original", [location(storage_url, record.source_sha256, compressed=True)]
    if record.attachments_sha256:
        name = record.attachments_name or ""
        yield "file", [name, location(storage_url, record.attachments_sha256)]


def _thread(others: Sequence[int]) -> str:
    if not others:
        return "no other archive"
    count = f"{len(others)} other archive{'s' if len(others) > 1 else ''}"
    return count if len(others) > THREAD_IDS_SHOWN else f"{count}: {', '.join(map(str, others))}"


def _address(address: RecordedAddress) -> str:
    return f"{address.display_name} <{address.address}>" if address.display_name else address.address


def _contact(link: LinkedContact) -> str:
    who = f"{link.kind} {link.contact_id}" + (f", {link.name}" if link.name else "")
    return f"{who}: {_why(link)}"


def _association(link: LinkedAssociation) -> str:
    through = f", through contact {link.contact_id}" if link.contact_id else ""
    return f"{link.id}, {link.name}: {_why(link)}{through}"


def _why(link: LinkedContact | LinkedAssociation) -> str:
    address = " ".join(filter(None, (link.role and link.role.replace("_", " "), link.address)))
    by = "by hand" if link.origin == "manual" else f"by {link.rule or 'no rule'}"
    why = ", ".join(filter(None, (address, by, "ambiguous" if link.ambiguous else "")))
    return why + (f"; unlinked {moment(link.unlinked_at)}" if link.unlinked_at else "")


def _attachments(attachments: Iterable[RecordedAttachment]) -> Iterator[str]:
    """In the order of the message; what was found in another one stands beneath it, indented."""
    inside: dict[int | None, list[RecordedAttachment]] = defaultdict(list)
    for each in attachments:
        inside[each.within].append(each)
    waiting = [(each, 0) for each in reversed(inside[None])]
    while waiting:
        file, depth = waiting.pop()
        inline = ", inline" if file.inline else ""
        yield f"{'  ' * depth}{file.safe_name} ({file.content_type}, {size(file.size_octets)}{inline})"
        waiting += [(each, depth + 1) for each in reversed(inside[file.position])]


def _delivery_report(report: DeliveryReport) -> str:
    result = " ".join(filter(None, (report.action or "no action told", report.status)))
    return f"{report.recipient}: {result}" + (f", of {report.message_id}" if report.message_id else "")


def _defect(defect: RecordedDefect) -> str:
    where = f"part {defect.where}" if defect.where[:1].isdigit() else defect.where
    return f"{defect.code} in {where}: {defect.action}"


def _road(road: Road, source_sha256: str) -> Iterator[str]:
    place = f"{road.account}/{road.mailbox}, UIDVALIDITY {road.uidvalidity}, UID {road.uid}"
    yield f"{place}: {road.outcome} {moment(road.processed_at)}"
    if road.source_sha256 not in (None, source_sha256):
        yield f"  its original differs: {road.source_sha256}"
