"""Getting messages out of a server, whatever it answers: each asked for is got, failed or gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mail_archiver.archiving.drafting import Drafter
from mail_archiver.archiving.interruptions import Interruptions
from mail_archiver.archiving.patience import Patience
from mail_archiver.archiving.ports import MailSource
from mail_archiver.domain.draft import Blob, Draft
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.errors import MessageRefused, ServerUnavailable, StorageError, places
from mail_archiver.octets import sha256_of

LARGE_OCTETS = 16 * 1024 * 1024
"""From this size on a message is fetched in pieces, and never whole in memory."""

ENDS_CONNECTIONS = "the connection is lost whenever it is asked for"
NOT_HANDED_OUT = "the server lists it and does not hand it out"
REFUSED = "the server refuses to hand it out"
STAND_IN = "the server cannot convert it for IMAP, and hands out a stand-in"


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that goes to quarantine.

    Attributes:
        reason: One line, without a word of the message.
        blobs: Its original, where it could be had, and the attachment file that this is stored with.
    """

    summary: MessageSummary
    reason: str
    blobs: tuple[Blob, ...] = ()


@dataclass(slots=True)
class Fetched:
    """What became of a batch: every UID stands in exactly one of these."""

    drafts: list[Draft] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    vanished: list[MessageSummary] = field(default_factory=list)

    @property
    def blobs(self) -> list[Blob]:
        """All that is to be stored."""
        read: list[Draft | Failure] = [*self.drafts, *self.failures]
        return [blob for each in read for blob in each.blobs]

    def read(self, message: FetchedMessage, summary: MessageSummary, drafter: Drafter) -> None:
        """Read a message; one that cannot be read is a failure.

        Where the server did not say again when it received it, what the summary says stands.

        Raises:
            StorageError: There is no room for a large one.
        """
        from mail_archiver.archiving.stand_in import is_stand_in  # with the first message, as the parser

        if message.received_at is None:
            message = replace(message, received_at=summary.received_at)
        if is_stand_in(message.source):
            original = Blob(sha256_of(message.source), message.source, is_original=True)
            self.failures.append(Failure(summary, STAND_IN, (original,)))
            return
        try:
            self.drafts.append(drafter.draft(message))
        except StorageError:  # nothing about this message
            raise
        except Exception as error:  # noqa: BLE001 one of the two isolation points: one message
            reason = f"cannot be read: {type(error).__name__} at {places(error)[-1]}"
            original = Blob(sha256_of(message.source), message.source, is_original=True)
            self.failures.append(Failure(summary, reason, (original,)))


class Fetcher:
    """Fetches and reads messages of one mailbox."""

    def __init__(
        self, source: MailSource, drafter: Drafter, interruptions: Interruptions, patience: Patience
    ) -> None:
        self._source = source
        self._drafter = drafter
        self._interruptions = interruptions
        self._patience = patience

    def summaries(self, uids: Sequence[int], fetched: Fetched) -> list[MessageSummary]:
        """Sizes and INTERNALDATEs; those that cannot be had are accounted for in `fetched`.

        Raises:
            SourceError: The server itself fails.
        """
        together = [uid for uid in uids if uid not in self._interruptions.suspects]
        asked = [uid for uid in uids if not self._is_left_aside(uid, fetched)]
        found: dict[int, MessageSummary] = {}
        for uid in asked:
            if uid not in together:
                found |= self._summaries([uid])
        found |= self._summaries(together)
        if left_out := [uid for uid in together if uid not in found]:
            for uid in sorted(self._source.present(left_out)):  # who leaves some out may tell of them alone
                found |= self._summaries([uid])
        self._account_for([MessageSummary(uid, 0, None) for uid in asked if uid not in found], fetched)
        return [found[uid] for uid in uids if uid in found]

    def _is_left_aside(self, uid: int, fetched: Fetched) -> bool:
        if not self._interruptions.is_to_blame(uid):
            return False
        self._interruptions.leave_aside(uid)
        fetched.failures.append(Failure(MessageSummary(uid, 0, None), ENDS_CONNECTIONS))
        return True

    def _summaries(self, uids: Sequence[int]) -> Mapping[int, MessageSummary]:
        try:
            return self._source.summaries(uids) if uids else {}
        except ServerUnavailable:
            self._interruptions.lost_over(uids)
            raise

    def fetch(self, batch: Sequence[MessageSummary]) -> Fetched:
        """Fetch and read a batch; a message that cannot be had, or read, is a failure of its own.

        Raises:
            SourceError, StorageError: The server itself fails, or there is no room for a large message.
        """
        fetched = Fetched()
        self._fetch(batch, fetched)
        return fetched

    def _fetch(self, batch: Sequence[MessageSummary], fetched: Fetched) -> None:
        summaries = {summary.uid: summary for summary in batch}
        uids = list(summaries)
        try:
            # One that a connection was lost over comes in pieces too: what came of it need not come again.
            is_suspect = uids[0] in self._interruptions.suspects
            if len(batch) == 1 and (batch[0].size_octets >= LARGE_OCTETS or is_suspect):
                messages = self._source.fetch_large(uids[0], self._interruptions.download(uids[0]))
            else:
                messages = self._source.fetch(uids)
        except MessageRefused:
            if len(batch) == 1:
                self._account_for(batch, fetched, REFUSED)
            else:
                self._one_by_one(batch, fetched)
            return
        except ServerUnavailable:
            if self._interruptions.lost_over(uids):
                self._patience.moved()
            raise
        self._interruptions.fetched(uids)
        for uid, message in sorted(messages.items()):
            fetched.read(message, summaries[uid], self._drafter)
        missing = [summary for uid, summary in summaries.items() if uid not in messages]
        if missing and len(batch) > 1:  # a server that leaves some out of many may give them one by one
            self._one_by_one(missing, fetched)
        else:
            self._account_for(missing, fetched)

    def _one_by_one(self, batch: Sequence[MessageSummary], fetched: Fetched) -> None:
        for summary in batch:
            self._fetch([summary], fetched)

    def _account_for(
        self, missing: Sequence[MessageSummary], fetched: Fetched, reason: str = NOT_HANDED_OUT
    ) -> None:
        """Tell messages that are gone from those that a server lists and does not hand out."""
        if not missing:
            return
        present = self._source.present([summary.uid for summary in missing])
        for summary in missing:
            if summary.uid in present:
                fetched.failures.append(Failure(summary, reason))
            else:
                fetched.vanished.append(summary)
