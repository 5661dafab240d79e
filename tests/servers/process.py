"""Servers as child processes: on free ports, waited for until they answer, gone when the session is."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypedDict, TypeVar

START_TIMEOUT_S = 30.0
STOP_GRACE_S = 10.0
POLL_INTERVAL_S = 0.01
START_ATTEMPTS = 3

Server = TypeVar("Server")


class Unavailable(Exception):
    """A server cannot run on this machine; the message names what is missing."""


class ServerFailed(Exception):
    """A server that is installed did not start; the message ends with what it logged."""


class Identity(TypedDict, total=False):
    """The arguments of `subprocess` that say who a child runs as; none of them, for who runs the tests."""

    user: int
    group: int
    extra_groups: list[int]


class ServerProcess:
    """A server in the foreground, as our child.

    It is out of reach of the terminal's Ctrl-C, so that it is alive until the fixtures
    stop it, and is ended by the kernel should the test session be killed.
    """

    def __init__(self, command: Sequence[str | Path], *, log: Path, identity: Identity | None = None) -> None:
        """Start it, in the folder of `log`, which takes its output."""
        self._log = log
        self._is_stopped = False
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_ended_with_parent(), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                start_new_session=True,
                **(identity or {}),
            )

    def wait_until(self, answers: Callable[[], bool]) -> None:
        """Return when it answers.

        Raises:
            ServerFailed: It ended instead, or has not answered in time; it is then stopped.
        """
        is_ready = False
        try:
            is_ready = answered(answers, lambda: self._process.poll() is not None)
        finally:  # Ctrl-C too
            if not is_ready:
                self.stop()
        if not is_ready:
            raise ServerFailed(f"{self._process.args!r}: {self._log.read_text(errors='replace')[-4000:]}")

    def stop(self, request: signal.Signals = signal.SIGTERM) -> None:
        """End it, politely first; what it leaves behind in its process group goes too."""
        if self._is_stopped:
            return
        self._is_stopped = True  # from here on its process group's number may be somebody else's
        if self._process.poll() is None:
            self._process.send_signal(request)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def answered(answers: Callable[[], bool], has_ended: Callable[[], bool]) -> bool:
    """Wait until a server answers: False when it ended instead, or has not in time."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not has_ended() and time.monotonic() < deadline:
        # Asked once more, since it may be another's server that answers on a port that ours did not get.
        if answers() and not has_ended():
            return True
        time.sleep(POLL_INTERVAL_S)
    return False


def start_on_free_ports(count: int, start: Callable[[list[int]], Server]) -> Server:
    """Start a server on ports that nobody has, and again on others when somebody was faster.

    Args:
        start: Starts it on these ports and waits; raises ServerFailed when one is taken.
    """
    for _ in range(START_ATTEMPTS - 1):
        try:
            return start(free_ports(count))
        except ServerFailed as failure:
            if "already in use" not in str(failure):
                raise
    return start(free_ports(count))


def free_ports(count: int) -> list[int]:
    """Different loopback TCP ports, free a moment ago."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def identity_of(user: str) -> Identity:
    """What makes a child run as this user; only root may."""
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _ended_with_parent() -> list[str]:
    # util-linux's setpriv sets PR_SET_PDEATHSIG without Python code between fork and exec.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
