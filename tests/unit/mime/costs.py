"""What reading a hostile input costs."""

import tracemalloc
from collections.abc import Callable

MANY_OCTETS = 10_000_000
TRACED_OCTETS = 500_000  # tracing is slow
SLACK_OCTETS = 256 * 1024


def check_costs(
    read: Callable[[bytes], object], make: Callable[[int], bytes], *, may_expand_to: int = 0
) -> None:
    """It comes to an end, which in quadratic time it would not; and takes three times the input in memory.

    Args:
        make: Makes an input of about so many octets.
    """
    read(make(MANY_OCTETS))
    content = make(TRACED_OCTETS)
    tracemalloc.start()
    try:
        read(content)
        _, peak_octets = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_octets < 3 * len(content) + may_expand_to + SLACK_OCTETS


def fill(pattern: bytes, octets: int) -> bytes:
    """The pattern, whole, as often as it fits."""
    return pattern * (octets // len(pattern))
