"""Tables of figures: each the minimum, the median and the maximum of several runs."""

import sys
from collections.abc import Sequence
from statistics import median

from benchmarks.measure import Cost

MIB = 1024 * 1024
_NAME = 42
_COLUMNS = ("min", "median", "max", "user s", "sys s", "servers s", "peak MiB", "stored MB")


def heading(title: str, unit: str) -> None:
    """Begin a table."""
    print(f"\n{title}\n{unit:{_NAME}}" + "".join(f"{each:>10}" for each in _COLUMNS), flush=True)


def row(name: str, figures: Sequence[float], costs: Sequence[Cost]) -> None:
    """A contestant: its figures, and the medians of what it cost, but what is not known."""
    seconds = (
        median(each.user_s for each in costs),
        median(each.system_s for each in costs),
        median(each.servers_s for each in costs),
    )
    peak_mib = max(each.peak_octets for each in costs) / MIB
    stored_mb = max(each.stored_octets for each in costs) / 1e6
    columns = [f"{each:10.2f}" if each else " " * 10 for each in seconds]
    columns += [f"{each:10.0f}" if each else " " * 10 for each in (peak_mib, stored_mb)]
    print(f"{name:{_NAME}}{spread(figures)}{''.join(columns)}".rstrip(), flush=True)


def progress(text: str) -> None:
    """For who waits."""
    print(text, file=sys.stderr, flush=True)


def absent(name: str, reason: object) -> None:
    """A contestant that could not be had, or that failed."""
    print(f"{name:{_NAME}}{reason}", flush=True)


def ratio(name: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
    """Round by round, since each round's figures are of the same minutes."""
    print(f"{name:{_NAME}}{spread([a / b for a, b in zip(ours, theirs, strict=True)])}", flush=True)


def spread(figures: Sequence[float]) -> str:
    """Minimum, median, maximum, with as many digits as they deserve."""
    return "".join(f"{_short(each):>10}" for each in (min(figures), median(figures), max(figures)))


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"
