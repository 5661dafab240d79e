"""`mail-archiver demo`"""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import click

from mail_archiver.app import App, open_app
from mail_archiver.cli import exits

SETTINGS = """\
# Written by `mail-archiver demo`. The demo's mail server is gone by now; the archive is not.
database_url = "sqlite:///crm.db"
storage_url = "file:blobs"
internal_domains = ["atelier-lumen.example"]

[accounts.crm]
host = "{host}"
port = {port}
security = "none"
username = "{username}"
password = "{password}"
"""


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put the archive; must not exist.  [default: mail-archiver-demo, or the next free name]",
)
def command(folder: Path | None) -> int:
    """Show the whole job here and now, with no mail account at hand.

    Starts an IMAP server on loopback with fourteen messages of a small company, imports its contacts, runs
    `mail-archiver run` twice, and shows what is in the archive then.
    """
    from mail_archiver.cli.demo.mailserver import DemoServerFailed, is_installed, load_messages, serve

    if not is_installed():
        raise click.UsageError("the demo needs a mail server: install the extra mail-archiver[demo]")
    folder = _fresh_folder(folder)
    contacts = folder / "contacts.csv"
    contacts.write_bytes(files("mail_archiver.cli.demo").joinpath("contacts.csv").read_bytes())
    settings = folder / "mail-archiver.toml"
    try:
        with serve(load_messages(), folder) as server:
            settings.touch(mode=0o600)
            settings.write_text(
                SETTINGS.format(
                    host=server.host, port=server.port, username=server.username, password=server.password
                ),
                encoding="utf-8",
            )
            _say(f"An IMAP server with fourteen messages listens on {server.host}:{server.port}.")
            for step, arguments in (
                ("First, the contacts of the CRM:", ["contacts", "import", str(contacts)]),
                ("Now what cron would do:", ["run"]),
                ("And again, as cron will in five minutes; nothing happens twice:", ["run"]),
            ):
                _say(f"\n{step}")
                code = _mail_archiver(arguments, settings)
                if code != exits.DONE:
                    return code
    except DemoServerFailed as error:
        click.echo(f"mail-archiver: {error}", err=True)
        return exits.UNAVAILABLE
    _show_archive(open_app(settings, quiet=True))
    _show_where_to_look(folder)
    return exits.DONE


def _fresh_folder(wanted: Path | None) -> Path:
    folder, nth = wanted or Path("mail-archiver-demo"), 1
    while True:
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            if wanted:
                raise click.BadParameter("exists already", param_hint="--folder") from None
            nth += 1
            folder = Path(f"mail-archiver-demo-{nth}")
        except OSError as error:
            raise click.BadParameter(f"cannot be made: {error.strerror}", param_hint="--folder") from None
        else:
            return folder


def _mail_archiver(arguments: list[str], settings: Path) -> int:
    """Run the real command, as a process of its own."""
    _say(f"$ mail-archiver {' '.join(arguments)} --config {settings}", bold=True)
    command = [sys.executable, "-m", "mail_archiver", *arguments, "--config", str(settings)]
    return subprocess.run(command, check=False).returncode  # noqa: S603 our own command


def _show_archive(app: App) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title="\nThe archive", title_justify="left", expand=True)
    for column, ratio in (
        ("Received", None),
        ("Subject", 5),
        ("Linked to", 4),
        ("Attachment file", 4),
    ):
        table.add_column(column, ratio=ratio, overflow="fold")
    blobs = app.open_blobs()
    with app.open_store() as store:
        for archive in store.list_archives():
            copies = f" ({archive.roads} copies)" if archive.roads > 1 else ""
            file = ""
            if archive.attachments_sha256:
                octets = len(blobs.get(archive.attachments_sha256))
                file = f"{archive.attachments_name}\n{octets:,} octets"
            table.add_row(
                f"{archive.received_at:%d %b %H:%M}" if archive.received_at else "",
                Text((archive.subject or "") + copies),
                Text("\n".join(archive.contacts) or "nobody the CRM knows"),
                Text(file),
            )
    Console().print(table)


def _show_where_to_look(folder: Path) -> None:
    _say("\nWhere to look next", bold=True)
    sql = "SELECT subject, sent_at, defects FROM archive"
    _say(f"  the tables        {folder}/crm.db     e.g. sqlite3 {folder}/crm.db '{sql}'")
    _say(f"  the originals     {folder}/blobs      each under its SHA-256, beside the attachment files")
    _say(f"  the settings      {folder}/mail-archiver.toml")
    _say("  your own mailbox  copy .env.example to .env, fill in the credentials, run: mail-archiver check")


def _say(text: str, *, bold: bool = False) -> None:
    click.secho(text, bold=bold)
    sys.stdout.flush()  # before the next process writes
