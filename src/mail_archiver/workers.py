"""Processes that archive a large mailbox side by side, each with IMAP session and database connection.

To read messages takes longest, and one process has one core. A worker is given portions of UIDs, and does
with them what the main process does with others; the watermark moves there, in order. Where a worker cannot
go on, for whatever reason, the main process does the portion itself, and knows what to do about the reason.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess, SpawnProcess
from pathlib import Path

from mail_archiver.app import App
from mail_archiver.archiving import attachment_file, forwarded  # noqa: F401 once for all copies
from mail_archiver.archiving.interruptions import Interruptions
from mail_archiver.archiving.opened import OpenedMailbox
from mail_archiver.archiving.patience import Patience
from mail_archiver.archiving.work import Tally
from mail_archiver.config import Settings
from mail_archiver.domain.fetch_plan import Window
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.errors import MailArchiverError, places
from mail_archiver.logs import open_log
from mail_archiver.mime import parse  # noqa: F401 likewise
from mail_archiver.store.database import read_url, sqlite_file

_END_WAIT_S = 30.0
"""How long a worker that is not needed any more may take to end by itself."""


class Workers:
    """Implements `archiving.ports.Workers`.

    Args:
        count: How many processes, this one included.
        let_go: Closes the connections to the database, which are opened again when they are needed.
    """

    def __init__(self, settings: Settings, count: int, let_go: Callable[[], None]) -> None:
        self._settings = settings
        self._count = count
        self._let_go = let_go

    @contextmanager
    def at(self, epoch: Epoch) -> Iterator["Team"]:
        """See the port."""
        fork, spawn = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")
        context = fork if self._may_fork() else spawn
        pipes: list[Connection] = []
        processes: list[ForkProcess | SpawnProcess] = []
        try:
            for _ in range(self._count - 1):
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

    def _may_fork(self) -> bool:
        """Whether a copy of this process can work: it is there at once, where a new one has all to load.

        Threads are not copied, so what they were about to do never comes to an end there. And a copy of an
        open SQLite database takes the locks of the process that it was copied from for its own.
        """
        threads = Path("/proc/self/task")
        if not threads.is_dir() or len(list(threads.iterdir())) > 1:
            return False
        url = read_url(self._settings.database_url.get_secret_value())
        if url.get_backend_name() != "sqlite":
            return True
        self._let_go()
        files = {f"{(sqlite_file(url) or Path()).resolve()}{suffix}" for suffix in ("", "-wal", "-shm")}
        return not any(_target(handle) in files for handle in Path("/proc/self/fd").iterdir())


def _target(handle: Path) -> str | None:
    """The file that a descriptor is open on; None where it is none, or closed by now."""
    with suppress(OSError):
        return str(handle.readlink())
    return None


class Team:
    """Implements `archiving.ports.Team`: the workers at one mailbox, each at the other end of a pipe."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._given: dict[Connection, deque[int]] = {pipe: deque() for pipe in pipes}

    @property
    def size(self) -> int:
        """See the port."""
        return 1 + len(self._given)

    def archive(
        self, portions: Sequence[Sequence[int]], window: Window | None
    ) -> Iterator[tuple[int, Tally | None]]:
        """See the port."""
        waiting = deque(range(len(portions)))
        while waiting or any(self._given.values()):
            for pipe, number in self._give(waiting):
                with suppress(OSError):  # it is gone, and will not answer
                    pipe.send((portions[number], window))
            if waiting:
                yield waiting.popleft(), None
            busy = [pipe for pipe, given in self._given.items() if given]
            ready = wait(busy, 0 if waiting else None) if busy else []
            for pipe in [each for each in busy if each in ready]:
                try:
                    tally = pipe.recv()
                except (EOFError, OSError):
                    for number in self._given.pop(pipe):
                        yield number, None
                else:
                    yield self._given[pipe].popleft(), tally

    def _give(self, waiting: deque[int]) -> Iterator[tuple[Connection, int]]:
        """One portion for each worker, and one more for it to go on with while we do ours.

        The latter not towards the end, where a portion might wait for a worker while another has none.
        """
        for held in range(2):
            for pipe, given in self._given.items():
                if len(given) == held and len(waiting) > held * self.size:
                    given.append(waiting.popleft())
                    yield pipe, given[-1]


def serve(pipe: Connection, settings: Settings, epoch: Epoch) -> None:
    """Be a worker: archive the portions that come through a pipe, until its other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who stops the main process with it closes the pipe
    _leave_to_the_main_process(but=pipe)
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


def _leave_to_the_main_process(*, but: Connection) -> None:
    """Have none of the files and connections that were copied: those of a process that dies must end with it.

    Each is put out of reach, not closed: who has it here would close its number again, with another's file.
    """
    folder, nowhere = Path("/proc/self/fd"), os.open(os.devnull, os.O_RDWR)
    for each in [int(file.name) for file in folder.iterdir()] if folder.is_dir() else ():
        if each > 2 and each not in (but.fileno(), nowhere):
            os.dup2(nowhere, each, inheritable=False)


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
