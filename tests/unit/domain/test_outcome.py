from datetime import timedelta

import pytest

from mail_archiver.domain.outcome import Outcome, pause_after


@pytest.mark.parametrize(
    ("attempts", "minutes"),
    [(1, 5), (2, 20), (3, 80), (4, 320), (5, 1280), (6, 1440), (7, 1440), (10_000, 1440)],
)
def test_the_pause_grows_fourfold_up_to_a_day(attempts: int, minutes: int) -> None:
    assert pause_after(attempts) == timedelta(minutes=minutes)


def test_the_outcomes_are_those_of_the_ledger() -> None:
    assert [outcome.value for outcome in Outcome] == [
        "archived",
        "duplicate",
        "filtered",
        "quarantined",
        "vanished",
        "erased",
    ]
