"""What lost connections leave behind in one mailbox, from one attempt to the next."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from mail_archiver.octets import Spool

LOSSES_TO_BLAME = 3
"""Connections that must be lost over one message alone until it is left aside."""


LEFT_ASIDE_IN_A_ROW = 3


class Interruptions:
    """Which messages connections were lost over, in one epoch.

    A server that falls over a message falls over it again in every run. Whatever was being asked for when a
    connection was lost is asked for one by one from then on, and the one that it is lost over again comes
    first, so that nothing else can be to blame.

    A server that falls over whatever it is asked for is itself to blame: after a few messages in a row that
    were left aside, the next ones have to wait until one has come through.
    """

    def __init__(self, epoch_id: int) -> None:
        self.epoch_id = epoch_id
        self.suspects: set[int] = set()
        self._prime: int | None = None
        self._losses: Counter[int] = Counter()
        self._left_aside: set[int] = set()
        self._left_aside_in_a_row = 0
        self._downloads: dict[int, Spool] = {}
        self._downloaded_octets: Counter[int] = Counter()
        self._is_fresh = True

    def connected(self) -> None:
        """A new connection is made."""
        self._is_fresh = True

    def fetched(self, uids: Collection[int]) -> None:
        """The server has answered about all of these."""
        self._is_fresh = False
        self._left_aside_in_a_row = 0
        for uid in uids:
            self._downloads.pop(uid, None)

    def lost_over(self, uids: Sequence[int]) -> bool:
        """The connection was lost when these were asked for.

        Returns:
            Whether it has brought a piece of a large message.
        """
        self.suspects.update(uids)
        if len(uids) != 1:
            return False
        [uid] = uids
        self._prime = uid
        if self._has_grown(uid):
            self._losses[uid] = 0
            return True
        self._losses[uid] += self._is_fresh
        return False

    def in_order(self, uids: Sequence[int]) -> Iterator[Sequence[int]]:
        """All of `uids`, in runs to be worked on one after the other."""
        if self._left_aside_in_a_row:  # whether it is the server, another message may tell
            by_losses = groupby(sorted(uids, key=self._losses.__getitem__), key=self._losses.__getitem__)
            yield from (list(some) for _, some in by_losses)
        else:
            if prime := [uid for uid in uids if uid == self._prime]:
                yield prime
            yield [uid for uid in uids if uid != self._prime]

    def is_to_blame(self, uid: int) -> bool:
        """Whether asking for this message is what ends connections."""
        may_be_the_server = self._left_aside_in_a_row >= LEFT_ASIDE_IN_A_ROW
        return uid in self._left_aside or (self._losses[uid] >= LOSSES_TO_BLAME and not may_be_the_server)

    def leave_aside(self, uid: int) -> None:
        """This message is to blame, and recorded as such."""
        if uid not in self._left_aside:
            self._left_aside_in_a_row += 1
            self._left_aside.add(uid)

    def download(self, uid: int) -> Spool:
        """What is there already of a large message, to be continued."""
        return self._downloads.setdefault(uid, Spool())

    def _has_grown(self, uid: int) -> bool:
        """Whether there is more of a large message than when a connection was lost over it before."""
        octets = len(self._downloads[uid]) if uid in self._downloads else 0
        before, self._downloaded_octets[uid] = self._downloaded_octets[uid], octets
        return octets > before
