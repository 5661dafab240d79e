"""The options that commands share."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from mail_archiver.domain.moment import parse_moment

F = TypeVar("F", bound=Callable[..., Any])


class Moment(click.ParamType[datetime]):
    """A date or a date-time, UTC unless it says otherwise."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_moment(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date such as 2026-01-31 or 2026-01-31T08:00+01:00", param, ctx)


def config_option(command: F) -> F:
    """--config"""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="TOML file with the settings.  [default: $MAIL_ARCHIVER_CONFIG]",
    )(command)


def account_option(command: F) -> F:
    """--account, repeatable"""
    return click.option(
        "--account", "accounts", multiple=True, metavar="NAME", help="Only this account.  [repeatable]"
    )(command)


def mailbox_option(command: F) -> F:
    """--mailbox, repeatable"""
    return click.option(
        "--mailbox",
        "mailboxes",
        multiple=True,
        metavar="NAME",
        help="This mailbox instead of the configured ones.  [repeatable]",
    )(command)


def json_option(command: F) -> F:
    """--json"""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON, one object a line.")(command)


def dry_run_option(command: F) -> F:
    """--dry-run"""
    return click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")(command)
