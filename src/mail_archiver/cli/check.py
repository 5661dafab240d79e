"""`mail-archiver check`"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from mail_archiver.app import App, open_app
from mail_archiver.cli import exits
from mail_archiver.cli.options import account_option, config_option, json_option
from mail_archiver.errors import MailArchiverError
from mail_archiver.harmless import harmless_line
from mail_archiver.imap.probe import probe


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: "settings", "account crm", "database" or "storage".
        step: What of it, such as "login"; the failed step's when it is not fine.
        hint: What to do, or "".
    """

    subject: str
    step: str
    text: str
    hint: str = ""
    exit_code: int = exits.DONE


@click.command("check")
@account_option
@json_option
@config_option
def command(accounts: tuple[str, ...], as_json: bool, config: Path | None) -> int:
    """Tell whether the settings, the servers and the storage are fine, and what to do where not.

    Looks, and changes nothing: neither on the server nor in the database.
    """
    codes = []
    for finding in _look(accounts, config):
        codes.append(finding.exit_code)
        click.echo(_as_json(finding) if as_json else _as_text(finding))
    return exits.worst(codes)


def _look(accounts: tuple[str, ...], config: Path | None) -> Iterator[Finding]:
    try:
        app = open_app(config)
        plans = app.plans(accounts)
    except MailArchiverError as error:
        yield _failure("settings", "settings", error)
        return
    names = ", ".join(plan.name for plan in plans)
    yield Finding("settings", "settings", f"{len(plans)} account{'s' if len(plans) > 1 else ''}: {names}")
    for plan in plans:
        yield from _look_at_account(app, plan.name, plan.mailboxes)
    yield from _attempt("database", "database", lambda: _look_at_database(app))
    yield from _attempt("storage", "storage", lambda: _look_at_storage(app))


def _look_at_account(app: App, name: str, mailboxes: tuple[str, ...]) -> Iterator[Finding]:
    subject, step = f"account {name}", "connection"
    following = {"DNS": "connection", "connection": "login", "login": "mailbox", "mailbox": "mailbox"}
    try:
        for step, text in probe(app.login(name), mailboxes, app.settings.accounts[name].disposition):
            yield Finding(subject, step, text)
            step = following.get(step, step)  # noqa: PLW2901 the step that fails is the one after
    except MailArchiverError as error:
        yield _failure(subject, step, error)


def _look_at_database(app: App) -> str:
    with app.open_store() as store:
        if not store.is_there:
            return f"{store.database} is not there yet; the first run makes it"
        if store.is_sqlite and store.revision() is None:
            return f"{store.database} is empty; the first run makes the tables"
        store.require_current()
        return f"{store.database}, tables of revision {store.revision()}"


def _look_at_storage(app: App) -> str:
    blobs = app.open_blobs()
    blobs.check()
    return f"{blobs.url} can be written"


def _attempt(subject: str, step: str, look: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield Finding(subject, step, look())
    except MailArchiverError as error:
        yield _failure(subject, step, error)


def _failure(subject: str, step: str, error: MailArchiverError) -> Finding:
    where = f" ({error.where})" if error.where and subject == "settings" else ""
    return Finding(subject, step, f"{error.what}{where}", error.hint, exits.code_of(error))


def _as_text(finding: Finding) -> str:
    fine = finding.exit_code == exits.DONE
    mark = click.style("ok", fg="green") if fine else click.style("NOT OK", fg="red")
    step = f", {finding.step}" if finding.step != finding.subject else ""
    hint = f"\n        {harmless_line(finding.hint)}" if finding.hint else ""
    return f"{mark}  {harmless_line(f'{finding.subject}{step}: {finding.text}')}{hint}"


def _as_json(finding: Finding) -> str:
    return json.dumps(
        {
            "subject": finding.subject,
            "step": finding.step,
            "ok": finding.exit_code == exits.DONE,
            "text": finding.text,
            "hint": finding.hint,
            "exit_code": finding.exit_code,
        }
    )
