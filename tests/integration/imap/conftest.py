"""What all tests of the IMAP side share."""

import socket
from contextlib import suppress

import pytest


@pytest.fixture(autouse=True)
def acknowledge_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests 40 ms a command with GreenMail.

    It writes an answer line by line, and each line waits until the one before is acknowledged (Nagle), which
    a client of few words puts off. Linux can be told not to; that does not last, hence before each read.
    """
    if not hasattr(socket, "TCP_QUICKACK"):
        return
    read = socket.SocketIO.readinto

    def read_at_once(self: socket.SocketIO, buffer: memoryview) -> int | None:
        with suppress(OSError):  # not TCP, or closed
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # type: ignore[attr-defined]
        return read(self, buffer)

    monkeypatch.setattr(socket.SocketIO, "readinto", read_at_once)
