"""Make our contacts those of a second database, which stays their owner."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mail_archiver.archiving.crm_ports import ContactSource
from mail_archiver.archiving.ports import Clock, Store, UnitOfWork
from mail_archiver.archiving.source_rows import SourceContacts, read_rows
from mail_archiver.domain.contact import ImportedContact
from mail_archiver.domain.contact_sync import LeftOut, SyncPlan, plan_sync
from mail_archiver.domain.source_state import SourceState
from mail_archiver.errors import ContactsVanished

SOURCE = "sync"
"""The owner of the contacts that come this way, as in `contact.source`."""

FULL_PASS_EVERY = timedelta(hours=23)
"""What is gone shows in a full pass alone. Not 24 hours: a daily job may start a second early."""

OVERLAP = timedelta(hours=1)
"""How far before the newest row an incremental pass begins: transactions commit late, clocks differ."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What a person asks for.

    Attributes:
        full: A full pass, whether it is due or not.
        force: Delete what is gone, however much it is.
        adopt: Take over contacts that are here already and have no owner.
    """

    full: bool = False
    force: bool = False
    adopt: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class SyncReport:
    """What a sync did.

    Attributes:
        since: From when on the source was asked; None where it was asked for all.
    """

    since: datetime | None
    created: int = 0
    updated: int = 0
    restored: int = 0
    deleted: int = 0
    unchanged: int = 0
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """By what became of the contacts."""
        names = ("created", "updated", "restored", "deleted", "unchanged")
        return {**{name: getattr(self, name) for name in names}, "left_out": len(self.left_out)}


def sync_contacts(store: Store, source: ContactSource, clock: Clock, options: SyncOptions) -> SyncReport:
    """Bring the contacts of the source up to date, all of it or nothing.

    The source is read to its end before our database is touched: however slow it is, nobody waits for us.

    Raises:
        ConfigError: The query is not one that the source understands, or yields other columns.
        ContactsVanished: Most are gone; nothing was changed.
        StoreError: One of the two databases cannot be used; nothing was changed.
        SyncBusy: Another sync is at work.
    """
    with nullcontext() if options.dry_run else store.sync_lease():
        with store.reading() as uow:
            state = uow.contacts.source_state(SOURCE)
        now = clock()
        since = _since(state, source, now, options)
        read = read_rows(source.rows(since or BEGINNING))
        with store.reading() if options.dry_run else store.transaction() as uow:
            plan = _plan(uow, read, is_full=since is None, adopt=options.adopt)
            if plan.loses_too_many and not options.force:
                raise ContactsVanished(len(plan.gone), plan.owned, database=source.database)
            if not options.dry_run:
                _carry_out(uow, plan, now)
                uow.contacts.save_source_state(SOURCE, _next_state(state, source, read, since, now), now)
    return SyncReport(
        since=since,
        created=len(plan.create),
        updated=len(plan.update),
        restored=len(plan.restore),
        deleted=len(plan.delete) + len(plan.gone),
        unchanged=plan.unchanged,
        left_out=[*read.left_out, *plan.left_out],
    )


def _since(
    state: SourceState | None, source: ContactSource, now: datetime, options: SyncOptions
) -> datetime | None:
    """From when on to ask; None for a full pass."""
    if not source.is_incremental or options.full or state is None or state.newest is None:
        return None
    if state.definition != source.definition or now - state.full_at >= FULL_PASS_EVERY:
        return None
    return state.newest - OVERLAP


def _plan(uow: UnitOfWork, read: SourceContacts, *, is_full: bool, adopt: bool) -> SyncPlan:
    known = uow.contacts.known(None if is_full else read.contacts.keys())
    present = read.present if is_full else None
    plan = plan_sync(read.contacts, known, SOURCE, present=present, adopt=adopt)
    for contacts in (plan.create, plan.update, plan.restore):
        contacts[:] = [each for each in contacts if not _is_left_out(uow, each, plan)]
    return plan


def _is_left_out(uow: UnitOfWork, contact: ImportedContact, plan: SyncPlan) -> bool:
    reason = uow.contacts.objection(contact)
    if reason:
        plan.left_out.append(LeftOut(contact.external_id, reason))
    return reason is not None


def _carry_out(uow: UnitOfWork, plan: SyncPlan, now: datetime) -> None:
    for contact in (*plan.create, *plan.update, *plan.restore):
        uow.contacts.upsert_from(SOURCE, contact, now)
    uow.contacts.delete([*plan.delete, *plan.gone], now)


def _next_state(
    state: SourceState | None,
    source: ContactSource,
    read: SourceContacts,
    since: datetime | None,
    now: datetime,
) -> SourceState:
    """A row from the future (a clock that goes wrong) must not hide those that come before it."""
    newest = min(read.newest, now) if read.newest else None
    if since is None or state is None:
        return SourceState(source.definition, newest, full_at=now)
    moments = [each for each in (newest, state.newest) if each]
    return SourceState(source.definition, max(moments, default=None), state.full_at)
