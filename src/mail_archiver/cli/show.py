"""`mail-archiver show`"""

import hashlib
import io
import json
import shutil
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import click

from mail_archiver.app import App, open_app
from mail_archiver.blobs import BlobStorage
from mail_archiver.blobs.key import blob_key
from mail_archiver.cli import exits
from mail_archiver.cli.finding import find_archive
from mail_archiver.cli.options import config_option, json_option
from mail_archiver.cli.record_text import record_lines
from mail_archiver.domain.record import ArchiveRecord
from mail_archiver.errors import BlobDamaged
from mail_archiver.harmless import harmless, harmless_line

_HTML_CHARSET = '<meta charset="utf-8">'  # a browser that is told nothing takes a file for windows-1252


@click.command("show")
@click.argument("archive")
@json_option
@click.option("--html", "as_html", is_flag=True, help="The HTML body alone, made harmless, for a browser.")
@click.option("--source", "as_source", is_flag=True, help="The original's bytes alone, as they were fetched.")
@click.option("--attachments", "as_file", is_flag=True, help="The attachment file's bytes alone.")
@config_option
def command(
    archive: str, as_json: bool, as_html: bool, as_source: bool, as_file: bool, config: Path | None
) -> int:
    """Show one archive record: ARCHIVE is its id, or a Message-ID.

    What it says, whom it is linked to and why, what it holds, what was broken in it, by which roads it came
    and where its original is; then its text. The exit code is 65 when the bytes of --source or --attachments
    turn out not to be those that were stored.
    """
    if as_json + as_html + as_source + as_file > 1:
        raise click.UsageError("--json, --html, --source and --attachments exclude each other")
    if (as_source or as_file) and sys.stdout.isatty():
        raise click.ClickException(
            "these bytes may hold anything, also what steers a terminal: redirect them to a file or a pipe"
        )
    app = open_app(config)
    record, blobs = _find(app, archive), app.open_blobs()
    if as_source:
        return _write_blob(blobs, record.source_sha256)
    if as_file:
        if record.attachments_sha256 is None:
            raise click.ClickException(f"archive {record.id} has no attachment file")
        return _write_blob(blobs, record.attachments_sha256)
    if as_html:
        sys.stdout.buffer.write(_html(record).encode("utf-8"))
    elif as_json:
        click.echo(_json(record, blobs.url))
    else:
        _print(record, blobs.url)
    return exits.DONE


def _find(app: App, name: str) -> ArchiveRecord:
    with app.open_store() as store:
        store.require_current()
        return find_archive(store, name)


def _write_blob(blobs: BlobStorage, sha256: str) -> int:
    """Write a blob's bytes; whether they are those that were stored is known only at the end."""
    output, digest = sys.stdout.buffer, hashlib.sha256()
    with suppress(BlobDamaged):  # as its hash will tell
        for piece in blobs.pieces(sha256):
            digest.update(piece)
            output.write(piece)
    output.flush()
    if digest.hexdigest() == sha256:
        return exits.DONE
    click.echo(
        f"Error: the blob {sha256} in {harmless_line(blobs.url)} is damaged: what was written has the SHA-256"
        f" {digest.hexdigest()}. Restore it from a backup.",
        err=True,
    )
    return exits.DATA_ERROR


def _print(record: ArchiveRecord, storage_url: str) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # mail has characters that a locale may lack
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in record_lines(record, storage_url, width):
        click.echo(line)


def _html(record: ArchiveRecord) -> str:
    """The HTML body made harmless; of a message that has none, its text as it stands."""
    from mail_archiver.mime.html import sanitize_html

    if record.body_html is None:
        body = f"<pre>{escape(record.body_text or '', quote=False)}</pre>"
    else:
        body = sanitize_html(record.body_html)
    return f"{_HTML_CHARSET}\n{harmless(body)}\n"


def _json(record: ArchiveRecord, storage_url: str) -> str:
    file = record.attachments_sha256
    fields = {
        **asdict(record),
        "storage_url": storage_url,
        "source_key": blob_key(record.source_sha256, compressed=True),
        "attachments_key": blob_key(file) if file else None,
    }
    return json.dumps(fields, default=_iso_8601)


def _iso_8601(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(type(value).__name__)
