"""Ten accounts with n messages each, beside one account with all of them: wall time of one run.

python -m benchmarks.accounts [--accounts 10] [--messages 1000] [--runs 3]
"""

import argparse
import sys
from functools import partial

from benchmarks import table
from benchmarks.archiver import Archiver
from benchmarks.contestant import bring_home
from benchmarks.contestants import add_folder, in_turn
from benchmarks.corpus import SMALL
from benchmarks.servers import Servers, servers


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--messages", type=int, default=1000, help="of each")
    parser.add_argument("--runs", type=int, default=3)
    add_folder(parser)
    given = parser.parse_args()
    with servers(given.folder) as running:
        ours = Archiver(running, "PostgreSQL")
        return compare(running, ours, given.accounts, given.messages, given.runs)


def compare(running: Servers, ours: Archiver, accounts: int, messages: int, runs: int) -> int:
    """Print the table; 1 where we have failed."""
    corpus = SMALL.of(messages)
    seeds = range(1, accounts + 1)
    one, several = [running.filled(corpus, *seeds)], [running.filled(corpus, seed) for seed in seeds]
    alone, shared = "1 account", f"{accounts} accounts"
    work = {alone: partial(bring_home, ours, one), shared: partial(bring_home, ours, several)}
    costs, failures = in_turn(work, runs)
    if failures:
        table.absent("accounts", failures)
        return 1
    table.heading(f"accounts: {one[0].messages:,} messages of small into PostgreSQL", "s")
    walls = {label: [each.wall_s for each in found] for label, found in costs.items()}
    for label, found in costs.items():
        table.row(label, walls[label], found)
    table.ratio(f"  {shared} / {alone}", walls[shared], walls[alone])
    for mailbox in (*one, *several):
        running.removed(mailbox)
    return 0


if __name__ == "__main__":
    sys.exit(main())
