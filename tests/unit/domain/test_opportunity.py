"""Which of a contact's opportunities its mail is about: the rule, as a table."""

from datetime import UTC, datetime
from itertools import permutations

import pytest

from mail_archiver.domain.opportunity import Opportunity, Prediction, predict

SET_UP_AT = datetime(2026, 1, 1, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00+00:00")


def read(text: str) -> list[Opportunity]:
    """`id stage created..closed modified`, apart by commas; closed may be left out."""
    found = []
    for each in text.split(",") if text else []:
        number, stage, span, modified = each.split()
        created, _, closed = span.partition("..")
        found.append(
            Opportunity(int(number), stage, day(created), day(closed) if closed else None, day(modified))
        )
    return found


NOW, THEN = "2026-06-01", "2025-06-01"
TABLE = [
    # when, the contact's opportunities, id, rule, ambiguous
    (NOW, "", None),
    (NOW, "1 open 2026-02-01 2026-02-01", (1, "only-open", False)),
    (NOW, "1 open 2020-02-01 2020-02-01", (1, "only-open", False)),
    (NOW, "1 open 2026-09-01 2026-09-01", (1, "only-open", False)),  # made out of that very mail
    (NOW, "1 open 2026-02-01 2026-02-01,2 open 2026-02-02 2026-02-02", (2, "last-modified-open", True)),
    (NOW, "1 open 2026-02-01 2026-03-01,2 open 2026-02-02 2026-02-02", (1, "last-modified-open", True)),
    (NOW, "1 open 2026-02-01 2026-03-01,2 open 2026-02-02 2026-03-01", (2, "last-modified-open", True)),
    (NOW, "1 open 2026-02-01 2026-03-01,2 open 2026-02-01 2026-03-01", (2, "last-modified-open", True)),
    (NOW, "1 open 2026-02-01 2026-02-01,2 won 2026-02-01..2026-03-01 2026-05-01", (1, "only-open", False)),
    (NOW, "1 open 2026-02-01 2026-02-01,2 lost 2026-02-01..2026-03-01 2026-05-01", (1, "only-open", False)),
    (NOW, "1 won 2026-02-01..2026-03-01 2026-03-01", (1, "only-won", False)),
    (NOW, "1 won 2026-02-01 2026-03-01", (1, "only-won", False)),
    (NOW, "1 won 2026-02-01 2026-03-01,2 lost 2026-02-01 2026-05-01", (1, "only-won", False)),
    (NOW, "1 won 2026-02-01 2026-04-01,2 won 2026-02-01 2026-03-01", (1, "last-modified-won", True)),
    (NOW, "1 lost 2026-02-01..2026-03-01 2026-03-01", None),
    (NOW, "1 lost 2026-02-01 2026-03-01,2 lost 2026-02-01 2026-03-01", None),
    (THEN, "", None),
    (THEN, "1 open 2025-02-01 2026-02-01", (1, "only-one-then", False)),
    (THEN, "1 open 2025-07-01 2026-02-01", None),  # not made yet
    (THEN, "1 open 2025-02-01 2026-02-01,2 open 2025-03-01 2026-03-01", None),
    (THEN, "1 open 2025-02-01 2026-02-01,2 open 2025-07-01 2026-03-01", (1, "only-one-then", False)),
    (THEN, "1 won 2025-02-01..2025-05-01 2026-02-01", None),  # closed by then
    (THEN, "1 won 2025-02-01..2025-07-01 2026-02-01", (1, "only-one-then", False)),
    (THEN, "1 won 2025-02-01 2026-02-01", (1, "only-one-then", False)),
    (THEN, "1 lost 2025-02-01..2025-07-01 2026-02-01", None),
    (THEN, "1 lost 2025-02-01..2025-07-01 2026-02-01,2 open 2025-03-01 2026-02-01", None),
    (
        THEN,
        "1 lost 2025-02-01..2025-05-01 2026-02-01,2 open 2025-03-01 2026-02-01",
        (2, "only-one-then", False),
    ),
    (THEN, "1 won 2025-01-01..2025-06-01 2026-02-01", None),  # closed at that very moment
    (THEN, "1 won 2025-06-01..2025-07-01 2026-02-01", (1, "only-one-then", False)),
    ("2026-01-01", "1 open 2026-02-01 2026-02-01", (1, "only-open", False)),  # the day of the set-up
    ("2025-12-31", "1 open 2026-02-01 2026-02-01", None),
]


@pytest.mark.parametrize(("when", "opportunities", "expected"), TABLE)
def test_the_rule_in_any_order(when: str, opportunities: str, expected: tuple[int, str, bool] | None) -> None:
    for each in permutations(read(opportunities)):
        assert predict(each, day(when), SET_UP_AT) == (Prediction(*expected) if expected else None)
