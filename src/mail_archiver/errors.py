"""What can go wrong, as one tree.

    MailArchiverError
    ├── ConfigError              a setting is missing, wrong or unknown
    ├── SourceError              the IMAP side; carries account, host and mailbox
    │   ├── AuthenticationRefused    the server does not accept the credentials
    │   ├── TlsNotTrusted            its certificate does not verify
    │   ├── MailboxUnavailable       no such mailbox, or no right to open it
    │   ├── MessageRefused           the server will not hand out this one message
    │   └── ServerUnavailable        it cannot be reached, or went away
    │       └── ServerBusy               it wants to be left alone for a while
    ├── StoreError               the database side
    │   ├── DatabaseUnavailable      it cannot be reached, went away, or is too busy
    │   ├── DatabaseUnusable         it is there and takes no rows: full, read-only, damaged
    │   ├── DatabaseRefused          wrong credentials, or no right to do this
    │   ├── SchemaMismatch           our tables are missing, old, or from a later release
    │   └── RowsRefused              the database rejects what was to be written
    ├── StorageError             a blob, or a token, cannot be written or read
    │   └── BlobLost                 this one blob is not there, or cannot be read, whatever becomes of others
    │       └── BlobDamaged              it can be read, and is not what was stored
    ├── ContactsVanished         the contact source has lost too many of its contacts to be believed
    ├── SyncBusy                 another process brings the contacts up to date
    └── AccountBusy              another process works on this account

Each error says what happened and where in fields; `hint` says what to do. The command line alone turns
them into text and an exit code. A library's own exception is the `__cause__`.

What is unavailable may be back in a moment: a command that was at work tries again (`archiving.patience`).
Nothing else that fails is tried again by the command itself.
"""


class MailArchiverError(Exception):
    """Anything that this program foresees going wrong.

    Args:
        what: What happened, one line, no secret and nothing of a message in it.
        hint: What the reader can do about it, or "".
    """

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    @property
    def where(self) -> str:
        """The place in words ("account crm, mailbox INBOX"), or ""."""
        return ""


class ConfigError(MailArchiverError):
    """A setting is missing, wrong or unknown.

    Args:
        setting: The setting as the user wrote it ("accounts.crm.host"), or "".
    """

    def __init__(self, what: str, *, setting: str = "", hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.setting = setting

    @property
    def where(self) -> str:
        return self.setting


class SourceError(MailArchiverError):
    """Something about an account's IMAP server."""

    def __init__(self, what: str, *, account: str, host: str, mailbox: str = "", hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.account = account
        self.host = host
        self.mailbox = mailbox

    @property
    def where(self) -> str:
        mailbox = f", mailbox {self.mailbox}" if self.mailbox else ""
        return f"account {self.account} at {self.host}{mailbox}"


class AuthenticationRefused(SourceError):
    """The server does not accept the credentials. Never tried again in the same run."""


class TlsNotTrusted(SourceError):
    """The server's certificate does not verify."""


class MailboxUnavailable(SourceError):
    """There is no such mailbox, or it may not be opened."""


class MessageRefused(SourceError):
    """The server answers NO to the fetch of this one message."""


class ServerUnavailable(SourceError):
    """The server cannot be reached, or the connection was lost."""


class ServerBusy(ServerUnavailable):
    """The server wants to be left alone for a while.

    Args:
        pause_s: For how long at least; 0 where it does not say.
    """

    def __init__(self, *, account: str, host: str, mailbox: str = "", pause_s: float = 0) -> None:
        super().__init__(
            "the server wants to be left alone for a while", account=account, host=host, mailbox=mailbox
        )
        self.pause_s = pause_s


class StoreError(MailArchiverError):
    """Something about the database.

    Args:
        database: Its URL without the password.
    """

    def __init__(self, what: str, *, database: str, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.database = database

    @property
    def where(self) -> str:
        return f"database {self.database}"


class DatabaseUnavailable(StoreError):
    """The database cannot be reached, went away, or others were in the way (locks, deadlocks)."""


class DatabaseUnusable(StoreError):
    """The database is there and takes no rows: it is full, read-only or damaged."""


class DatabaseRefused(StoreError):
    """The database does not accept the credentials, or they do not allow this."""


class SchemaMismatch(StoreError):
    """Our tables are missing, of an earlier release, or of a later one."""


class RowsRefused(StoreError):
    """The database rejects the rows themselves: trying again as they are is useless."""


class StorageError(MailArchiverError):
    """A blob, or an account's token, cannot be written or read.

    Args:
        storage: The storage's URL.
    """

    def __init__(self, what: str, *, storage: str, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.storage = storage

    @property
    def where(self) -> str:
        return f"storage {self.storage}"


class BlobLost(StorageError):
    """The storage can be read, and this blob is not there, or the disk does not give it back."""


class BlobDamaged(BlobLost):
    """What is stored of this blob cannot be decompressed, or not to its end."""


class ContactsVanished(MailArchiverError):
    """The contact source has lost more than half of its contacts at once: likelier a mistake than the truth.

    Args:
        gone: How many are missing, of how many there were.
        database: The source's URL without the password.
    """

    def __init__(self, gone: int, owned: int, *, database: str) -> None:
        super().__init__(
            f"{gone} of {owned} contacts are gone, nothing was changed",
            hint="Check its URL and the query; if that is right: mail-archiver contacts sync --force",
        )
        self.database = database

    @property
    def where(self) -> str:
        return f"contact source {self.database}"


class SyncBusy(MailArchiverError):
    """Another process brings the contacts up to date."""

    def __init__(self) -> None:
        super().__init__("another sync of the contacts is at work")


class AccountBusy(MailArchiverError):
    """Another process works on this account."""

    def __init__(self, account: str) -> None:
        super().__init__("another run holds the account")
        self.account = account

    @property
    def where(self) -> str:
        return f"account {self.account}"


def places(error: BaseException) -> list[str]:
    """Where an exception that nobody foresaw came from, outermost first, as "file.py:12 function".

    Never its text: that may quote a message, a password or a row.
    """
    found, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return found
