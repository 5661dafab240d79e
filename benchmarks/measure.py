"""What a command costs, from its start to its end, with all the processes that it starts and waits for."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import descendants_s

_LAUNCHER = Path(__file__).with_name("launcher.py")
LONGEST_S = 3600


class Failed(Exception):
    """A command of the benchmark did not do its work; the message ends with what it said."""


@dataclass(frozen=True)
class Cost:
    """Of one command.

    Attributes:
        servers_s: The processor's time of the mail server and PostgreSQL meanwhile; 0 in containers.
        peak_octets: Resident memory of its largest process; 0 where it is not known.
        stored_octets: What its home takes on the disk afterwards, database and all; 0 where nobody looked.
    """

    wall_s: float
    user_s: float
    system_s: float
    servers_s: float
    peak_octets: int
    stored_octets: int = 0

    @property
    def processor_s(self) -> float:
        """The processor's time of the command itself, with all the processes that it starts."""
        return self.user_s + self.system_s


def cost_of(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str],
    *,
    codes: Sequence[int] = (0,),
) -> Cost:
    """Run a command in a folder, where its output goes to `output.log`.

    Raises:
        Failed: It ended otherwise than by one of `codes`.
    """
    before_s = descendants_s()
    output = folder / "output.log"
    with output.open("wb") as log:
        answer = subprocess.run(
            [sys.executable, "-I", "-S", _LAUNCHER, *command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            timeout=LONGEST_S,
            check=False,
        ).stdout
    lines = answer.splitlines() or [b"[0, 0, 0, 0, -1]"]
    wall_s, user_s, system_s, peak_kib, code = json.loads(lines[-1])
    if code not in codes:
        said = b"\n".join(lines[:-1]) + output.read_bytes()
        raise Failed(f"{command[0]} ended with {code}: {said[-2000:].decode(errors='replace')}")
    return Cost(wall_s, user_s, system_s, descendants_s() - before_s, peak_kib * 1024)
