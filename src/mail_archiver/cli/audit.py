"""`mail-archiver audit`"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mail_archiver.cli import exits
from mail_archiver.cli.options import account_option, config_option, json_option, mailbox_option
from mail_archiver.errors import MailArchiverError

if TYPE_CHECKING:  # `--help` need not load what runs
    from mail_archiver.archiving.auditing import BlobAudit, MailboxAudit
    from mail_archiver.archiving.work import AccountPlan, Parts

UIDS_SHOWN = 20

_SUSPICION = "blobs that nobody names are left: is this the storage of this database?"


@click.command("audit")
@click.option("--fix", is_flag=True, help="Fetch what is missing, and remove blobs that nobody names.")
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
    missing: run first, or let --fix fetch it. Blobs that nobody names, as a crash leaves them, do no harm.
    """
    from mail_archiver.app import open_app

    app = open_app(config)
    plans = app.plans(accounts, mailboxes)
    with app.open_store() as store:
        store.require_current()
        audit = Audit(app.parts(store), plans, as_json=as_json)
        if fix:
            audit.fix()
        return audit.look()


class Audit:
    """One audit, as it is told."""

    def __init__(self, parts: "Parts", plans: Sequence["AccountPlan"], *, as_json: bool) -> None:
        self._parts = parts
        self._plans = plans
        self._as_json = as_json
        self._codes: list[int] = []

    def fix(self) -> None:
        """Mend what can be mended; what cannot, the look afterwards tells."""
        from mail_archiver.archiving import accounts, auditing

        report = accounts.complete(self._parts, self._plans)
        self._codes.append(exits.of_report(report))
        self._tell("fetched", report.tally.archived + report.tally.duplicate, "missing messages fetched")
        try:
            found = auditing.audit_blobs(self._parts)
            if found.lost:
                left = auditing.restore_blobs(self._parts, self._plans, found)
                self._tell("restored", len(found.lost) - len(left.lost), "blobs restored")
            if found.is_suspicious:
                self._tell("not_removed", len(found.orphans), _SUSPICION)
            else:
                removed = auditing.remove_orphans(self._parts, found)
                self._tell("removed", removed, "blobs and leftovers removed that nobody names")
        except MailArchiverError as error:
            self._codes.append(exits.failed(error))

    def look(self) -> int:
        """Tell every difference; returns the exit code."""
        from mail_archiver.archiving import auditing

        for plan in self._plans:
            try:
                for mailbox in auditing.audit_account(self._parts, plan):
                    self._tell_mailbox(mailbox)
            except MailArchiverError as error:  # the other accounts can be looked at
                self._codes.append(exits.failed(error))
        self._tell_blobs(auditing.audit_blobs(self._parts))
        return exits.worst(self._codes)

    def _tell_mailbox(self, found: "MailboxAudit") -> None:
        where = f"account {found.account}, mailbox {found.mailbox}"
        self._difference(
            len(found.missing),
            f"{where}: {found.on_server} messages on the server, {len(found.missing) or 'none'} missing",
            f" ({_listed(found.missing)})" if found.missing else "",
            {
                "account": found.account,
                "mailbox": found.mailbox,
                "uidvalidity": found.uidvalidity,
                "on_server": found.on_server,
                "missing_uids": list(found.missing),
            },
        )

    def _tell_blobs(self, found: "BlobAudit") -> None:
        lost = len(found.lost)
        orphans = f", {len(found.orphans)} that nobody names" if found.orphans else ""
        self._difference(
            lost,
            f"storage: {found.named} blobs, {len(found.missing) or 'none'} missing,"
            f" {len(found.damaged) or 'none'} damaged{orphans}",
            "",
            {
                "blobs": found.named,
                "missing": found.missing,
                "damaged": found.damaged,
                "orphans": found.orphans,
            },
        )
        if lost and not self._as_json:
            with self._parts.store.reading() as uow:
                for kind, hashes in (("missing", found.missing), ("damaged", found.damaged)):
                    for sha256 in hashes:
                        named = (
                            ", ".join(map(str, uow.blob_names.archives(sha256))) or "a quarantined message"
                        )
                        click.echo(f"        {kind} {sha256}, of archive {named}")

    def _difference(self, number: int, text: str, details: str, fields: dict[str, object]) -> None:
        if number:
            self._codes.append(exits.DATA_ERROR)
        if self._as_json:
            click.echo(json.dumps({"ok": not number, **fields}))
        else:
            mark = click.style("NOT OK", fg="red") if number else click.style("ok", fg="green")
            click.echo(f"{mark}  {text}{details}")

    def _tell(self, what: str, number: int, text: str) -> None:
        click.echo(json.dumps({what: number}) if self._as_json else f"{number} {text}")


def _listed(uids: Iterable[int]) -> str:
    """UIDs as IMAP writes a set (RFC 9051 section 9, sequence-set), the first few of them."""
    spans: list[list[int]] = []
    for uid in uids:
        if spans and uid == spans[-1][-1] + 1:
            spans[-1][1:] = [uid]
        else:
            spans.append([uid])
    shown = ",".join(":".join(map(str, span)) for span in spans[:UIDS_SHOWN])
    return f"UID {shown}{',…' if len(spans) > UIDS_SHOWN else ''}"
