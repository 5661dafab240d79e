"""All of the benchmarks that need servers, one after the other, with one Dovecot and one PostgreSQL.

    python -m benchmarks [--quick | --tiny] [--folder /tmp]

Each has a command of its own too, with options of its own: `python -m benchmarks.sync --help`, and `idle`,
`growth` and `accounts` alike.
"""

import argparse
import sys
from dataclasses import dataclass

from benchmarks import accounts, growth, idle, sync
from benchmarks.archiver import Archiver
from benchmarks.contestants import FOR_IDLE, FOR_SYNC, add_folder, available
from benchmarks.corpus import CORPORA, SMALL
from benchmarks.servers import Servers, servers


@dataclass(frozen=True)
class Extent:
    """How much of each; 0 leaves one out.

    Attributes:
        scale: Of the corpora.
        polled: Archived messages of the account that is polled.
        archives: How many of them the growth is measured at.
        shared: Messages of each of ten accounts.
    """

    scale: float
    runs: int
    polled: int
    polls: int
    accounts: tuple[int, ...]
    archives: int
    shared: int


FULL = Extent(1.0, runs=5, polled=20_000, polls=20, accounts=(1, 5, 10), archives=200_000, shared=1000)
QUICK = Extent(0.1, runs=2, polled=200, polls=5, accounts=(1, 10), archives=0, shared=0)
TINY = Extent(0.002, runs=1, polled=10, polls=1, accounts=(2,), archives=50, shared=2)


def main() -> int:
    """Print all tables; 1 where a program of ours has failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_const", dest="extent", const=QUICK, help="two minutes")
    extent.add_argument("--tiny", action="store_const", dest="extent", const=TINY, help="does it work?")
    add_folder(parser)
    given = parser.parse_args()
    with servers(given.folder) as running:
        return measure(running, given.extent or FULL)


def measure(running: Servers, extent: Extent) -> int:
    """Print all tables; 1 where a program of ours has failed."""
    contestants = available(running, dict.fromkeys((*FOR_SYNC, *FOR_IDLE)))
    backfill = {name: contestants[name] for name in FOR_SYNC if name in contestants}
    poll = {name: contestants[name] for name in FOR_IDLE if name in contestants}
    codes = [
        sync.compare(running, corpus.scaled(extent.scale), backfill, extent.runs)
        for corpus in CORPORA.values()
    ]
    codes.append(idle.compare(running, extent.polled, poll, extent.accounts, extent.polls))
    ours = contestants["ours-pg"]
    assert isinstance(ours, Archiver)
    if extent.archives:
        corpus = SMALL.scaled(extent.scale)
        codes.append(growth.compare(running, corpus, ours, extent.archives, extent.runs, extent.polls))
    if extent.shared:
        codes.append(accounts.compare(running, ours, 10, extent.shared, extent.runs))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
