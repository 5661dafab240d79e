"""Many accounts, several machines, one PostgreSQL: who does what, and what a machine that dies leaves.

    python -m benchmarks.fleet [--accounts 100] [--machines 4] [--messages 100]

A machine is a process of its own, started as its cron would: all have the same settings, of all accounts, and
one folder for blobs, as object storage is one. In the first round one machine is killed in the middle of its
work; the second round is the next minute's.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.e2e.installation import bare_environment

from benchmarks import table
from benchmarks.archiver import PROGRAM, Archiver, ArchiverHome
from benchmarks.contestants import add_folder
from benchmarks.corpus import SMALL
from benchmarks.disk import connect
from benchmarks.measure import LONGEST_S, Failed
from benchmarks.servers import servers

KILLED_AFTER = 0.25
"""How much of an equal share a machine has archived when it is killed; the first that comes so far is."""

KILLED = -signal.SIGKILL

_LEDGER = """
SELECT count(*), count(DISTINCT (epoch_id, uid)), count(DISTINCT archive_id),
    count(*) FILTER (WHERE outcome = 'archived'), (SELECT count(*) FROM archive)
FROM processed_uid
"""


@dataclass(frozen=True)
class Turn:
    """What one machine did in one round.

    Attributes:
        accounts: Of which it archived something.
        skipped: Accounts that another machine was at.
        code: Its exit code; negative for the signal that ended it.
    """

    accounts: int
    archived: int
    skipped: int
    wall_s: float
    code: int


class Machine:
    """One run, in a process group of its own."""

    def __init__(self, folder: Path, number: int) -> None:
        self._started = time.perf_counter()
        self._log = folder / f"machine-{number}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "run"],
                cwd=folder,
                env=bare_environment(),
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def archived(self) -> int:
        """How many messages it has archived, as far as its log tells."""
        return self._log.read_bytes().count(b'"message.archived"')

    def kill(self) -> None:
        """As a power cut does, and with all the processes that it has started."""
        os.killpg(self._process.pid, signal.SIGKILL)

    def finish(self) -> Turn:
        """Wait for its end."""
        code = self._process.wait(LONGEST_S)
        wall_s = time.perf_counter() - self._started
        archived = [each["account"] for each in self._events() if each["event"] == "message.archived"]
        skipped = sum(each["event"] == "run.skipped" for each in self._events())
        return Turn(len(set(archived)), len(archived), skipped, wall_s, code)

    def _events(self) -> Sequence[Mapping[str, Any]]:
        lines = self._log.read_bytes().split(b"\n")[:-1]  # the last one may be half a line
        return [json.loads(line) for line in lines]


def main() -> int:
    """Print a table for each round; 1 where anything is lost or there twice."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--machines", type=int, default=4)
    parser.add_argument("--messages", type=int, default=100, help="of each account")
    add_folder(parser)
    given = parser.parse_args()
    expected = given.accounts * given.messages
    with servers(given.folder) as running:
        corpus = SMALL.of(given.messages)
        mailboxes = [running.filled(corpus, seed) for seed in range(1, given.accounts + 1)]
        home = Archiver(running, "PostgreSQL").home(mailboxes)
        print(
            f"fleet: {given.accounts} accounts with {given.messages} messages each, {given.machines} machines"
        )
        try:
            _tell("one is killed", _first_round(home, given.machines, expected))
            _tell("the next minute", [each.finish() for each in _start(home, given.machines)])
            _judge(home, expected)
        except Failed as error:
            table.absent("fleet", error)
            return 1
        return 0


def _start(home: ArchiverHome, machines: int) -> list[Machine]:
    return [Machine(home.folder, number) for number in range(1, machines + 1)]


def _first_round(home: ArchiverHome, machines: int, expected: int) -> list[Turn]:
    running = _start(home, machines)
    enough = KILLED_AFTER * expected / machines
    while not (far := [each for each in running if each.archived >= enough and not each.has_ended]):
        if all(each.has_ended for each in running):
            raise Failed("all machines ended before one could be killed")
        time.sleep(0.02)
    far[0].kill()
    return [each.finish() for each in running]


def _tell(title: str, turns: Sequence[Turn]) -> None:
    print(f"\n{title:12}{'accounts':>12}{'archived':>12}{'skipped':>12}{'seconds':>12}{'exit code':>12}")
    for number, turn in enumerate(turns, start=1):
        code = "killed" if turn.code == KILLED else str(turn.code)
        figures = f"{turn.accounts:12}{turn.archived:12,}{turn.skipped:12}{turn.wall_s:12.1f}{code:>12}"
        print(f"machine {number:<{12 - len('machine ')}}{figures}", flush=True)


def _judge(home: ArchiverHome, expected: int) -> None:
    """Tell that each message is there once, in the ledger, the archive and the storage.

    Raises:
        Failed: It is not.
    """
    ledger = _ledger(home)
    if set(ledger) != {expected}:
        raise Failed(f"lost or there twice: {ledger} instead of {expected}")
    home.tell("audit")
    print(f"\n{expected:,} messages, each once in the ledger and in the archive; audit finds nothing missing")


def _ledger(home: ArchiverHome) -> tuple[int, ...]:
    """Rows, different UIDs, different archives, archived; and rows of the archive."""
    with connect(home.url) as connection:
        return tuple(connection.execute(sa.text(_LEDGER)).one())


if __name__ == "__main__":
    sys.exit(main())
