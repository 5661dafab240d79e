"""A bar for a person who waits."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(of: str, *, transient: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, told how many of how many are done; elsewhere the log tells.

    Print nothing meanwhile: it would end up with the bar.

    Args:
        of: What is counted.
        transient: It is gone in the end.
    """
    from mail_archiver.archiving.work import no_progress

    if not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=transient) as bar:
        task = bar.add_task(of, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
