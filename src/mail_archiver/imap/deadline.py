"""A connection whose server has to answer in time, as a whole: not only with an octet now and then."""

import imaplib
import io
import socket
import ssl
import time

from imapclient import IMAPClient

SILENCES_AN_ANSWER = 10
"""An answer may take as long as this many silences that would each be too long by a hair, and no longer."""

OCTETS_IN_TIME = 1024 * 1024
"""A long answer has the same time again for each of these: a slow line is no failure."""

LONGEST_LINE_OCTETS = 1_000_000
LONGEST_LITERAL_OCTETS = 2**31 - 1
"""For more than this no memory is set aside."""


class BoundedClient(IMAPClient):  # type: ignore[misc]
    """A client over such a connection.

    Args:
        context: For TLS from the first octet on; None to begin without.
        timeout_s: Seconds of silence after which the server counts as gone.
    """

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, timeout_s: float) -> None:
        self._context = context
        self._timeout_s = timeout_s
        super().__init__(host, port, ssl=context is not None, ssl_context=context, timeout=timeout_s)

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 imapclient's name
        return _Connection(self.host, self.port, self._context, self._timeout_s)


class _Connection(imaplib.IMAP4):
    """Reads and writes through methods that imaplib leaves to be overridden, from the greeting on."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, timeout_s: float) -> None:
        self._context = context
        self._timeout_s = timeout_s
        super().__init__(host, port, timeout_s)

    @property
    def sock(self) -> socket.socket:
        """Set again by STARTTLS: what was read ahead by then came from anybody, and is dropped."""
        return self._sock

    @sock.setter
    def sock(self, connected: socket.socket) -> None:
        self._sock = connected
        self._answers = _Answers(connected, self._timeout_s)
        self._buffered = io.BufferedReader(self._answers)

    def read(self, size: int) -> bytes:
        if size > LONGEST_LITERAL_OCTETS:
            raise self.abort(f"a literal of {size} octets")
        return self._buffered.read(size)

    def readline(self) -> bytes:
        line = self._buffered.readline(LONGEST_LINE_OCTETS + 1)
        if len(line) > LONGEST_LINE_OCTETS:
            raise self.error(f"got more than {LONGEST_LINE_OCTETS} bytes")
        return line

    def send(self, data: bytes) -> None:  # type: ignore[override]
        self._answers.expect()
        super().send(data)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        connected: socket.socket = super()._create_socket(timeout)  # type: ignore[misc]
        if self._context is None:
            return connected
        return self._context.wrap_socket(connected, server_hostname=self.host)


class _Answers(io.RawIOBase):
    """The octets that come from a server.

    A socket's time-out is for each read: a server that sends an octet just before would never meet it.
    """

    def __init__(self, connected: socket.socket, timeout_s: float) -> None:
        self._socket = connected
        self._timeout_s = timeout_s
        self.expect()

    def expect(self) -> None:
        """Something is being sent; from now on time is running."""
        self._due_s = time.monotonic() + SILENCES_AN_ANSWER * self._timeout_s
        self._octets = 0
        self._socket.settimeout(self._timeout_s)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        left_s = self._due_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer takes too long")
        if left_s < self._timeout_s:
            self._socket.settimeout(left_s)
        received = self._socket.recv_into(buffer)
        self._octets += received
        if self._octets >= OCTETS_IN_TIME:
            self.expect()
        return received
