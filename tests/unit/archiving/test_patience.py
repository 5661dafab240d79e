from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.archiving.patience import FIRST_PAUSE_S, LONGEST_PAUSE_S, Patience


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def begun(limit_s: float) -> tuple[Patience, Clock]:
    clock = Clock()
    patience = Patience(limit_s, clock)
    patience.begun()
    return patience, clock


def test_a_server_that_was_away_from_the_beginning_is_not_waited_for() -> None:
    assert Patience(300, Clock()).pause_s() is None
    assert Patience(300, Clock()).pause_s(5) is None


def test_pauses_grow_and_have_a_longest() -> None:
    patience, _ = begun(10_000)
    pauses_s = [patience.pause_s() for _ in range(12)]
    assert pauses_s[:4] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S, 8 * FIRST_PAUSE_S]
    assert pauses_s[-1] == LONGEST_PAUSE_S


def test_progress_makes_pauses_short_again() -> None:
    patience, _ = begun(300)
    for _ in range(5):
        patience.pause_s()
    patience.moved()
    assert patience.pause_s() == FIRST_PAUSE_S


def test_ends_when_nothing_has_moved_for_too_long() -> None:
    patience, clock = begun(300)
    clock.now_s += 299.95
    pause_s = patience.pause_s()
    assert pause_s is not None
    assert pause_s < 0.1, "no longer than what is left"
    clock.now_s += 0.05
    assert patience.pause_s() is None


def test_progress_gives_all_the_time_again_and_a_new_beginning_does_not() -> None:
    patience, clock = begun(300)
    clock.now_s += 200
    patience.begun()
    clock.now_s += 99
    patience.moved()
    clock.now_s += 299
    patience.begun()
    assert patience.pause_s() is not None
    clock.now_s += 1
    assert patience.pause_s() is None


def test_waits_for_as_long_as_the_server_asks_or_not_at_all() -> None:
    patience, clock = begun(300)
    assert patience.pause_s(45) == 45
    assert patience.pause_s(300) == 300
    clock.now_s += 1
    assert patience.pause_s(300) is None
    assert patience.pause_s(299) == 299


def test_no_patience_tries_nothing_again() -> None:
    patience, _ = begun(0)
    assert patience.pause_s() is None


@given(limit_s=st.floats(0, 1e6), asked_s=st.lists(st.floats(0, 100), min_size=200, max_size=200))
def test_what_does_not_move_comes_to_an_end_in_time(limit_s: float, asked_s: list[float]) -> None:
    patience, clock = begun(limit_s)
    for each in asked_s:
        pause_s = patience.pause_s(each)
        if pause_s is None:
            break
        assert pause_s >= each
        assert pause_s > 0
        clock.now_s += pause_s
    # A hair is for what floats cannot say.
    assert clock.now_s - 1000 <= limit_s * (1 + 1e-9) + 1e-6
