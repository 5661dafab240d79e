"""What reading a hostile input costs."""

import gc
import time
import tracemalloc
from collections.abc import Callable

TIMED_OCTETS = 10_000_000
TRACED_OCTETS = 500_000  # tracing is slow
SLACK_OCTETS = 256 * 1024


def check_costs(
    read: Callable[[bytes], object], make: Callable[[int], bytes], *, may_expand_to: int = 0
) -> None:
    """At most 0.03 s a MB and 0.2 s, twice that on a busy machine; and three times the input in memory.

    Args:
        make: Makes an input of about so many octets.
    """
    content = make(TIMED_OCTETS)
    gc.collect()
    started_s = time.process_time()
    read(content)
    assert time.process_time() - started_s < 2 * (0.2 + 0.03 * len(content) / 1_000_000)
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
