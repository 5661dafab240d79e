from datetime import UTC, datetime

import pytest

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.dates import read_date


class Defects(list[DefectCode]):
    """A report that keeps the codes."""

    def __call__(self, code: DefectCode, _action: str) -> None:
        self.append(code)


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        (b"Mon, 10 Mar 2025 11:00:00 +0100", datetime(2025, 3, 10, 10, tzinfo=UTC)),
        (b"Mon, 10 Mar 2025 11:00:00 +0100 (CET)", datetime(2025, 3, 10, 10, tzinfo=UTC)),
        (b"10 Mar 2025 11:00 -0000", datetime(2025, 3, 10, 11, tzinfo=UTC)),
        (b"Mon, 10 Mar 2025 11:00:00 GMT", datetime(2025, 3, 10, 11, tzinfo=UTC)),
        (b"Mon, 10 Mar 97 10:00:00 EST", datetime(1997, 3, 10, 15, tzinfo=UTC)),
        (b"Mon, 10 Mar 2025 11:00:00 UTC", datetime(2025, 3, 10, 11, tzinfo=UTC)),
        (b"Fri, 31 Dec 2100 23:59:59 -0500", datetime(2101, 1, 1, 4, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_date_is_a_moment_in_utc(raw: bytes, moment: datetime) -> None:
    defects = Defects()
    read = read_date(raw.decode("ascii", "surrogateescape"), defects)
    assert read == moment
    assert read is not None
    assert read.utcoffset() == moment.utcoffset()
    assert defects == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"yesterday",
        b"Mon, 32 Mar 2025 10:00:00 +0000",
        b"Mon, 10 Mar 2025 25:00:00 +0000",
        b"Fri, 31 Dec 9999 23:59:59 -0100",
        b"Mon, 10 Mar 99999 10:00:00 +0000",
        b"Mon, 10 Mar 2025 10:00:00 +9900",
        b"\xff\xfe",
        b"1" * 10_000,
    ],
)
def test_an_impossible_date_stays_empty(raw: bytes) -> None:
    defects = Defects()
    assert read_date(raw.decode("ascii", "surrogateescape"), defects) is None
    assert defects == [DefectCode.DATE_INVALID]


NINE_IN_THE_EVENING = datetime(2026, 3, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        "Tue, 03 Mar 2026 21:00:00 GMT+0100",
        "Tue, 03 Mar 2026 21:00:00 GMT +0100",
        "Tue, 03 Mar 2026 21:00:00 UTC+1",
        "Tue, 03 Mar 2026 21:00:00 +01:00",
        "Tue Mar 03 2026 21:00:00 GMT+0100 (CET)",
        "Tue, 03 Mar 2026 21:00:00 MEZ",
        "Tue, 03 Mar 2026 22:00:00 EET",
        "Tue, 03 Mar 2026 22:00:00 CEST",
        "Tue, 03 Mar 2026 21:00:00 +0100 CET",
        "Tue Mar  3 21:00:00 CET 2026",
        "Di, 03 Mrz 2026 21:00:00 +0100",
        "Dienstag, 3. März 2026 21:00 +0100",
        "mar. 3 mars 2026 21:00:00 +0100",
        "mardi 3 mars 2026 à 21:00:00 +0100",
        "martes, 3 de marzo de 2026 21:00 +0100",
        "2026-03-03T21:00:00+01:00",
        "2026-03-03 21:00:00.25 +0100",
        "2026-03-03T20:00Z",
        "Tue, 03 Mar 2026 9:00:00 PM +0100",
        "Tuesday, March 3, 2026 9:00 p.m. +0100",
    ],
)
def test_a_date_is_read_in_the_forms_that_programs_write(raw: str) -> None:
    defects = Defects()
    assert (read_date(raw, defects), defects) == (NINE_IN_THE_EVENING, [])


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("Tuesday, March 3, 2026 12:05 AM", datetime(2026, 3, 3, 0, 5, tzinfo=UTC)),
        ("3. März 2026, 12:05 Uhr", datetime(2026, 3, 3, 12, 5, tzinfo=UTC)),
        ("2026-03-03 12:05:00", datetime(2026, 3, 3, 12, 5, tzinfo=UTC)),
    ],
)
def test_without_a_zone_it_is_taken_as_utc_and_reported(raw: str, moment: datetime) -> None:
    defects = Defects()
    assert (read_date(raw, defects), defects) == (moment, [DefectCode.DATE_INVALID])
