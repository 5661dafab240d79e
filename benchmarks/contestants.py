"""All of the contestants by name, and what is done with them in turn."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from random import Random

from tests.servers.process import Unavailable

from benchmarks import table
from benchmarks.archiver import Archiver
from benchmarks.bare import BarePoll
from benchmarks.contestant import Contestant
from benchmarks.django_mailbox import DjangoMailbox
from benchmarks.limits import LIMITS, Limit
from benchmarks.mbsync import Mbsync
from benchmarks.measure import Cost, Failed
from benchmarks.servers import Servers

OURS = ("ours-pg", "ours-sqlite", "ours-tls")
AGAINST = "against"
FOR_SYNC = (*OURS, "mbsync", "django-mailbox", *LIMITS)
FOR_IDLE = ("ours-pg", "ours-sqlite", "mbsync", "django-mailbox", "bare")


def available(
    running: Servers, names: Iterable[str], against: Path | None = None, profile: Path | None = None
) -> dict[str, Contestant]:
    """Those of the contestants that can be had; a line tells of each other.

    Args:
        against: Another checkout's program.
        profile: A file for what cProfile says of "ours-pg".
    """
    ours = cache(partial(Archiver, running, "PostgreSQL", profile=profile))
    makers: Mapping[str, Callable[[], Contestant]] = {
        "ours-pg": ours,
        "ours-sqlite": partial(Archiver, running, "SQLite"),
        "ours-tls": lambda: ours().over_tls(),
        "mbsync": partial(Mbsync, running),
        "django-mailbox": partial(DjangoMailbox, running),
        "bare": partial(BarePoll, running),
        **{kind: partial(Limit, running, kind) for kind in LIMITS},
    }
    found: dict[str, Contestant] = {}
    for name in names:
        try:
            found[name] = makers[name]()
        except Unavailable as reason:
            table.absent(name, reason)
    if against:
        program = against.absolute()
        checkout = program.parents[2].name  # of its .venv/bin
        name = f"mail-archiver of {checkout}, PostgreSQL"
        found[AGAINST] = Archiver(running, "PostgreSQL", program=program, name=name)
    return found


def in_turn(
    work: Mapping[str, Callable[[], Cost]], runs: int
) -> tuple[dict[str, list[Cost]], dict[str, Failed]]:
    """Let each do its work once a round, in another order each round; who fails is out.

    Returns:
        What each round cost each of them, and why the others are out.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in work}
    failures: dict[str, Failed] = {}
    order = Random(0)
    for number in range(runs):
        for name in order.sample(list(costs), len(costs)):
            try:
                costs[name].append(work[name]())
                table.progress(f"{number + 1} of {runs}, {name}: {costs[name][-1].wall_s:.2f} s")
            except Failed as failure:
                failures[name] = failure
                del costs[name]
    return costs, failures


def add_options(parser: argparse.ArgumentParser, names: Iterable[str]) -> None:
    """Those that more than one of the benchmarks has."""
    parser.add_argument("--only", action="append", choices=list(names), help="repeatable")
    parser.add_argument("--against", type=Path, metavar="PROGRAM", help="another checkout's mail-archiver")
    add_folder(parser)


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Where all is put."""
    parser.add_argument("--folder", type=Path, default=Path("/tmp"), help="on the disk to measure")
