"""`mail-archiver audit`"""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mail_archiver.cli import exits
from mail_archiver.cli.options import account_option, config_option, json_option, mailbox_option
from mail_archiver.cli.progress import progress_bar
from mail_archiver.errors import MailArchiverError
from mail_archiver.harmless import harmless_line

if TYPE_CHECKING:  # `--help` need not load what runs
    from mail_archiver.archiving.auditing import BlobAudit, MailboxAudit
    from mail_archiver.archiving.work import AccountPlan, Parts

LISTED = 20
"""How many runs of UIDs, or blobs, are named of what is missing; with --json all of them."""

_FETCH = "`mail-archiver run` archives new mail; `audit --fix` fetches whatever is missing."
_RESTORE = "`audit --fix` gets back what the servers still have; the rest has to come from a backup."
_LOST = "What the servers do not give any more has to come from a backup."
_TOO_MANY = "Is this the storage of this database? Nothing is removed."


@click.command("audit")
@click.option("--fix", is_flag=True, help="Fetch what is missing, restore what is lost, remove orphans.")
@account_option
@mailbox_option
@json_option
@config_option
def command(
    fix: bool, accounts: tuple[str, ...], mailboxes: tuple[str, ...], as_json: bool, config: Path | None
) -> int:
    """Prove that nothing is missing.

    Compares, per mailbox, the UIDs on the server with the ledger, and every stored blob with its hash. Ends
    with 0 when nothing is missing or damaged, else with 65. Mail that came since the last run counts as
    missing: run first, or let --fix fetch it. Orphans, blobs that nobody names, are what a crash leaves; they
    do no harm, and --fix removes those older than a day.
    """
    from mail_archiver.app import open_app

    app = open_app(config, quiet=sys.stderr.isatty())
    plans = app.plans(accounts, mailboxes)
    with app.open_store() as store:
        store.require_current()
        return Audit(app.parts(store), plans, app.settings.storage_url, as_json=as_json).run(fix=fix)


class Audit:
    """One audit, as it is told."""

    def __init__(
        self, parts: "Parts", plans: Sequence["AccountPlan"], storage: str, *, as_json: bool
    ) -> None:
        self._parts = parts
        self._plans = plans
        self._storage = storage
        self._as_json = as_json
        self._codes: list[int] = []
        self._failures: set[tuple[str, str]] = set()

    def run(self, *, fix: bool) -> int:
        """Look at everything, whatever fails on the way, and tell; returns the exit code.

        Args:
            fix: Mend first what can be mended; what could not, is told.
        """
        if fix:
            self._fetch()
        try:
            self._look_at_mailboxes()
            self._look_at_blobs(fix=fix)
        except MailArchiverError as error:
            self._tell_failure(error)
        return exits.worst(self._codes)

    def _fetch(self) -> None:
        from mail_archiver.archiving import accounts

        report = accounts.complete(self._parts, self._plans)
        outcomes = [(name, number) for name, number in report.tally.counts().items() if name != "links"]
        text = ", ".join(f"{number:,} {name}" for name, number in outcomes if number)
        self._tell_mended("fetched", sum(number for _, number in outcomes), text)
        self._codes.append(exits.of_report(report))
        for error in report.failures:
            if isinstance(error, MailArchiverError):
                self._tell_failure(error)

    def _look_at_mailboxes(self) -> None:
        from mail_archiver.archiving.auditing import audit_account

        for plan in self._plans:
            for mailbox in audit_account(self._parts, plan, self._tell_failure):
                self._tell_mailbox(mailbox)

    def _look_at_blobs(self, *, fix: bool) -> None:
        from mail_archiver.archiving.auditing import audit_blobs

        with progress_bar("blobs", transient=True) as progress:
            found = audit_blobs(replace(self._parts, progress=progress))
        if fix:
            try:
                self._mend(found)
            except MailArchiverError as error:  # what was found is told all the same
                self._tell_failure(error)
        self._tell_blobs(found, _LOST if fix else _RESTORE)

    def _mend(self, found: "BlobAudit") -> None:
        from mail_archiver.archiving.auditing import remove_orphans, restore_blobs

        lost = len(found.lost)
        if lost:
            restored = restore_blobs(self._parts, self._plans, found, self._tell_failure)
            self._tell_mended("restored", restored, f"{restored:,} of {_number(lost, 'lost blob')}")
        if not found.is_suspicious:
            removed = remove_orphans(self._parts, found)
            self._tell_mended(
                "removed", removed, f"{_number(removed, 'orphan')}, half-written files included"
            )

    def _tell_mailbox(self, found: "MailboxAudit") -> None:
        missing = len(found.missing)
        self._tell(
            exits.DATA_ERROR if missing else exits.DONE,
            f"account {found.account}, mailbox {found.mailbox}: {_number(found.on_server, 'message')} on the"
            f" server, {f'{missing:,} missing from' if missing else 'all in'} the ledger",
            [f"missing: {_listed(found.missing)}", _FETCH] if missing else [],
            {
                "account": found.account,
                "mailbox": found.mailbox,
                "uidvalidity": found.uidvalidity,
                "on_server": found.on_server,
                "missing_uids": list(found.missing),
            },
        )

    def _tell_blobs(self, found: "BlobAudit", advice: str) -> None:
        state = f"{len(found.missing):,} missing, {len(found.damaged):,} damaged"
        orphans = f"; {_number(len(found.orphans), 'orphan')}" if found.orphans else ""
        details = [*self._lost(found), advice] if found.lost else []
        if found.is_suspicious:
            details.append(_TOO_MANY)
        self._tell(
            exits.DATA_ERROR if found.lost else exits.DONE,
            f"storage {self._storage}: {_number(found.named, 'blob')},"
            f" {state if found.lost else 'all there and whole'}{orphans}",
            details,
            {
                "storage": self._storage,
                "blobs": found.named,
                "missing": found.missing,
                "damaged": found.damaged,
                "orphans": found.orphans,
            },
        )

    def _lost(self, found: "BlobAudit") -> Iterable[str]:
        """Lines about the first of the blobs that are lost, and whose they are."""
        with self._parts.store.reading() as uow:
            for kind, hashes in (("missing", found.missing), ("damaged", found.damaged)):
                for sha256 in hashes[:LISTED]:
                    archives = ", ".join(map(str, uow.blob_names.archives(sha256)))
                    owner = f"archive {archives}" if archives else "a quarantined message"
                    yield f"{kind}: {sha256}, of {owner}"
                if len(hashes) > LISTED:
                    yield f"{kind}: {len(hashes) - LISTED:,} more"

    def _tell_failure(self, error: MailArchiverError) -> None:
        """Tell what could not be looked at, or mended; once, however often it is met."""
        if (error.where, error.what) in self._failures:
            return
        self._failures.add((error.where, error.what))
        code = exits.code_of(error)
        self._tell(
            code,
            f"{error.where}: {error.what}",
            [error.hint] if error.hint else [],
            {"where": error.where, "error": error.what, "hint": error.hint, "exit_code": code},
        )

    def _tell(self, code: int, text: str, details: Sequence[str], fields: dict[str, object]) -> None:
        self._codes.append(code)
        if self._as_json:
            click.echo(json.dumps({"ok": code == exits.DONE, **fields}))
            return
        mark = click.style("ok", fg="green") if code == exits.DONE else click.style("NOT OK", fg="red")
        click.echo("\n        ".join([f"{mark}  {harmless_line(text)}", *map(harmless_line, details)]))

    def _tell_mended(self, what: str, number: int, text: str) -> None:
        if self._as_json:
            click.echo(json.dumps({what: number}))
        elif number:
            click.echo(f"{what}  {text}")


def _number(number: int, of: str) -> str:
    return f"{number:,} {of}{'s' if number != 1 else ''}"


def _listed(uids: Iterable[int]) -> str:
    """UIDs as IMAP writes a set (RFC 9051 section 9, sequence-set), the first few of them."""
    spans: list[list[int]] = []
    for uid in uids:
        if spans and uid == spans[-1][-1] + 1:
            spans[-1][1:] = [uid]
        else:
            spans.append([uid])
    shown = ",".join(":".join(map(str, span)) for span in spans[:LISTED])
    return f"UID {shown}{',…' if len(spans) > LISTED else ''}"
