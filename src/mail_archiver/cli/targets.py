"""The options by which a command names contacts, organizations and opportunities."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mail_archiver.cli.finding import find_target
from mail_archiver.domain.linking import Target

if TYPE_CHECKING:
    from mail_archiver.store.store import Store

C = TypeVar("C", bound=Callable[..., Any])

Named = dict[Target, tuple[str, ...]]


def target_options(command: C) -> C:
    """`--contact`, `--organization`, `--opportunity`; the command takes them as its last three arguments."""
    for target, known_by in (
        (Target.OPPORTUNITY, "external_id or name"),
        (Target.ORGANIZATION, "external_id, name or address"),
        (Target.CONTACT, "external_id or address"),
    ):
        option = click.option(f"--{target}", multiple=True, help=f"Its id, {known_by}; repeatable.")
        command = option(command)
    return command


def named(contact: tuple[str, ...], organization: tuple[str, ...], opportunity: tuple[str, ...]) -> Named:
    """What the options name."""
    return {
        Target.CONTACT: contact,
        Target.ORGANIZATION: organization,
        Target.OPPORTUNITY: opportunity,
    }


def found(store: "Store", names: Named) -> Iterator[tuple[Target, int]]:
    """The ids of what is named.

    Raises:
        ClickException: There is none of a name, or there are several.
    """
    for target, each in names.items():
        for name in each:
            yield target, find_target(store, target, name).id
