"""The command line: one module for each command, loaded when it is called."""

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from mail_archiver import __version__
from mail_archiver.cli.exits import failed, stopped
from mail_archiver.cli.strays import keep_out_strays

COMMANDS = {
    "run": "Archive the new messages; what cron starts.",
    "backfill": "Archive the messages received in a span of time, of any age.",
    "retry": "Try the messages in quarantine again, at once.",
    "audit": "Prove that nothing is missing; or find and fetch what is.",
    "check": "Tell whether the settings, the servers and the storage are fine.",
    "authorize": "Let a person authorise the application to read an account's mail (OAuth 2.0).",
    "db": "Create the tables, or bring them up to date.",
    "contacts": "Bring contacts in, and find those that are missing.",
    "organizations": "Bring organizations in.",
    "opportunities": "Bring opportunities in.",
    "explain": "Explain whom an archive is linked to, and why.",
    "link": "Link an archive to contacts by hand.",
    "unlink": "Unlink an archive from contacts by hand.",
    "relink": "Link what is there to contacts that came later, at once.",
    "show": "Show one archive record, its original, its HTML or its attachments.",
    "demo": "Show the whole job here and now, with no mail account at hand.",
}
"""Each command with its line in the list, so that the list loads none of them."""


class LazyCommands(click.Group):
    """Imports a command's module when the command is called: cron pays only for `run`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"mail_archiver.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # of which click makes this too, after an empty line on standard error
            raise click.Abort from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mail-archiver")
def cli() -> None:
    """Archive the mail of a generic inbox into the CRM, and link it to the contacts.

    Settings come from the environment (MAIL_ARCHIVER_…), from .env in the working directory, and from a TOML
    file (--config or MAIL_ARCHIVER_CONFIG). Answers go to standard output, the log to standard error.
    """


def main() -> NoReturn:
    """Run the command line; raises SystemExit with the command's exit code."""
    keep_out_strays()
    try:
        code = cli.main(standalone_mode=False)
        if sys.stdout:  # none where who started us has closed it
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = 64
    except (click.Abort, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is ending: pressed again, there is nothing to stop
        code = stopped()
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our answer has left: nothing more to say
        code = 0
    except Exception as error:  # noqa: BLE001 the last stop: text and an exit code, never a traceback
        code = failed(error)
    sys.exit(code)


def program() -> NoReturn:
    """As `main`, in a process of its own, which ends at once.

    All that must be closed is closed by now. Python would take apart every module that it has loaded, which
    takes longer than a poll talks to both servers.
    """
    try:
        main()
    except SystemExit as end:
        with suppress(OSError, ValueError, AttributeError):  # what was said before something failed
            sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 0)
