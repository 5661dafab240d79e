"""What every program in the benchmark is asked: to bring mailboxes home, and to look again later."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from benchmarks.measure import Cost, Failed
from benchmarks.servers import Mailbox


class Home(Protocol):
    """An installation of a program, for some mailboxes; it has nothing of theirs yet."""

    def run(self) -> Cost:
        """Bring home what is new, as cron would start it.

        Raises:
            Failed: It said that it could not.
        """

    def archived(self) -> int:
        """How many messages are at home."""

    def stored_octets(self) -> int:
        """What it takes on the disk: files, and the database."""

    def remove(self) -> None:
        """Free the disk."""


class Contestant(Protocol):
    """A program; making one raises `Unavailable` where it cannot be had."""

    name: str

    def home(self, mailboxes: Sequence[Mailbox]) -> Home:
        """Install and configure it afresh."""


def bring_home(contestant: Contestant, mailboxes: Sequence[Mailbox], *, already: int = 0) -> Cost:
    """Let it bring mailboxes home from nothing, and see to it that nothing is missing.

    Args:
        already: Messages that every home of this one has from the beginning.

    Raises:
        Failed: It said that it could not, or something is.
    """
    home = contestant.home(mailboxes)
    try:
        os.sync()  # what others left to be written must not be ours to wait for
        cost = home.run()
        found, expected = home.archived() - already, sum(each.messages for each in mailboxes)
        if found != expected:
            raise Failed(f"incomplete: {found} of {expected} messages")
        return replace(cost, stored_octets=home.stored_octets())
    finally:
        home.remove()
