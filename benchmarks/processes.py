"""The processor's time of the servers: of all that descends from this process and is still alive."""

import os
from pathlib import Path

_TICKS_A_S = os.sysconf("SC_CLK_TCK")


def descendants_s() -> float:
    """Seconds that they, and what they have waited for, have used so far (proc(5), `/proc/pid/stat`).

    A difference of two of these is what the servers did in between, when nothing else is alive at either: of
    PostgreSQL's and Dovecot's processes, one for each connection, it has those that have ended too.
    """
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # The second field is a name in brackets, with spaces and brackets in it as it likes.
        fields = text[text.rindex(")") + 2 :].split()
        pid = int(entry.parent.name)
        parents[pid] = int(fields[1])
        seconds[pid] = sum(map(int, fields[11:15])) / _TICKS_A_S
    return sum(used for pid, used in seconds.items() if _is_descendant(pid, parents))


def _is_descendant(pid: int, parents: dict[int, int]) -> bool:
    while pid := parents.get(pid, 0):
        if pid == os.getpid():
            return True
    return False
