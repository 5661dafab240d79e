"""What the commands that import a file share: reading it, and telling what came of it."""

import json
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import click

from mail_archiver.archiving.importing import ImportReport
from mail_archiver.cli import exits
from mail_archiver.harmless import harmless_line

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods are zips; .xls

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def read_octets(file: Path) -> bytes:
    """The file's bytes."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise click.BadParameter(f"cannot be read: {error.strerror}") from error


def csv_lines(content: bytes) -> StringIO:
    """The lines of a CSV file in UTF-8."""
    if content.startswith(_WORKBOOKS):
        raise click.BadParameter("a workbook of a spreadsheet, not CSV; save it as CSV UTF-8")
    try:
        return StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"not UTF-8 (octet {error.start}); save it as CSV UTF-8") from error


def tell(report: ImportReport, file: Path, *, dry_run: bool, as_json: bool) -> int:
    """Say what an import did; returns the exit code."""
    code = exits.DATA_ERROR if report.bad_lines or report.bad_addresses else exits.DONE
    if as_json:
        answer = asdict(report)
        for name in ("bad_lines", "bad_addresses"):
            answer[name] = [{"line": bad["number"], "reason": bad["reason"]} for bad in answer[name]]
        click.echo(json.dumps(answer))
        return code
    for bad in report.bad_addresses:
        click.echo(harmless_line(f"{file}:{bad.number}: {bad.reason}; the rest comes in"))
    for bad in report.bad_lines:
        click.echo(harmless_line(f"{file}:{bad.number}: {bad.reason}; left out"))
    would_be = "would be " if dry_run else ""
    counts = [f"{report.created} {would_be}created", f"{report.updated} {would_be}updated"]
    if report.unchanged:
        counts.append(f"{report.unchanged} unchanged")
    if report.without_address:
        counts.append(f"{report.without_address} without an address left out")
    if report.bad_lines:
        lines = "line" if len(report.bad_lines) == 1 else "lines"
        counts.append(f"{len(report.bad_lines)} bad {lines} left out")
    click.echo(", ".join(counts) + ".")
    return code
