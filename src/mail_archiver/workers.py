"""Processes that archive a large mailbox side by side, each with IMAP session and database connection.

To read messages takes longest, and one process has one core. A worker is given portions of UIDs, and does
with them what the main process would; the watermark moves there, in order. Where a worker cannot go on, for
whatever reason, the main process does the portion itself, and knows what to do about the reason.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from mail_archiver.app import App
from mail_archiver.archiving.interruptions import Interruptions
from mail_archiver.archiving.opened import OpenedMailbox
from mail_archiver.archiving.patience import Patience
from mail_archiver.archiving.work import Tally
from mail_archiver.config import Settings
from mail_archiver.domain.fetch_plan import Window
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.errors import MailArchiverError, places
from mail_archiver.logs import open_log

_END_WAIT_S = 30.0
"""How long a worker that is not needed any more may take to end by itself."""


class Workers:
    """Implements `archiving.ports.Workers`.

    Args:
        count: How many processes.
    """

    def __init__(self, settings: Settings, count: int) -> None:
        self.count = count
        self._settings = settings

    @contextmanager
    def at(self, epoch: Epoch) -> Iterator["Team"]:
        """See the port."""
        # Not forked: a copy of this process would have its connections too.
        context = multiprocessing.get_context("spawn")
        pipes: list[Connection] = []
        processes: list[SpawnProcess] = []
        try:
            for _ in range(self.count):
                ours, theirs = context.Pipe()
                process = context.Process(target=serve, args=(theirs, self._settings, epoch), daemon=True)
                process.start()
                theirs.close()  # or its end would not be heard of
                pipes.append(ours)
                processes.append(process)
            yield Team(pipes)
        finally:
            for pipe in pipes:
                pipe.close()
            for process in processes:
                process.join(_END_WAIT_S)
                process.kill()


class Team:
    """Implements `archiving.ports.Team`: the workers at one mailbox, each at the other end of a pipe."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._idle = list(pipes)

    def archive(self, portions: Sequence[Sequence[int]], window: Window | None) -> Iterator[Tally | None]:
        """See the port."""
        waiting = deque(range(len(portions)))
        busy: dict[Connection, int] = {}
        results: dict[int, Tally | None] = {}
        for wanted in range(len(portions)):
            while wanted not in results:
                while waiting and self._idle:
                    pipe, number = self._idle.pop(), waiting.popleft()
                    busy[pipe] = number
                    with suppress(OSError):  # it is gone, and will not answer
                        pipe.send((portions[number], window))
                if not busy:  # all of them are gone
                    results.update(dict.fromkeys(waiting))
                    waiting.clear()
                    break
                ready = wait(list(busy))
                for pipe in [each for each in busy if each in ready]:
                    number = busy.pop(pipe)
                    try:
                        results[number] = pipe.recv()
                        self._idle.append(pipe)
                    except (EOFError, OSError):
                        results[number] = None
            yield results.pop(wanted)


def serve(pipe: Connection, settings: Settings, epoch: Epoch) -> None:
    """Be a worker: archive the portions that come through a pipe, until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who stops the main process with it closes the pipe
    app = App(settings, open_log(settings.log_level).bind(worker=os.getpid()))
    log = app.log.bind(account=epoch.key.account, mailbox=epoch.key.name)
    try:
        _serve(pipe, app, epoch)
    except (EOFError, BrokenPipeError):
        pass
    except MailArchiverError as error:
        log.warning("worker.stopped", what=error.what, where=error.where, hint=error.hint)
    except Exception as error:  # noqa: BLE001 the main process meets it again, and isolates it
        log.warning("worker.stopped", error=type(error).__name__, at=places(error))


def _serve(pipe: Connection, app: App, epoch: Epoch) -> None:
    [plan] = app.plans([epoch.key.account], [epoch.key.name])
    patience, interruptions = Patience(0), Interruptions(epoch.id)
    with app.open_store() as store, plan.log_in() as source:
        parts = app.parts(store)
        status = source.examine(epoch.key.name)
        while status.uidvalidity == epoch.uidvalidity:
            portion, window = pipe.recv()
            tally = Tally()
            opened = OpenedMailbox(parts, plan, source, status, epoch, tally, patience, interruptions)
            opened.archive_portion(portion, window)
            pipe.send(tally)
