"""Many kills: fifty a campaign, the databases and the dispositions in turn.

    python -m tests.chaos --kills 1000 [--seed 1] [--database postgresql] [--disposition delete]

Prints after which event of the log the kills landed. Ends with 1 at a campaign after which something is wrong
and prints what starts that one again, with its kills in the same order, as far as timing allows.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from itertools import count, cycle, product
from pathlib import Path

from tests.chaos.campaign import DISPOSITIONS, Campaign
from tests.servers import dovecot as dovecot_server
from tests.servers import postgres as postgres_server

KILLS_A_CAMPAIGN = 50
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """Carry out campaigns until there have been enough kills."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--database", choices=DATABASES, help="this one only")
    parser.add_argument("--disposition", choices=DISPOSITIONS, help="this one only")
    arguments = parser.parse_args()
    databases = [arguments.database] if arguments.database else DATABASES
    dispositions = [arguments.disposition] if arguments.disposition else DISPOSITIONS
    started, landed = time.monotonic(), Counter[str]()
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        folder.chmod(0o711)  # servers that drop root's rights have to pass through
        dovecot = dovecot_server.start(_subfolder(folder, "dovecot"))
        stack.callback(dovecot.stop)
        postgres = postgres_server.start(_subfolder(folder, "postgres"))
        stack.callback(postgres.stop)
        turns = zip(count(arguments.seed), cycle(product(dispositions, databases)), strict=False)
        for seed, (disposition, database) in turns:
            kills = min(KILLS_A_CAMPAIGN, arguments.kills - landed.total())
            if kills <= 0:
                break
            place = folder / f"campaign-{seed}"
            sqlite = f"sqlite:///{place / 'crm.db'}"
            campaign = Campaign(
                place, sqlite if database == "sqlite" else postgres.new_database(), dovecot, disposition, seed
            )
            try:
                campaign.carry_out(kills)
            except AssertionError as failure:
                print(f"{failure}\nAgain: python -m tests.chaos --kills {kills} --seed {seed}", end=" ")
                print(f"--database {database} --disposition {disposition}")
                return 1
            landed += campaign.landed
            print(f"{landed.total()} kills", end=", ", flush=True)
    print(f"{time.monotonic() - started:.0f} s; nothing lost, nothing doubled (seed {arguments.seed}).")
    print("They landed after")
    for event, number in landed.most_common():
        print(f"{number:6} {event}")
    return 0


def _subfolder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
