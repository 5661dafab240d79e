"""Runs the program under cProfile: python profiled.py FILE mail-archiver ARGUMENT …

The program itself ends its process at once when its work is done, and would take what was found with it.
"""

import cProfile
import sys

from mail_archiver.cli import main


def profiled() -> None:
    """Run it, and write what was found to a file."""
    _, file, *sys.argv = sys.argv
    profile = cProfile.Profile()
    try:
        profile.runcall(main)
    finally:
        profile.dump_stats(file)


profiled()
