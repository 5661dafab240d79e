"""`mail-archiver authorize`"""

import sys
from contextlib import suppress
from pathlib import Path

import click

from mail_archiver.cli import exits
from mail_archiver.cli.options import config_option
from mail_archiver.harmless import harmless_line


@click.command("authorize")
@click.option("--account", required=True, metavar="NAME", help="The account, one that has an oauth table.")
@config_option
def command(account: str, config: Path | None) -> int:
    """Let a person authorise the application to read an account's mail (OAuth 2.0).

    Prints an address to open in a browser, on any machine, and asks for the address where the browser ends.
    The refresh token that this is worth is kept in the token folder; `run` uses it from then on.
    """
    from mail_archiver.app import open_app
    from mail_archiver.oauth.authorization import WrongAddress

    app = open_app(config)
    (plan,) = app.plans([account])
    authorization = app.authorization(plan.name)
    username = harmless_line(plan.username)
    click.echo(
        f"Open this address in a browser, log in as {username} or a person who may open its mailbox,\n"
        f"and consent:\n\n{authorization.address}\n\n"
        "The browser ends at an address that begins with http://localhost and does not open: that is fine.\n"
        "Paste this address here:"
    )
    try:
        path = authorization.finish(_read_line())
    except WrongAddress as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Kept in {harmless_line(str(path))}. Now try: mail-archiver check --account {plan.name}")
    return exits.DONE


def _read_line() -> str:
    if sys.stdin.isatty():
        with suppress(ImportError):
            import readline  # noqa: F401 a terminal's own lines end at 4,095 octets: codes may be longer
    try:
        return input()
    except (EOFError, UnicodeDecodeError):
        return ""
