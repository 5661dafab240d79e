"""A TCP proxy before a server: fails it where and how a test chooses, or changes what it answers."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from threading import Condition, Thread

from mail_archiver.imap.connect import Login

HANG_UP_TIMEOUT_S = 10.0
DRIP_INTERVAL_S = 0.02
GOODBYE = b"* BYE Server shutting down.\r\n"
GARBAGE = bytes(range(255, 160, -1)) + b"\r\n"

Change = Callable[[bytes, bytes], bytes]
"""From a command, without its line end, and the server's whole answer to it: the answer to give."""


class Failure(Enum):
    """How the server fails."""

    CUT = auto()
    """The connection is closed."""
    STALL = auto()
    """The connection stays, and nothing comes any more."""
    DRIP = auto()
    """From here on the answers come octet by octet, with a pause before each."""
    BYE = auto()
    """The server says that it ends the session, and does."""
    GARBAGE = auto()
    """Some octets of no sense, in the midst of the others; over TLS they break the stream."""


@dataclass(frozen=True)
class _Fault:
    failure: Failure
    command: re.Pattern[bytes] | None
    after_octets: int
    connection: int | None


class Proxy:
    """Passes on connections, any number of them; `proxy` makes one."""

    def __init__(self, host: str, port: int) -> None:
        self.server_address = (host, port)
        self.faults: list[_Fault] = []
        self.rewrites: list[tuple[bytes, bytes]] = []
        self.changes: list[tuple[bytes, Change]] = []
        self.connections: list[_Connection] = []
        self.ended = Condition()
        self._to_refuse = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def sent(self) -> bytes:
        """What the client has sent, over all connections."""
        return b"".join(connection.sent for connection in self.connections)

    def before(self, login: Login) -> Login:
        """The same login, by way of this proxy."""
        return replace(login, host="127.0.0.1", port=self.port)

    @property
    def settings(self) -> dict[str, str]:
        """The same for an account of an installation; without TLS, as answers can be changed then."""
        return {"HOST": "127.0.0.1", "PORT": str(self.port), "SECURITY": "none"}

    def fail_at(
        self,
        command: bytes | re.Pattern[bytes],
        failure: Failure,
        *,
        after_octets: int = 0,
        connection: int | None = None,
    ) -> None:
        """Let the server fail once the client has sent this, and so many octets of the answer are through.

        Args:
            connection: Only this one, counted from 1; None for each.
        """
        words = re.compile(re.escape(command)) if isinstance(command, bytes) else command
        self.faults.append(_Fault(failure, words, after_octets, connection))

    def fail_after(self, octets: int, failure: Failure, *, connection: int | None = None) -> None:
        """As `fail_at`, so many octets after the beginning of the connection."""
        self.faults.append(_Fault(failure, None, octets, connection))

    def refuse(self, connections: int) -> None:
        """Hang up on the next so many connections at once, as while a server restarts."""
        self._to_refuse = connections

    def rewrite(self, answer: bytes, other: bytes) -> None:
        """Put another answer in the server's mouth; only for short ones, which arrive in one piece."""
        self.rewrites.append((answer, other))

    def change(self, command: bytes, change: Change) -> None:
        """Change whole answers to each command that has these words."""
        self.changes.append((command, change))

    def heal(self) -> None:
        """Let the server be as it is, from the next command on."""
        self.faults, self.rewrites, self.changes = [], [], []

    def wait_for_hang_up(self) -> None:
        """Return when the client has closed its connections."""
        with self.ended:
            closed = self.ended.wait_for(
                lambda: self.connections and all(each.is_over for each in self.connections), HANG_UP_TIMEOUT_S
            )
        assert closed, "the client keeps its connection"

    def close(self) -> None:
        """Take no connection any more."""
        with suppress(OSError):  # wakes accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(HANG_UP_TIMEOUT_S)

    def _serve(self) -> None:
        with suppress(OSError):  # until the listener is closed
            while True:
                client, _ = self._listener.accept()
                if self._to_refuse:
                    self._to_refuse -= 1
                    client.close()
                    continue
                connection = _Connection(self, client, len(self.connections) + 1)
                self.connections.append(connection)
                Thread(target=connection.serve, daemon=True).start()


class _Connection:
    """One connection of a client with the server behind the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, number: int) -> None:
        self.sent = b""
        """What the client has sent."""
        self.passed_octets = 0
        """How much of the server's answers has come through."""
        self.is_over = False
        self._proxy = proxy
        self._client = client
        self._number = number
        self._command = b""
        self._held = b""
        self._fault: _Fault | None = None
        self._octets_left = 0
        self._met: list[_Fault] = []
        self._drips = False

    def serve(self) -> None:
        """Pass on what the client says, until one of the two hangs up."""
        with self._client, suppress(OSError), socket.create_connection(self._proxy.server_address) as server:
            self._look_out()
            answers = Thread(target=self._pass_answers, args=(server,), daemon=True)
            answers.start()
            while octets := self._client.recv(65536):
                self.sent += octets
                if octets.endswith(b"\n"):
                    self._command = self.sent[:-2].rpartition(b"\n")[2]
                self._look_out()
                fault = self._fault
                if (
                    fault
                    and self._octets_left == 0
                    and fault.failure is not Failure.STALL
                    and not self._fail()
                ):
                    break
                server.sendall(octets)
            _hang_up(self._client)
            _hang_up(server)
            answers.join()
        with self._proxy.ended:
            self.is_over = True
            self._proxy.ended.notify_all()

    def _look_out(self) -> None:
        """See whether a fault is near: the first octets count from here."""
        for fault in self._proxy.faults:
            is_near = self.sent and fault.command.search(self.sent) if fault.command else not self.sent
            is_ours = fault.connection in (None, self._number)
            if is_near and is_ours and fault not in self._met and self._fault is None:
                self._met.append(fault)
                self._fault, self._octets_left = fault, fault.after_octets

    def _pass_answers(self, server: socket.socket) -> None:
        with suppress(OSError):
            while octets := server.recv(65536):
                if not self._pass(self._as_told(octets)):
                    break
        # A silent server stays so, also when it has hung up behind the proxy.
        if self._fault is None or self._fault.failure is not Failure.STALL:
            _hang_up(self._client)

    def _pass(self, octets: bytes) -> bool:
        """Pass on what the server says; returns whether anything more is to be passed on."""
        if self._fault is None:
            self._send(octets)
            return True
        first, rest = octets[: self._octets_left], octets[self._octets_left :]
        self._octets_left -= len(first)
        self._send(first)
        if self._octets_left:
            return True
        if not self._fail():
            return False
        self._send(rest)
        return True

    def _fail(self) -> bool:
        """Do what the fault in question is; returns whether the connection goes on after it."""
        failure = self._fault.failure if self._fault else None
        if failure is Failure.BYE:
            self._send(GOODBYE)
        if failure not in (Failure.DRIP, Failure.GARBAGE):
            return False
        if failure is Failure.GARBAGE:
            self._send(GARBAGE)
        self._drips = self._drips or failure is Failure.DRIP
        self._fault = None
        return True

    def _send(self, octets: bytes) -> None:
        if not self._drips:
            self._client.sendall(octets)
            self.passed_octets += len(octets)
            return
        for position in range(len(octets)):
            time.sleep(DRIP_INTERVAL_S)
            self._client.sendall(octets[position : position + 1])

    def _as_told(self, octets: bytes) -> bytes:
        """What to pass on: the very octets, or others; a whole answer at once where it is changed."""
        for answer, other in self._proxy.rewrites:
            octets = octets.replace(answer, other)
        change = next((change for words, change in self._proxy.changes if words in self._command), None)
        if change is None:
            return octets
        self._held += octets
        tag = re.escape(self._command.partition(b" ")[0])
        if not re.search(rb"(?m)^%b [^\r\n]*\r\n\Z" % tag, self._held):
            return b""
        answer, self._held = self._held, b""
        return change(self._command, answer)


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    """A proxy before a server, for the time of a block."""
    made = Proxy(host, port)
    try:
        yield made
    finally:
        made.close()


def _hang_up(peer: socket.socket) -> None:
    with suppress(OSError):
        peer.shutdown(socket.SHUT_RDWR)
