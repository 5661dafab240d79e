"""How long a command goes on trying when a server has gone away in the middle of its work."""

import time
from collections.abc import Callable

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0


class Patience:
    """Pauses between attempts, each twice as long as the one before, until nothing has moved for too long.

    A server that was away from the beginning is not waited for: cron comes again, and whoever has just
    mistyped a host's name should hear of it at once.

    Args:
        limit_s: Seconds without progress after which to give up.
        clock: Seconds that never go back.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._moved_at: float | None = None
        self._next_pause_s = FIRST_PAUSE_S

    def begun(self) -> None:
        """The servers were there, and work has begun; only the first time counts."""
        if self._moved_at is None:
            self._moved_at = self._clock()

    def moved(self) -> None:
        """Something was committed, or at least fetched, that no later attempt has to do again."""
        self._moved_at = self._clock()
        self._next_pause_s = FIRST_PAUSE_S

    def pause_s(self, asked_s: float = 0) -> float | None:
        """How long to wait before the next attempt; None to give up.

        Args:
            asked_s: What the server asks for at least.
        """
        if self._moved_at is None:
            return None
        left_s = self._moved_at + self._limit_s - self._clock()
        if left_s <= 0 or asked_s > left_s:
            return None
        pause_s = max(min(self._next_pause_s, left_s), asked_s)
        self._next_pause_s = min(2 * self._next_pause_s, LONGEST_PAUSE_S)
        return pause_s
