"""What `--dry-run` prints."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from mail_archiver.app import App
from mail_archiver.archiving.preview import Preview, Previewer
from mail_archiver.archiving.work import AccountPlan
from mail_archiver.cli import exits
from mail_archiver.cli.explained import explained
from mail_archiver.domain.fetch_plan import Window
from mail_archiver.errors import MailArchiverError
from mail_archiver.harmless import harmless_line


def show_preview(
    app: App, plans: Sequence[AccountPlan], window: Window | None = None, *, as_json: bool
) -> int:
    """Print what would become of each message; the exit code is that of the first account that fails."""
    codes = []
    with app.open_store_as_it_is() as store:
        previewer = Previewer(app.parts(store), window)
        for plan in plans:
            try:
                for preview in previewer.account(plan):
                    click.echo(json.dumps(_as_object(preview)) if as_json else _as_text(preview))
            except MailArchiverError as error:
                codes.append(exits.failed(error))
    return exits.worst(codes)


def _as_object(preview: Preview) -> dict[str, object]:
    return {
        "account": preview.account,
        "mailbox": preview.mailbox,
        "uid": preview.uid,
        "outcome": preview.outcome,
        "subject": preview.subject,
        "attachments_name": preview.attachments_name,
        "links": [
            {"contact_id": link.contact_id, "role": link.role, "address": link.address, "rule": link.rule}
            for link in preview.links
        ],
        "explanation": [asdict(each) for each in preview.explanation],
    }


def _as_text(preview: Preview) -> str:
    return "\n".join(map(harmless_line, _lines(preview)))


def _lines(preview: Preview) -> Iterator[str]:
    subject = "(no subject)" if preview.subject is None else preview.subject
    yield f"{preview.account}/{preview.mailbox} {preview.uid}: would be {preview.outcome}: {subject}"
    if preview.attachments_name:
        yield f"    attachments: {preview.attachments_name}"
    for each in preview.explanation:
        yield f"    {explained(each)}"
