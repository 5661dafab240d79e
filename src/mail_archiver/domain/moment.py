"""Moments as people write them."""

from datetime import UTC, date, datetime


def parse_moment(text: str) -> datetime:
    """A date or a date-time (ISO 8601), UTC unless it says otherwise; a date is its first moment.

    Raises:
        ValueError: It is neither.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
    else:
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
