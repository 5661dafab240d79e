"""A TCP proxy before a server: fails it at a chosen command, or lets it answer as other servers do."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import Enum, auto
from threading import Event, Thread

from mail_archiver.imap.connect import Login

HANG_UP_TIMEOUT_S = 10.0


class Failure(Enum):
    """How the server fails."""

    CUT = auto()
    """The connection is closed."""
    STALL = auto()
    """The connection stays, and nothing comes any more."""


class Proxy:
    """Passes on one connection; `proxy` makes one."""

    def __init__(self, host: str, port: int) -> None:
        self._server_address = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._rewrites: list[tuple[bytes, bytes]] = []
        self._failure: tuple[bytes, Failure, int] | None = None
        self._octets_left: int | None = None
        self._hung_up = Event()
        self.sent = b""
        """What the client has sent."""
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def before(self, login: Login) -> Login:
        """The same login, by way of this proxy."""
        host, port = self._listener.getsockname()
        return replace(login, host=host, port=port)

    def fail_at(self, command: bytes, failure: Failure, *, after_octets: int = 0) -> None:
        """Let the server fail once the client has sent this, and so many octets of the answer are through."""
        self._failure = (command, failure, after_octets)

    def rewrite(self, answer: bytes, other: bytes) -> None:
        """Put another answer in the server's mouth; only for short ones, which arrive in one piece."""
        self._rewrites.append((answer, other))

    def wait_for_hang_up(self) -> None:
        """Return when the client has closed the connection."""
        assert self._hung_up.wait(HANG_UP_TIMEOUT_S), "the client keeps its connection"

    def close(self) -> None:
        """Take no connection any more."""
        with suppress(OSError):  # wakes accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(HANG_UP_TIMEOUT_S)

    def _serve(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # closed without having been used
            return
        with client, suppress(OSError), socket.create_connection(self._server_address) as server:
            answers = Thread(target=self._pass_answers, args=(server, client), daemon=True)
            answers.start()
            while octets := client.recv(65536):
                self.sent += octets
                if self._failure and self._octets_left is None and self._failure[0] in self.sent:
                    self._octets_left = self._failure[2]
                if self._octets_left == 0 and self._is_cut:
                    break
                server.sendall(octets)
            _hang_up(client)
            _hang_up(server)
            answers.join()
        self._hung_up.set()

    def _pass_answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while octets := server.recv(65536):
                for answer, other in self._rewrites:
                    octets = octets.replace(answer, other)
                if self._octets_left is not None:
                    octets = octets[: self._octets_left]
                    self._octets_left -= len(octets)
                client.sendall(octets)
                if self._octets_left == 0 and self._is_cut:
                    break
        # A silent server stays so, also when it has hung up behind the proxy.
        if self._octets_left != 0 or self._is_cut:
            _hang_up(client)

    @property
    def _is_cut(self) -> bool:
        return self._failure is not None and self._failure[1] is Failure.CUT


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
