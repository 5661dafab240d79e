"""Messages that the archive knows from another epoch: recorded without downloading them again."""

from collections.abc import Sequence

from mail_archiver.archiving.ports import MailSource
from mail_archiver.archiving.work import AccountPlan, Parts, Tally
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.domain.recognition import recognize


def record_known(
    parts: Parts,
    plan: AccountPlan,
    source: MailSource,
    epoch: Epoch,
    summaries: Sequence[MessageSummary],
    tally: Tally,
) -> list[MessageSummary]:
    """Record as duplicates those of `summaries` that are recognised; returns the others.

    Headers are fetched of those alone whose size and INTERNALDATE look familiar.

    Raises:
        SourceError, StoreError: The server or the database fails.
    """
    with parts.store.reading() as uow:
        copies = uow.ledger.copies_received_at(epoch, {s.received_at for s in summaries if s.received_at})
    looks = {(copy.size_octets, copy.received_at) for copy in copies if copy.epoch_id != epoch.id}
    familiar = [s for s in summaries if (s.size_octets, s.received_at) in looks]
    if not familiar:
        return list(summaries)
    hashes = source.header_hashes([summary.uid for summary in familiar])
    known = recognize(familiar, hashes, copies, epoch.id)
    if known:
        disposed = not plan.disposition.touches(epoch.key.name)
        with parts.store.transaction() as uow:
            uow.ledger.recognized(epoch, known, parts.clock(), disposed=disposed)
        tally.duplicate += len(known)
        parts.log.info("messages.recognized", account=plan.name, mailbox=epoch.key.name, messages=len(known))
    return [summary for summary in summaries if summary.uid not in known]
