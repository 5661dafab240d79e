"""Messages of another epoch, recognised without downloading them again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mail_archiver.domain.fetch_plan import MessageSummary


@dataclass(frozen=True, slots=True)
class LedgerCopy:
    """A message that is safe in the archive, as the ledger knows one of its copies."""

    epoch_id: int
    archive_id: int
    source_sha256: str
    header_sha256: str
    size_octets: int
    received_at: datetime


def recognize(
    summaries: Iterable[MessageSummary],
    header_hashes: Mapping[int, str],
    copies: Iterable[LedgerCopy],
    epoch_id: int,
) -> dict[int, LedgerCopy]:
    """The UIDs whose header, size and INTERNALDATE are those of one archive's copy, each with that copy.

    Only where that is unambiguous: all copies that look so are of one archive, and the mailbox shows no more
    of them now than one epoch had before. One more may be another message.

    Args:
        summaries: What the mailbox shows now.
        header_hashes: By UID (see `Message.header_sha256`).
        copies: Of other epochs, and of this one.
        epoch_id: This one.
    """
    alike: dict[tuple[str, int, datetime], list[LedgerCopy]] = defaultdict(list)
    for copy in copies:
        alike[copy.header_sha256, copy.size_octets, copy.received_at].append(copy)
    shown: dict[tuple[str, int, datetime], list[int]] = defaultdict(list)
    for summary in summaries:
        header = header_hashes.get(summary.uid)
        if header is not None and summary.received_at is not None:
            shown[header, summary.size_octets, summary.received_at].append(summary.uid)
    found: dict[int, LedgerCopy] = {}
    for look, uids in shown.items():
        candidates = alike.get(look, [])
        counts = Counter(copy.epoch_id for copy in candidates)
        before = max((count for epoch, count in counts.items() if epoch != epoch_id), default=0)
        is_one_archive = len({copy.archive_id for copy in candidates}) == 1
        if is_one_archive and counts[epoch_id] + len(uids) <= before:
            found |= dict.fromkeys(uids, candidates[0])
    return found
