"""What `run` and `backfill` would do, with nothing written anywhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mail_archiver.archiving.explaining import foretell
from mail_archiver.archiving.fetching import Fetcher
from mail_archiver.archiving.interruptions import Interruptions
from mail_archiver.archiving.opened import PORTION
from mail_archiver.archiving.patience import Patience
from mail_archiver.archiving.ports import MailSource
from mail_archiver.archiving.work import AccountPlan, Parts
from mail_archiver.domain.draft import Draft
from mail_archiver.domain.explaining import Fate
from mail_archiver.domain.explaining_associations import Membership
from mail_archiver.domain.fetch_plan import MessageSummary, Window, chunks, plan_batches
from mail_archiver.domain.linking import Link
from mail_archiver.domain.mailbox_state import Epoch, MailboxStatus, may_hold_new_messages
from mail_archiver.domain.outcome import Outcome
from mail_archiver.domain.start import RULE_PREFIX


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one message.

    Attributes:
        attachments_name: Of the attachment file; None when there would be none.
        explanation: What would become of each address, and of what follows from its contact.
    """

    account: str
    mailbox: str
    uid: int
    outcome: Outcome
    subject: str | None = None
    links: tuple[Link, ...] = ()
    attachments_name: str | None = None
    explanation: tuple[Fate | Membership, ...] = ()


@dataclass(slots=True)
class Previewer:
    """Looks at mailboxes as `run` (no window) or `backfill` would."""

    parts: Parts
    window: Window | None = None
    _fingerprints: set[str] = field(default_factory=set)

    def account(self, plan: AccountPlan) -> Iterator[Preview]:
        """What would become of each message of an account, in the order of archiving.

        Raises:
            SourceError, StoreError: As in `run`.
        """
        with plan.log_in() as source:
            for mailbox in plan.mailboxes:
                yield from self._mailbox(plan, source, mailbox)

    def _mailbox(self, plan: AccountPlan, source: MailSource, mailbox: str) -> Iterator[Preview]:
        status, key = source.examine(mailbox), plan.key(mailbox)
        with self.parts.store.reading() as uow:
            epoch = uow.ledger.find_epoch(key, status)
            due = uow.ledger.due(epoch, self.parts.clock()) if epoch and self.window is None else []
            first = uow.ledger.first_polled(key) if plan.start.only_new else None
        starts_now = plan.start.only_new and self.window is None and first is None
        start = plan.start.in_epoch(epoch.id if epoch else 0, first)
        for portion in chunks([*due, *self._listed(source, status, epoch)], PORTION):
            wanted = [uid for uid in portion if uid in due] + self._unknown(epoch, portion)
            summaries = source.summaries(wanted)
            found = [summaries[uid] for uid in wanted if uid in summaries]
            left_out = [
                s for s in found if starts_now or (not self.window and start.leaves_out(s.received_at))
            ]
            for summary in left_out:
                yield Preview(plan.name, mailbox, summary.uid, Outcome.FILTERED)
            taken = [
                s for s in found if s not in left_out and (not self.window or s.received_at in self.window)
            ]
            for batch in plan_batches(taken):
                yield from self._batch(plan, source, mailbox, batch)

    def _listed(self, source: MailSource, status: MailboxStatus, epoch: Epoch | None) -> Sequence[int]:
        if self.window is not None:
            return source.uids_received(self.window, status)
        last_uid = epoch.last_uid if epoch else 0
        return source.uids_after(last_uid, status) if may_hold_new_messages(last_uid, status) else []

    def _unknown(self, epoch: Epoch | None, uids: Sequence[int]) -> list[int]:
        if epoch is None:
            return list(uids)
        with self.parts.store.reading() as uow:
            known = uow.ledger.known(
                epoch, sorted(uids), also_filtered_by=RULE_PREFIX if self.window is not None else None
            )
        return [uid for uid in uids if uid not in known]

    def _batch(
        self, plan: AccountPlan, source: MailSource, mailbox: str, batch: Sequence[MessageSummary]
    ) -> Iterator[Preview]:
        fetched = Fetcher(source, plan.drafter, Interruptions(0), Patience(0)).fetch(batch)
        drafts, rules = fetched.drafts, plan.drafter.rules
        with self.parts.store.reading() as uow:
            self._fingerprints.update(uow.archives.find([draft.message.fingerprint for draft in drafts]))
            contacts = uow.contacts.with_addresses(
                rules.looked_up(address for draft in drafts for address in draft.mentions)
            )
            now = self.parts.clock()
            explanations = [tuple(foretell(uow, rules, draft, contacts, now)) for draft in drafts]
        for draft, explanation in zip(drafts, explanations, strict=True):
            yield Preview(
                plan.name,
                mailbox,
                draft.uid,
                self._outcome(draft),
                draft.message.subject,
                tuple(rules.decide(draft.mentions, contacts)),
                draft.attachments_name,
                explanation,
            )
        for failure in fetched.failures:
            yield Preview(plan.name, mailbox, failure.summary.uid, Outcome.QUARANTINED)

    def _outcome(self, draft: Draft) -> Outcome:
        if draft.message.fingerprint in self._fingerprints:
            return Outcome.DUPLICATE
        self._fingerprints.add(draft.message.fingerprint)
        return Outcome.ARCHIVED
