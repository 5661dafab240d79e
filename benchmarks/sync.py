"""A whole backfill, ours and the peers' in turn: messages a second, and what each costs.

    python -m benchmarks.sync [--corpus small] [--corpus mix] [--only ours-pg …] [--runs 3] [--scale 0.1]
    python -m benchmarks.sync --corpus small --only ours-pg --against ../main/.venv/bin/mail-archiver

All on one machine: Dovecot, PostgreSQL with its defaults, plain IMAP on loopback. In each round every
contestant has its turn, in another order each time, from an empty home on the same disk.
"""

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks import table
from benchmarks.contestant import Contestant, bring_home
from benchmarks.contestants import AGAINST, FOR_SYNC, OURS, add_options, available, in_turn
from benchmarks.corpus import CORPORA, Corpus
from benchmarks.servers import Servers, servers

RATIOS = (
    ("ours-pg", "mbsync"),
    ("ours-sqlite", "mbsync"),
    ("ours-pg", "django-mailbox"),
    ("ours-sqlite", "django-mailbox"),
    ("ours-sqlite", "ours-pg"),
    ("ours-tls", "ours-pg"),
    ("ours-pg", AGAINST),
)
PROCESSOR_RATIOS = (("ours-pg", "parse-bare"), ("ours-sqlite", "parse-bare"), ("ours-pg", AGAINST))
"""Of what a message costs our processes: the less, the better."""


def main() -> int:
    """Print a table a corpus; 1 where one of ours has failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", action="append", choices=CORPORA, help="repeatable; all of them if none")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of messages")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="cProfile's, of ours-pg")
    add_options(parser, FOR_SYNC)
    given = parser.parse_args()
    with servers(given.folder) as running:
        contestants = available(running, given.only or FOR_SYNC, given.against, given.profile)
        corpora = [CORPORA[name].scaled(given.scale) for name in given.corpus or CORPORA]
        return max(compare(running, corpus, contestants, given.runs) for corpus in corpora)


def compare(running: Servers, corpus: Corpus, contestants: Mapping[str, Contestant], runs: int) -> int:
    """Let all of them bring one corpus home, `runs` times, and print the table; 1 where ours failed."""
    mailbox = running.filled(corpus)
    work = {name: partial(bring_home, each, [mailbox]) for name, each in contestants.items()}
    costs, failures = in_turn(work, runs)
    table.heading(
        f"{corpus.name}: {mailbox.messages:,} messages, {mailbox.octets / 1e6:.1f} MB", "messages/s"
    )
    speeds = {name: [mailbox.messages / each.wall_s for each in found] for name, found in costs.items()}
    for name, contestant in contestants.items():
        if name in failures:
            table.absent(contestant.name, failures[name])
        else:
            table.row(contestant.name, speeds[name], costs[name])
    for ours, theirs in RATIOS:
        if ours in speeds and theirs in speeds:
            table.ratio(f"  {ours} / {theirs}", speeds[ours], speeds[theirs])
    seconds = {name: [each.processor_s for each in found] for name, found in costs.items()}
    for ours, theirs in PROCESSOR_RATIOS:
        if ours in seconds and theirs in seconds:
            table.ratio(f"  {ours} / {theirs}, processor", seconds[ours], seconds[theirs])
    running.removed(mailbox)
    return int(not failures.keys().isdisjoint(OURS))


if __name__ == "__main__":
    sys.exit(main())
