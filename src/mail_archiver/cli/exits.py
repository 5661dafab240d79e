"""Where an error becomes text and an exit code (sysexits(3), as mail software has them)."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from mail_archiver.errors import (
    AccountBusy,
    AuthenticationRefused,
    ConfigError,
    ContactsVanished,
    DatabaseRefused,
    MailArchiverError,
    MailboxUnavailable,
    SchemaMismatch,
    SourceError,
    StorageError,
    StoreError,
    SyncBusy,
    TlsNotTrusted,
    places,
)
from mail_archiver.harmless import harmless_line

if TYPE_CHECKING:  # `--help` need not load what runs
    from mail_archiver.archiving.accounts import Report

DONE, USAGE, DATA_ERROR, UNAVAILABLE, BUG = 0, 64, 65, 69, 70
CANNOT_CREATE, TRY_AGAIN, TLS, REFUSED, CONFIG = 73, 75, 76, 77, 78
STOPPED = 130  # as a shell has it for Ctrl-C

# From the particular to the general: the first that fits counts.
_CODES: tuple[tuple[type[Exception], int], ...] = (
    (ConfigError, CONFIG),
    (MailboxUnavailable, CONFIG),
    (SchemaMismatch, CONFIG),
    (AuthenticationRefused, REFUSED),
    (DatabaseRefused, REFUSED),
    (TlsNotTrusted, TLS),
    (StorageError, CANNOT_CREATE),
    (SourceError, UNAVAILABLE),
    (StoreError, UNAVAILABLE),
    (ContactsVanished, DATA_ERROR),
    (SyncBusy, TRY_AGAIN),
    (AccountBusy, TRY_AGAIN),
)

_ORDER = (BUG, CONFIG, REFUSED, TLS, CANNOT_CREATE, UNAVAILABLE, DATA_ERROR, TRY_AGAIN, USAGE, DONE)


def code_of(error: Exception) -> int:
    """The exit code of one error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), BUG)


def worst(codes: Iterable[int]) -> int:
    """Of several exit codes the one that counts."""
    return min(codes, key=_ORDER.index, default=DONE)


def failed(error: Exception) -> int:
    """Tell what stopped a command: a line for a person on a terminal, a line of the log elsewhere."""
    code = code_of(error)
    if isinstance(error, MailArchiverError):
        what, where, hint = error.what, error.where, error.hint
    else:
        what, where = f"a bug: {type(error).__name__}", " <- ".join(reversed(places(error)[-6:]))
        hint = "Please report it; nothing that was committed is lost."
    if sys.stderr.isatty():
        _tell_person(": ".join(filter(None, (where, what))) + (f". {hint}" if hint else ""))
    else:
        from mail_archiver.logs import open_log

        open_log("error").error("command.failed", what=what, where=where, hint=hint, exit_code=code)
    return code


def stopped() -> int:
    """Tell, likewise, that somebody has stopped a command."""
    what = "stopped; what was committed stays, the next run goes on from there"
    if sys.stderr.isatty():
        _tell_person(what)
    else:
        from mail_archiver.logs import open_log

        open_log("warning").warning("command.stopped", what=what, exit_code=STOPPED)
    return STOPPED


def _tell_person(text: str) -> None:
    click.secho("mail-archiver: ", fg="red", nl=False, err=True)
    click.echo(harmless_line(text), err=True)


def of_report(report: "Report") -> int:
    """The exit code of a command that worked on accounts."""
    codes = [code_of(error) for error in report.failures]
    if report.tally.quarantined:
        codes.append(TRY_AGAIN)
    return worst(codes)
