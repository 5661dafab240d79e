"""The program that runs pymap: started by `mailserver.serve` as a process of its own.

Run by its path, not as a module, so that it imports nothing of mail-archiver. Its
arguments are those of the `pymap` command.
"""

from __future__ import annotations

import os
import sys
import threading

from pymap.main import main
from pymap.parsing.command.select import SearchCommand, UidSearchCommand


def end_with_the_parent() -> None:
    """Exit as soon as standard input ends.

    The parent holds the other end of that pipe, open and silent, for as long as it
    lives: however it dies, no server is left behind.
    """
    # Not sys.stdin.read(), whose lock would abort an interpreter that ends before its parent.
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


def read_bare_numbers_as_sequence_numbers() -> None:
    """Correct pymap 0.36, which takes the `1:5` of `UID SEARCH 1:5` for UIDs.

    In a UID SEARCH only the answer is in UIDs; a bare set still counts messages, and
    UIDs are asked for by `UID 1:5` (RFC 9051 section 6.4.9). pymap's UIDs begin at
    101, so that `1:5` would find nothing.
    """
    # Its own `parse` only adds "and all numbers are UIDs" to the one that it inherits.
    setattr(UidSearchCommand, "parse", vars(SearchCommand)["parse"])  # noqa: B010 -- mypy refuses the plain form


if __name__ == "__main__":
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    read_bare_numbers_as_sequence_numbers()
    main()
