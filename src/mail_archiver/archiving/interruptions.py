"""What lost connections leave behind in one mailbox, from one attempt to the next."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from mail_archiver.octets import Spool

LOSSES_TO_BLAME = 3
"""Connections that must be lost over one message alone until it is left aside."""


class Interruptions:
    """Which messages connections were lost over, in one epoch.

    A server that falls over a message falls over it again in every run. Whatever was being asked for when a
    connection was lost is asked for one by one from then on, and the one that it is lost over again comes
    first, so that nothing else can be to blame.
    """

    def __init__(self, epoch_id: int) -> None:
        self.epoch_id = epoch_id
        self.suspects: set[int] = set()
        self._prime: int | None = None
        self._losses: Counter[int] = Counter()
        self._downloads: dict[int, Spool] = {}
        self._is_fresh = True

    def connected(self) -> None:
        """A new connection is made."""
        self._is_fresh = True

    def fetched(self, uids: Collection[int]) -> None:
        """The server has answered about all of these."""
        self._is_fresh = False
        for uid in uids:
            self._downloads.pop(uid, None)

    def lost_over(self, uids: Sequence[int]) -> None:
        """The connection was lost when these were asked for."""
        self.suspects.update(uids)
        if len(uids) == 1:
            [self._prime] = uids
            self._losses[self._prime] += self._is_fresh

    def in_order(self, uids: Sequence[int]) -> Iterator[Sequence[int]]:
        """All of `uids`, in runs to be worked on one after the other."""
        yield [uid for uid in uids if uid == self._prime]
        yield [uid for uid in uids if uid != self._prime]

    def is_to_blame(self, uid: int) -> bool:
        """Whether asking for this message is what ends connections."""
        return self._losses[uid] >= LOSSES_TO_BLAME

    def download(self, uid: int) -> Spool:
        """What is there already of a large message, to be continued."""
        return self._downloads.setdefault(uid, Spool())
