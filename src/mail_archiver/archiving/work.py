"""What every use case is given, and what it counts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from mail_archiver.domain.mailbox_state import MailboxKey

if TYPE_CHECKING:  # a poll that finds nothing new does not load what it would do with a message
    from structlog.stdlib import BoundLogger

    from mail_archiver.archiving.drafting import Drafter
    from mail_archiver.archiving.ports import Blobs, Clock, Glance, MailSource, Store, Workers
    from mail_archiver.domain.disposition import Disposition
    from mail_archiver.domain.start import Start


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """One account, and what is to be done with it.

    Attributes:
        drafter: Reads its messages.
        log_in: Opens a session for the time of a block.
    """

    name: str
    host: str
    username: str
    mailboxes: tuple[str, ...]
    start: Start
    disposition: Disposition
    drafter: Drafter
    log_in: Callable[[], AbstractContextManager[MailSource]]

    def key(self, mailbox: str) -> MailboxKey:
        """How the ledger knows one of its mailboxes."""
        return MailboxKey(self.name, self.host, self.username, mailbox)


@dataclass(slots=True)
class Tally:
    """How many messages came to what."""

    archived: int = 0
    duplicate: int = 0
    filtered: int = 0
    quarantined: int = 0
    vanished: int = 0
    links: int = 0

    def add(self, other: Tally) -> None:
        """Count another tally in."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def counts(self) -> dict[str, int]:
        """By name, as the log has them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def no_progress(_done: int, _total: int) -> None:
    """For whom progress does not matter."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The edges, put together by `app`.

    Attributes:
        open_store: Gives the store, the same at each call; made at the first, since a poll may need none.
        progress: Told, in a backfill, how many messages of how many have been looked at.
        patience_s: Seconds without progress after which a server that went away is given up.
        glance: Taken at the start of a poll; None to ask the store for everything.
        open_workers: Gives those to share large mailboxes with; None to do all the work here.
    """

    open_store: Callable[[], Store]
    blobs: Blobs
    clock: Clock
    log: BoundLogger
    progress: Callable[[int, int], None] = no_progress
    patience_s: float = 300
    glance: Glance | None = None
    open_workers: Callable[[], Workers] | None = None

    @property
    def store(self) -> Store:
        """The database."""
        return self.open_store()
