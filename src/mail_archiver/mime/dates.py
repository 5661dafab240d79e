"""The Date field (RFC 5322 section 3.3), in the forms that programs write.

`email.utils` reads it. What it is given is *repaired*; `test_dates` has the forms that need it:

- comments go, and blanks around colons (rfc/date-with-comments, legacy/date-with-comments-and-spaces of
  `tests/corpus`); a year of three digits is one of the last century (legacy/year-of-three-digits);
- months in German, French, Spanish, Italian and Dutch are translated, weekdays go;
- a time with AM or PM becomes one of 24 hours;
- an offset is written as ±hhmm, also beside GMT or UTC, which the library would prefer to it; the names of
  European zones become the offsets that they stand for.

ISO 8601 is none of its forms, and read beside it.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charsets import Report
from mail_archiver.mime.headers import COMMENT

MAX_CHARACTERS = 200

_NAMES = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_COMMENT = re.compile(COMMENT, re.DOTALL)
_AROUND_COLON = re.compile(r"(?<!\s)\s*([:,])\s*")
_WORD = re.compile(r"([^\W\d_]+)\.?|(?<=\d)\.(?=\s)")
_TWELVE_HOURS = re.compile(r"\b(\d{1,2})(:\d\d(?::\d\d)?)\s*([ap])\.?m\b\.?", re.IGNORECASE)
_OFFSET = re.compile(r"(?:\s|(?<=:\d\d))\s*(?:GMT|UTC?)?\s*([+-])(\d{1,2}?)(?::?(\d\d))?$", re.IGNORECASE)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ])\s*(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s*(Z|[+-]\d{4})?$")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TWO_MONTHS = re.compile(rf"^\s*(?:{_NAMES})\b(?=.*\b(?:{_NAMES})\b)")
_UNKNOWN_ZONE = re.compile(r"(?:-0000| [A-Za-z])$")
_YEAR_ZERO = re.compile(r"[A-Za-z]{3}[ -]0\d{3}\b")

_MONTHS = """
    jan  january januar janvier janv enero ene gennaio gen januari
    feb  february februar février fevrier févr fév febrero febbraio februari
    mar  march märz mär mrz mars marzo maart mrt
    apr  april avril avr abril abr aprile
    may  mai mayo maggio mag mei
    jun  june juni juin junio giugno giu
    jul  july juli juillet juil julio luglio lug
    aug  august août aout agosto ago augustus
    sep  september septembre sept septiembre settembre set
    oct  october oktober okt octobre octubre ottobre ott
    nov  november novembre noviembre
    dec  december dezember dez décembre déc decembre diciembre dic dicembre
"""
_WEEKDAYS = """
    monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun
    montag dienstag mittwoch donnerstag freitag samstag sonntag sonnabend mo di mi do fr sa so
    lundi mardi mercredi jeudi vendredi samedi dimanche lun mer jeu ven sam dim
    lunes martes miércoles jueves viernes sábado domingo mié jue vie sáb dom
    lunedì martedì mercoledì giovedì venerdì sabato domenica gio sab
    maandag dinsdag woensdag donderdag vrijdag zaterdag zondag ma wo vr za zo
    de à at um uhr del le
"""
"""And what else stands between the parts of a date."""
_ZONES = "mez +0100 mesz +0200 cet +0100 cest +0200 bst +0100 wet +0000 west +0100 eet +0200 eest +0300"

_ENGLISH = {name: row.split()[0] for row in _MONTHS.strip().splitlines() for name in row.split()}
_ENGLISH |= dict.fromkeys(_WEEKDAYS.split(), "")
_ENGLISH |= dict(zip(_ZONES.split()[::2], _ZONES.split()[1::2], strict=True))


def read_date(raw: str, report: Report) -> datetime | None:
    """The moment, in UTC; None when it is none.

    A zone of "-0000" says that the local zone is unknown: the time is UTC all the same.
    """
    text = _repaired(_AROUND_COLON.sub(r"\1", _COMMENT.sub(" ", raw[:MAX_CHARACTERS])).strip())
    try:
        iso = _ISO.match(text)
        moment = datetime.fromisoformat("".join(iso.groups(""))) if iso else parsedate_to_datetime(text)
        if _YEAR_ZERO.search(text):  # what programs write that know no date
            raise ValueError
        if 100 <= moment.year < 1000:  # RFC 5322 section 4.3
            moment = moment.replace(year=moment.year + 1900)
        if moment.tzinfo is None and not _UNKNOWN_ZONE.search(text):
            report(DefectCode.DATE_INVALID, "no zone that is known, taken as UTC")
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        report(DefectCode.DATE_INVALID, "no moment in time, left empty")
        return None


def _repaired(text: str) -> str:
    """As the library reads it: the offset, if there is one, is ±hhmm, and stands at the end."""
    text = _TWELVE_HOURS.sub(_of_24_hours, text)
    if not _ISO_DATE.match(text):
        text = _WORD.sub(lambda found: _ENGLISH.get((found[1] or "").lower(), found[1] or ""), text)
        text = text.replace(",", " ")
        text = _TWO_MONTHS.sub("", text)  # "mar." is a Tuesday too
    offset = _OFFSET.search(text)
    if offset:
        sign, hours, minutes = offset.groups("00")
        text = f"{text[: offset.start()]} {sign}{hours:0>2}{minutes}"
    return text.strip()


def _of_24_hours(found: re.Match[str]) -> str:
    hour = int(found[1]) % 12 + (12 if found[3] in "pP" else 0)
    return f"{hour:02}{found[2]}"
