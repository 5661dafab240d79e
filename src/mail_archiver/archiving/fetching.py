"""Getting messages out of a server, whatever it answers: each asked for is got, failed or gone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mail_archiver.archiving.drafting import Drafter
from mail_archiver.archiving.ports import MailSource
from mail_archiver.domain.draft import Blob, Draft
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.errors import MessageRefused, StorageError, places
from mail_archiver.octets import sha256_of

LARGE_OCTETS = 16 * 1024 * 1024
"""From this size on a message is fetched in pieces, and never whole in memory."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that goes to quarantine.

    Attributes:
        reason: One line, without a word of the message.
        original: Its bytes, where they could be had.
    """

    summary: MessageSummary
    reason: str
    original: Blob | None = None


@dataclass(slots=True)
class Fetched:
    """What became of a batch: every UID stands in exactly one of these."""

    drafts: list[Draft] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    vanished: list[int] = field(default_factory=list)

    @property
    def blobs(self) -> list[Blob]:
        """All that is to be stored."""
        originals = (failure.original for failure in self.failures)
        return [
            *(blob for draft in self.drafts for blob in draft.blobs),
            *(original for original in originals if original),
        ]


def fetch_drafts(source: MailSource, batch: Sequence[MessageSummary], drafter: Drafter) -> Fetched:
    """Fetch and read a batch; a message that cannot be had, or read, is a failure of its own.

    Raises:
        SourceError, StorageError: The server itself fails, or there is no room for a large message.
    """
    fetched = Fetched()
    for message, summary in _fetch(source, batch, fetched):
        try:
            fetched.drafts.append(drafter.draft(message))
        except StorageError:  # nothing about this message
            raise
        except Exception as error:  # noqa: BLE001 one of the two isolation points: one message
            reason = f"cannot be read: {type(error).__name__} at {places(error)[-1]}"
            original = Blob(sha256_of(message.source), message.source)
            fetched.failures.append(Failure(summary, reason, original))
    return fetched


def account_for_missing(source: MailSource, missing: Sequence[MessageSummary], fetched: Fetched) -> None:
    """Tell messages that are gone from those that a server lists and does not hand out."""
    if not missing:
        return
    present = source.present([summary.uid for summary in missing])
    for summary in missing:
        if summary.uid in present:
            fetched.failures.append(Failure(summary, "the server lists it and does not hand it out"))
        else:
            fetched.vanished.append(summary.uid)


def _fetch(
    source: MailSource, batch: Sequence[MessageSummary], fetched: Fetched
) -> list[tuple[FetchedMessage, MessageSummary]]:
    summaries = {summary.uid: summary for summary in batch}
    try:
        if len(batch) == 1 and batch[0].size_octets >= LARGE_OCTETS:
            messages = source.fetch_large(batch[0].uid)
        else:
            messages = source.fetch(list(summaries))
    except MessageRefused:
        if len(batch) == 1:
            fetched.failures.append(Failure(batch[0], "the server refuses to hand it out"))
            return []
        return [pair for summary in batch for pair in _fetch(source, [summary], fetched)]
    missing = [summary for uid, summary in summaries.items() if uid not in messages]
    account_for_missing(source, missing, fetched)
    return [(message, summaries[uid]) for uid, message in sorted(messages.items())]
