"""Composition root: builds the parts from the settings. Nothing connects before it is used."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mail_archiver.archiving.drafting import Drafter
from mail_archiver.archiving.ports import MailSource, UnitOfWork
from mail_archiver.archiving.work import AccountPlan, Parts, no_progress
from mail_archiver.blobs import BlobStorage, open_blobs
from mail_archiver.config import Account, Settings, load_settings, read_contact_source
from mail_archiver.domain.address import OwnAddresses
from mail_archiver.domain.limits import Limits
from mail_archiver.domain.linking import LinkingRules
from mail_archiver.errors import ConfigError
from mail_archiver.imap.connect import TlsContexts, log_in
from mail_archiver.imap.login import AccessTokens, Login
from mail_archiver.logs import open_log
from mail_archiver.store.glance import take_glance

if TYPE_CHECKING:  # a poll that finds nothing new does not load them
    from structlog.stdlib import BoundLogger

    from mail_archiver.archiving.contact_sync import SyncOptions, SyncReport
    from mail_archiver.archiving.crm_ports import ImportTarget
    from mail_archiver.archiving.importing import ImportReport, Line, R
    from mail_archiver.oauth.authorization import Authorization
    from mail_archiver.oauth.registration import Registration
    from mail_archiver.oauth.token_file import TokenFile
    from mail_archiver.store.store import Store
    from mail_archiver.workers import Workers

MOST_WORKERS_BY_DEFAULT = 4
"""Servers limit the connections of one user, often to ten."""


class App:
    """The program's parts for one set of settings."""

    def __init__(self, settings: Settings, log: "BoundLogger") -> None:
        self.settings = settings
        self.log = log
        self._tls_contexts = TlsContexts()

    @contextmanager
    def open_store(self) -> "Iterator[Store]":
        """The database, closed at the end of the block; not looked at yet."""
        from mail_archiver.store.store import Store

        url = self.settings.database_url.get_secret_value()
        with closing(Store(url, self.settings.database_schema)) as store:
            yield store

    @contextmanager
    def open_store_as_it_is(self) -> "Iterator[Store]":
        """The database for a dry run: where the first run would make it, an empty one in memory instead.

        Raises:
            SchemaMismatch: Its tables are not of this release.
        """
        from mail_archiver.store.store import Store

        with self.open_store() as store, closing(Store("sqlite://")) as empty:
            if store.is_there:
                store.require_current()
                yield store
            else:
                empty.upgrade()
                yield empty

    def import_records(
        self, lines: "Iterable[Line[R]]", target: "Callable[[UnitOfWork], ImportTarget[R]]", *, dry_run: bool
    ) -> "ImportReport":
        """Bring the records of a file into the database (see `archiving.importing.import_records`)."""
        from mail_archiver.archiving.importing import import_records

        with self.open_store_as_it_is() if dry_run else self.open_store() as store:
            if not dry_run:
                store.prepare()
            return import_records(store, now, lines, target, dry_run=dry_run)

    def sync_contacts(self, options: "SyncOptions") -> "SyncReport":
        """Bring the contacts of the contact source up to date (see `archiving.contact_sync.sync_contacts`).

        Raises:
            ConfigError: There is none, or its settings are wrong.
        """
        from mail_archiver.archiving.contact_sync import sync_contacts
        from mail_archiver.store.contact_source import ContactSource

        settings = read_contact_source(self.settings)
        source = ContactSource(settings.url.get_secret_value(), settings.query)
        with self.open_store_as_it_is() if options.dry_run else self.open_store() as store:
            if not options.dry_run:
                store.prepare()
            report = sync_contacts(store, source, now, options)
        self.log.info("contacts.synced", **report.counts, dry_run=options.dry_run)
        return report

    def open_blobs(self) -> BlobStorage:
        """The blob storage; not looked at yet."""
        return open_blobs(self.settings.storage_url)

    def parts(self, store: "Store", progress: Callable[[int, int], None] = no_progress) -> Parts:
        """What the use cases work with."""
        patience_s, open_workers = self.settings.patience_s, self._open_workers(store.close)
        return Parts(
            lambda: store, self.open_blobs(), now, self.log, progress, patience_s, open_workers=open_workers
        )

    @contextmanager
    def parts_for_poll(self) -> Iterator[Parts]:
        """The same with a glance at the database: a store that is ready, made when something is to be done.

        Raises:
            SchemaMismatch, StoreError: It cannot be made ready (see `Store.prepare`).
        """
        url, schema = self.settings.database_url.get_secret_value(), self.settings.database_schema
        with ExitStack() as opened:

            @cache
            def open_store() -> "Store":
                store = opened.enter_context(self.open_store())
                store.prepare()
                return store

            glance = opened.enter_context(take_glance(url, schema, now()))
            if glance is None:
                open_store()

            def let_go() -> None:
                open_store().close()
                if glance:
                    glance.close()

            yield Parts(
                open_store,
                self.open_blobs(),
                now,
                self.log,
                no_progress,
                self.settings.patience_s,
                glance,
                self._open_workers(let_go),
            )

    def _open_workers(self, let_go: Callable[[], None]) -> "Callable[[], Workers] | None":
        # One more than there are cores: each waits for the disk and the database now and then.
        count = self.settings.workers or min(_cores() + 1, MOST_WORKERS_BY_DEFAULT)
        if count < 2:
            return None

        def open_workers() -> "Workers":
            from mail_archiver.workers import Workers  # when there is much to do

            return Workers(self.settings, count, let_go)

        return open_workers

    @property
    def linking_rules(self) -> LinkingRules:
        """Whom messages are linked to; the addresses of all accounts are ours."""
        settings = self.settings
        boxes = (account.username for account in settings.accounts.values())
        own = OwnAddresses.of([*boxes, *settings.own_addresses], settings.internal_domains)
        return LinkingRules(own, **settings.linking.model_dump())

    def plans(self, accounts: Sequence[str] = (), mailboxes: Sequence[str] = ()) -> list[AccountPlan]:
        """The accounts to work on, in the order of the settings.

        Args:
            accounts: Their names; empty for all.
            mailboxes: Instead of those that the settings name; empty for those.

        Raises:
            ConfigError: There is no account, or none of that name.
        """
        configured = self.settings.accounts
        if not configured:
            raise ConfigError(
                "no account is configured",
                setting="accounts",
                hint="Set MAIL_ARCHIVER_ACCOUNTS__CRM__HOST, …__USERNAME and …__PASSWORD (see .env.example).",
            )
        wanted = [name.lower() for name in accounts] or list(configured)
        for name in wanted:
            if name not in configured:
                raise ConfigError(
                    f"there is no account {name}",
                    setting="--account",
                    hint=f"Configured: {', '.join(configured)}.",
                )
        return [self._plan(name, configured[name], mailboxes) for name in wanted]

    def login(self, name: str) -> Login:
        """How to log in to a configured account."""
        account = self.settings.accounts[name]
        return Login(
            account=name,
            host=account.host,
            port=account.port,
            security=account.security,
            username=account.username,
            credentials=account.password.get_secret_value()
            if account.password
            else self._access_tokens(name),
            ca_file=account.ca_file,
            timeout_s=account.timeout_s,
            tls_fingerprint=account.tls_fingerprint,
        )

    def authorization(self, name: str) -> "Authorization":
        """A new attempt to have a person authorise the application for a configured account.

        Raises:
            ConfigError: The account does not log in by OAuth 2.0, or not on behalf of a person.
        """
        from mail_archiver.oauth.authorization import Authorization

        registration, file = self._registered(name)
        if not registration.authorize_url:
            raise ConfigError("is required for this", setting=f"accounts.{name}.oauth.authorize_url")
        return Authorization(registration, file)

    def _access_tokens(self, name: str) -> AccessTokens:
        from mail_archiver.oauth.access import SavedAccessTokens

        registration, file = self._registered(name)
        oauth = self.settings.accounts[name].oauth
        return SavedAccessTokens(registration, file, oauth.mechanism.upper() if oauth else "")

    def _registered(self, name: str) -> "tuple[Registration, TokenFile]":
        """The application that an account uses, and the file with what it was given."""
        from mail_archiver.oauth.registration import Registration
        from mail_archiver.oauth.token_file import TokenFile

        account = self.settings.accounts[name]
        oauth = account.oauth
        if oauth is None:
            raise ConfigError("the account has a password instead", setting=f"accounts.{name}.oauth")
        registration = Registration(
            account=name,
            username=account.username,
            token_url=oauth.token_url,
            authorize_url=oauth.authorize_url,
            client_id=oauth.client_id,
            client_secret=oauth.client_secret.get_secret_value() if oauth.client_secret else None,
            refresh_token=oauth.refresh_token.get_secret_value() if oauth.refresh_token else None,
            user_scope=oauth.user_scope,
            app_scope=oauth.app_scope,
            ca_file=oauth.ca_file,
            timeout_s=account.timeout_s,
        )
        return registration, TokenFile(self.settings.token_folder, name, registration.digest)

    def _plan(self, name: str, account: Account, mailboxes: Sequence[str]) -> AccountPlan:
        def open_session() -> AbstractContextManager[MailSource]:
            return log_in(self.login(name), self._tls_contexts)

        return AccountPlan(
            name=name,
            host=account.host.lower(),
            username=account.username,
            mailboxes=tuple(mailboxes or account.mailboxes),
            start=account.start,
            disposition=account.disposition,
            drafter=Drafter(
                self.linking_rules,
                Limits(**self.settings.limits.model_dump()),
                self.settings.zip_inline_images,
            ),
            log_in=open_session,
        )


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def open_app(config: Path | None = None, *, quiet: bool = False) -> App:
    """Read the settings and set up the log.

    Args:
        quiet: Log warnings and errors only.

    Raises:
        ConfigError: A setting is missing, wrong or unknown.
    """
    settings = load_settings(config)
    if quiet:
        settings = settings.model_copy(update={"log_level": "warning"})
    return App(settings, open_log(settings.log_level))
