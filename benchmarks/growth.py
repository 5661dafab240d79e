"""Whether years of mail make the next message dearer: a backfill and a poll, at none and at many archives.

    python -m benchmarks.growth [--archives 1000000] [--corpus small] [--runs 3]

The many are rows that PostgreSQL makes itself (years.sql), of another account; a million takes some minutes
and five GB.
"""

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks import table
from benchmarks.archiver import Archiver
from benchmarks.contestant import bring_home
from benchmarks.contestants import add_folder, in_turn
from benchmarks.corpus import CORPORA, Corpus
from benchmarks.servers import Mailbox, Servers, servers

_YEARS = Path(__file__).with_name("years.sql")


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archives", type=int, default=1_000_000)
    parser.add_argument("--corpus", choices=CORPORA, default="small")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--polls", type=int, default=20)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of messages")
    add_folder(parser)
    given = parser.parse_args()
    with servers(given.folder) as running:
        ours = Archiver(running, "PostgreSQL")
        corpus = CORPORA[given.corpus].scaled(given.scale)
        return compare(running, corpus, ours, given.archives, given.runs, given.polls)


def compare(running: Servers, corpus: Corpus, ours: Archiver, archives: int, runs: int, polls: int) -> int:
    """Print the tables; 1 where we have failed."""
    mailbox = running.filled(corpus)
    kinds = {0: ours, archives: ours.grown(_YEARS.read_text().replace(":archives", str(archives)))}
    labels = {count: f"at {count:,} archives" for count in kinds}
    work = {
        labels[count]: partial(bring_home, archiver, [mailbox], already=count)
        for count, archiver in kinds.items()
    }
    costs, failures = in_turn(work, runs)
    if failures:
        table.absent("growth", failures)
        return 1
    table.heading(f"growth: {corpus.name}, {mailbox.messages:,} messages into PostgreSQL", "messages/s")
    speeds = {label: [mailbox.messages / each.wall_s for each in found] for label, found in costs.items()}
    for label, found in costs.items():
        table.row(label, speeds[label], found)
    table.ratio(f"  at {archives:,} / at none", speeds[labels[archives]], speeds[labels[0]])
    running.removed(mailbox)
    return _poll(kinds, running.empty(), polls)


def _poll(kinds: Mapping[int, Archiver], mailbox: Mailbox, polls: int) -> int:
    homes = {f"at {count:,} archives": archiver.home([mailbox]) for count, archiver in kinds.items()}
    for home in homes.values():
        home.run()  # the first one sees a mailbox that is new
    costs, failures = in_turn({label: home.run for label, home in homes.items()}, polls)
    if failures:
        table.absent("growth", failures)
        return 1
    table.heading("growth: idle poll of an empty mailbox", "ms")
    for label, found in costs.items():
        table.row(label, [each.wall_s * 1000 for each in found], found)
        homes[label].remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
