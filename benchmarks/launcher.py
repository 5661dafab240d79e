"""Starts a command and prints what it cost, as JSON: python -I -S launcher.py COMMAND …

A process of its own, and a small one: what the kernel calls a child's peak memory is never less than what
its parent had when it was started, and the benchmarks' own process is larger than what they measure. This one
has about 10 MB. Imports next to nothing for the same reason.
"""

import os
import sys
import time


def main() -> None:
    """Print wall, user and system seconds, the peak of the largest process in KiB, and the exit status."""
    command = sys.argv[1:]
    started = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(child, 0)
    wall_s = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    print(f"[{wall_s}, {used.ru_utime}, {used.ru_stime}, {used.ru_maxrss}, {code}]", file=sys.__stdout__)


main()
