"""Opportunities as a CSV file has them."""

from datetime import datetime

from mail_archiver.archiving.csv_file import CsvFormat, Record
from mail_archiver.domain.moment import parse_moment
from mail_archiver.domain.opportunity import STAGES, ImportedOpportunity

_MOMENTS = ("created_at", "closed_at", "updated_at")


def _read_opportunity(record: Record) -> tuple[ImportedOpportunity, tuple[str, ...]] | str:
    if not record["name"]:
        return "no name"
    stage = record.get("stage", "").lower() or "open"
    if stage not in STAGES:
        return f"stage is {stage}, not {', '.join(STAGES[:-1])} or {STAGES[-1]}"
    moments: dict[str, datetime | None] = {}
    for name in _MOMENTS:
        written = record.get(name, "")
        try:
            moments[name] = parse_moment(written) if written else None
        except ValueError:
            return f"{name} is {written}, no date such as 2026-01-31 or 2026-01-31T08:00+01:00"
    contact_ids = (each.strip() for each in record.get("contact_ids", "").split(";"))
    opportunity = ImportedOpportunity(
        external_id=record["external_id"],
        name=record["name"],
        organization_id=record.get("organization_id") or None,
        contact_ids=tuple(dict.fromkeys(filter(None, contact_ids))),
        stage=stage,
        **moments,
    )
    return opportunity, ()


OPPORTUNITIES = CsvFormat(
    columns=("external_id", "name", "organization_id", "contact_ids", "stage", *_MOMENTS),
    required=("external_id", "name"),
    read=_read_opportunity,
)
