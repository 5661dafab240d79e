"""The rows that a contact source yields, made into contacts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from html import unescape

from mail_archiver.archiving.listed_addresses import read_listed
from mail_archiver.domain.contact import KINDS, ImportedContact
from mail_archiver.domain.contact_sync import LeftOut, SourceContact
from mail_archiver.domain.moment import parse_moment

Row = Mapping[str, object]

_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|#0*39|#x0*27);", re.IGNORECASE)
_FALSE = {"", "0", "f", "false", "n", "no"}


@dataclass(slots=True)
class SourceContacts:
    """What was read.

    Attributes:
        contacts: By `external_id`.
        present: Every `external_id` that there was, of rows left out too.
        newest: The latest `updated_at`; None where there was none.
    """

    contacts: dict[str, SourceContact] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)
    newest: datetime | None = None


@dataclass(slots=True)
class _Gathered:
    """One contact's first row, and the fields with addresses of all of its rows, primary or not."""

    row: Row
    addresses: list[tuple[bool, str]] = field(default_factory=list)


def read_rows(rows: Iterable[Row]) -> SourceContacts:
    """Gather the rows of each contact: one for each address, or one with them all, in any order."""
    read = SourceContacts()
    gathered: dict[str, _Gathered] = {}
    for row in rows:
        external_id = _text(row.get("external_id"))
        updated_at = _moment(row.get("updated_at"))
        if updated_at and (read.newest is None or updated_at > read.newest):
            read.newest = updated_at
        if not external_id:
            read.left_out.append(LeftOut("", "no external_id"))
            continue
        one = gathered.setdefault(external_id, _Gathered(row))
        is_primary = _truth(row.get("is_primary"))
        one.addresses += [(is_primary, _text(row.get(name))) for name in ("address", "addresses")]
    read.present.update(gathered)
    for external_id, one in gathered.items():
        contact = _contact(external_id, one, read.left_out)
        if isinstance(contact, str):
            read.left_out.append(LeftOut(external_id, contact))
        else:
            read.contacts[external_id] = SourceContact(contact, _truth(one.row.get("deleted")))
    return read


def _contact(external_id: str, one: _Gathered, left_out: list[LeftOut]) -> ImportedContact | str:
    row = one.row
    kind = _text(row.get("kind")).lower() or "contact"
    if kind not in KINDS:
        return f"kind is {kind[:40]}, not {' or '.join(KINDS)}"
    texts = {
        name: _text(row.get(name)) or None
        for name in ("first_name", "last_name", "organization", "organization_id")
    }
    if any("\0" in text for text in (external_id, *texts.values()) if text):
        return "a NUL character"
    # What is primary first, and else as the rows came: sorting keeps their order.
    listed = read_listed(*(text for _, text in sorted(one.addresses, key=lambda each: not each[0])))
    # Not quoted: what a cron job prints ends in logs and mails.
    left_out += [LeftOut(external_id, "an address that is none")] * len(listed.bad)
    return ImportedContact(
        external_id=external_id,
        kind=kind,
        addresses=listed.found,
        **texts,
    )


def _text(value: object) -> str:
    """As a person reads it: SuiteCRM stores "O&#039;Brien"."""
    if value is None:
        return ""
    # What MySQL calls VARBINARY is bytes.
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return _ENTITY.sub(lambda found: unescape(found[0]), text).strip()


def _truth(value: object) -> bool:
    """Databases say it in many ways; a moment, such as `deleted_at`, says yes too."""
    return _text(value).lower() not in _FALSE


def _moment(value: object) -> datetime | None:
    """UTC unless it says otherwise; None where it is no moment."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        return parse_moment(_text(value)).astimezone(UTC)
    except ValueError:
        return None
