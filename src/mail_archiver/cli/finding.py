"""Archives and contacts by the names that a person has for them; not exactly one is one clear line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mail_archiver.cli.record_text import moment
from mail_archiver.domain.linking import Target
from mail_archiver.domain.record import ArchiveRecord, Namesake
from mail_archiver.harmless import harmless_line

if TYPE_CHECKING:
    from mail_archiver.store.finding import Found
    from mail_archiver.store.store import Store

_SUBJECT_SHOWN = 60


def find_archive(store: "Store", name: str) -> ArchiveRecord:
    """The archive of that id or Message-ID.

    Raises:
        ClickException: There is none, or there are several.
    """
    name = name.encode("utf-8", "replace").decode()  # what is no UTF-8 names nothing
    found = store.show_archive(name)
    if isinstance(found, ArchiveRecord):
        return found
    raise click.ClickException(_not_one(name, found))


def find_target(store: "Store", target: Target, name: str) -> "Found":
    """The contact, organization or opportunity that is called so (see `store.finding.find`).

    Raises:
        ClickException: There is none, or there are several.
    """
    name = name.encode("utf-8", "replace").decode()
    found = store.find(target, name)
    if len(found) == 1:
        return found[0]
    shown = harmless_line(name)
    if not found:
        raise click.ClickException(f"there is no {target} {shown}")
    plural = f"{target.removesuffix('y')}ies" if target.endswith("y") else f"{target}s"
    lines = (f"  {each.id}  {harmless_line(each.name)}" for each in found)
    raise click.ClickException("\n".join([f"{len(found)} {plural} are called {shown}; which id?", *lines]))


def _not_one(name: str, found: Sequence[Namesake]) -> str:
    shown = harmless_line(name)
    if not found:
        return f"there is no archive {shown}"
    lines = (f"  {each.id}  {moment(each.received_at)}  {_shortened(each.subject)}" for each in found)
    return "\n".join([f"{len(found)} archives have the Message-ID {shown}; which id?", *lines])


def _shortened(subject: str | None) -> str:
    if subject is None:
        return "(no subject)"
    cut = subject if len(subject) <= _SUBJECT_SHOWN else f"{subject[: _SUBJECT_SHOWN - 1]}…"
    return harmless_line(cut)
