"""A poll that finds nothing new, as cron starts it every few minutes: time and memory of a whole process.

    python -m benchmarks.idle [--messages 20000] [--accounts 1 --accounts 5 --accounts 10] [--runs 20]

The first of the accounts has all of the messages, each further one a hundredth; all of them are archived.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence

from benchmarks import table
from benchmarks.contestant import Contestant, Home
from benchmarks.contestants import AGAINST, FOR_IDLE, OURS, add_options, available, in_turn
from benchmarks.corpus import TINY
from benchmarks.measure import Failed
from benchmarks.servers import Mailbox, Servers, servers

RATIOS = (("ours-pg", "mbsync"), ("ours-pg", "django-mailbox"), ("ours-pg", "bare"), ("ours-pg", AGAINST))
FURTHER = 100
"""What part of the first account's messages each further one has."""


def main() -> int:
    """Print a table; 1 where one of ours has failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--accounts", type=int, action="append", help="repeatable; 1, 5 and 10 if none")
    parser.add_argument("--runs", type=int, default=20)
    add_options(parser, FOR_IDLE)
    given = parser.parse_args()
    with servers(given.folder) as running:
        contestants = available(running, given.only or FOR_IDLE, given.against)
        return compare(running, given.messages, contestants, given.accounts or [1, 5, 10], given.runs)


def compare(
    running: Servers,
    messages: int,
    contestants: Mapping[str, Contestant],
    accounts: Sequence[int],
    runs: int,
) -> int:
    """Print a table a number of accounts; 1 where one of ours has failed."""
    few = max(messages // FURTHER, 1)
    mailboxes = [running.filled(TINY.of(messages))]
    mailboxes += [running.filled(TINY.of(few), seed) for seed in range(2, max(accounts) + 1)]
    codes = [_compare(mailboxes[:count], contestants, runs) for count in accounts]
    for mailbox in mailboxes:
        running.removed(mailbox)
    return max(codes)


def _compare(mailboxes: Sequence[Mailbox], contestants: Mapping[str, Contestant], runs: int) -> int:
    messages = sum(each.messages for each in mailboxes)
    table.heading(f"idle poll: {messages:,} archived messages, accounts: {len(mailboxes)}", "ms")
    homes: dict[str, Home] = {}
    failures: dict[str, Failed] = {}
    for name, contestant in contestants.items():
        try:
            homes[name] = _home(contestant, mailboxes)
        except Failed as failure:
            failures[name] = failure
    costs, later_failures = in_turn({name: home.run for name, home in homes.items()}, runs)
    failures |= later_failures
    figures = {name: [each.wall_s * 1000 for each in found] for name, found in costs.items()}
    for name, contestant in contestants.items():
        if name in failures:
            table.absent(contestant.name, failures[name])
        else:
            table.row(contestant.name, figures[name], costs[name])
    for ours, theirs in RATIOS:
        if ours in figures and theirs in figures:
            table.ratio(f"  {ours} / {theirs}", figures[ours], figures[theirs])
    for home in homes.values():
        home.remove()
    return int(not failures.keys().isdisjoint(OURS))


def _home(contestant: Contestant, mailboxes: Sequence[Mailbox]) -> Home:
    """With all of the messages at home."""
    home = contestant.home(mailboxes)
    home.run()
    found, expected = home.archived(), sum(each.messages for each in mailboxes)
    if found != expected:
        raise Failed(f"incomplete: {found} of {expected} messages")
    return home


if __name__ == "__main__":
    sys.exit(main())
