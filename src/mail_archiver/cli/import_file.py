"""What the commands that import a file share: reading it, and telling what came of it."""

import json
from io import StringIO
from pathlib import Path

import click

from mail_archiver.archiving.importing import ImportReport
from mail_archiver.cli import exits
from mail_archiver.harmless import harmless_line

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def read_octets(file: Path) -> bytes:
    """The file's bytes."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise click.BadParameter(f"cannot be read: {error.strerror}") from error


def csv_lines(content: bytes) -> StringIO:
    """The lines of a CSV file in UTF-8."""
    try:
        return StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"not UTF-8 (octet {error.start}); save it as CSV UTF-8") from error


def tell(report: ImportReport, file: Path, *, dry_run: bool, as_json: bool) -> int:
    """Say what an import did; returns the exit code."""
    code = exits.DATA_ERROR if report.bad_lines else exits.DONE
    if as_json:
        bad_lines = [{"line": bad.number, "reason": bad.reason} for bad in report.bad_lines]
        click.echo(json.dumps({"created": report.created, "updated": report.updated, "bad_lines": bad_lines}))
        return code
    for bad in report.bad_lines:
        click.echo(harmless_line(f"{file}:{bad.number}: {bad.reason}; left out"))
    would_be = "would be " if dry_run else ""
    bad_count = f", {len(report.bad_lines)} bad lines left out" if report.bad_lines else ""
    click.echo(f"{report.created} {would_be}created, {report.updated} {would_be}updated{bad_count}.")
    return code
