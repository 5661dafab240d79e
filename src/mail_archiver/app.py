"""Composition root: builds the parts from the settings. Nothing connects before it is used."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from structlog.stdlib import BoundLogger

from mail_archiver.archiving.drafting import Drafter
from mail_archiver.archiving.ports import MailSource
from mail_archiver.archiving.work import AccountPlan, Parts, no_progress
from mail_archiver.blobs import BlobStorage, open_blobs
from mail_archiver.config import Account, Settings, load_settings
from mail_archiver.domain.address import OwnAddresses
from mail_archiver.domain.limits import Limits
from mail_archiver.errors import ConfigError
from mail_archiver.imap.connect import Login, log_in
from mail_archiver.logs import open_log
from mail_archiver.store.store import Store


class App:
    """The program's parts for one set of settings."""

    def __init__(self, settings: Settings, log: BoundLogger) -> None:
        self.settings = settings
        self.log = log

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        """The database, closed at the end of the block; not looked at yet."""
        url = self.settings.database_url.get_secret_value()
        with closing(Store(url, self.settings.database_schema)) as store:
            yield store

    @contextmanager
    def open_store_as_it_is(self) -> Iterator[Store]:
        """The database for a dry run: where the first run would make it, an empty one in memory instead.

        Raises:
            SchemaMismatch: Its tables are not of this release.
        """
        with self.open_store() as store, closing(Store("sqlite://")) as empty:
            if store.is_there:
                store.require_current()
                yield store
            else:
                empty.upgrade()
                yield empty

    def open_blobs(self) -> BlobStorage:
        """The blob storage; not looked at yet."""
        return open_blobs(self.settings.storage_url)

    def parts(self, store: Store, progress: Callable[[int, int], None] = no_progress) -> Parts:
        """What the use cases work with."""
        return Parts(
            store,
            self.open_blobs(),
            lambda: datetime.now(UTC),
            self.log,
            progress,
            self.settings.patience_s,
        )

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
            password=account.password.get_secret_value(),
            ca_file=account.ca_file,
            timeout_s=account.timeout_s,
        )

    def _plan(self, name: str, account: Account, mailboxes: Sequence[str]) -> AccountPlan:
        def open_session() -> AbstractContextManager[MailSource]:
            return log_in(self.login(name))

        return AccountPlan(
            name=name,
            host=account.host.lower(),
            username=account.username,
            mailboxes=tuple(mailboxes or account.mailboxes),
            start=account.start,
            disposition=account.disposition,
            drafter=Drafter(
                OwnAddresses.of(
                    [account.username, *self.settings.own_addresses], self.settings.internal_domains
                ),
                Limits(**self.settings.limits.model_dump()),
                self.settings.zip_inline_images,
            ),
            log_in=open_session,
        )


def open_app(config: Path | None = None, *, quiet: bool = False) -> App:
    """Read the settings and set up the log.

    Args:
        quiet: Log warnings and errors only.

    Raises:
        ConfigError: A setting is missing, wrong or unknown.
    """
    settings = load_settings(config)
    return App(settings, open_log("warning" if quiet else settings.log_level))
