"""Other processes that use the same database: where a test needs more than a second connection."""

import multiprocessing
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from typing import Any

from tests.integration.store.messages import begin_epoch, record

from mail_archiver.domain.draft import Draft
from mail_archiver.domain.mailbox_state import MailboxKey
from mail_archiver.store.store import Store

TIMEOUT_S = 60.0

# Not forked: a child must not inherit the connections of the test.
_CONTEXT = multiprocessing.get_context("spawn")


def run_together(target: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> list[int | None]:
    """Call a module's function in several processes that begin at the same moment.

    Returns:
        Their exit codes: 0 where the function returned.
    """
    barrier = _CONTEXT.Barrier(len(arguments))
    processes = [_CONTEXT.Process(target=_begin, args=(barrier, target, each)) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(TIMEOUT_S)
        process.kill()
        process.join()
    return [process.exitcode for process in processes]


@contextmanager
def running(target: Callable[..., None], *arguments: object) -> Iterator[BaseProcess]:
    """Another process that calls a module's function while the block runs; see `running_and_sent`."""
    with running_and_sent(target, *arguments) as (process, _sent):
        yield process


@contextmanager
def running_and_sent(target: Callable[..., None], *arguments: object) -> Iterator[tuple[BaseProcess, Any]]:
    """Another process that calls a module's function while the block runs, and what it sends first.

    Args:
        target: Takes one end of a pipe before its arguments, sends something when it is about its work, and
            ends when the other end closes.
    """
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=target, args=(theirs, *arguments))
    process.start()
    theirs.close()
    try:
        sent = ours.recv()  # EOFError: it ended instead
        yield process, sent
    finally:
        ours.close()
        process.join(TIMEOUT_S)
        process.kill()
        process.join()


def holding(url: str, lease: str, account: str) -> AbstractContextManager[BaseProcess]:
    """Another process that holds a lease, named as the method of `Store`, while the block runs."""
    return running(hold, url, lease, account)


def hold(pipe: Connection, url: str, lease: str, account: str) -> None:
    """Hold a lease until the other end closes."""
    with getattr(Store(url), lease)(account):
        pipe.send("held")
        pipe.poll(None)


def hold_beside_a_child(pipe: Connection, url: str, account: str) -> None:
    """Hold the lease of a run, with a child that has inherited all it can, until the other end closes.

    The child, whose number is sent, outlives it until somebody ends it.
    """
    with Store(url).run_lease(account):
        child = subprocess.Popen(["sleep", str(10 * TIMEOUT_S)], close_fds=False)
        pipe.send(child.pid)
        pipe.poll(None)


def take_turns(pipe: Connection, url: str, account: str) -> None:
    """Take turn after turn of a backfill, without a pause, until the other end closes."""
    store = Store(url)
    with store.backfill_turn(account):
        pipe.send("the first turn")
    while not pipe.poll():
        with store.backfill_turn(account):
            pass


def upgrade(url: str) -> None:
    """Bring the tables of a database to this release."""
    store = Store(url)
    store.upgrade()
    store.require_current()


def record_batches(url: str, key: MailboxKey, batches: Sequence[Sequence[Draft]]) -> None:
    """Record batches, each in a transaction of its own, in an epoch of one's own."""
    store = Store(url)
    epoch = begin_epoch(store, key)
    for batch in batches:
        record(store, epoch, *batch)


def _begin(barrier: Barrier, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    barrier.wait(TIMEOUT_S)
    target(*arguments)
