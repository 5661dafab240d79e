"""An IMAP server on loopback whose inbox holds the demo's messages.

The server is pymap (the extra `mail-archiver[demo]`), in a process of its own:
the `mail-archiver run` that reads from it is one too, as with a real server.
Of its backends, `dict` keeps mail in memory and gives back the bytes it got;
`maildir` would write the messages anew through the `email` package.
"""

from __future__ import annotations

import io
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesHeaderParser
from email.utils import format_datetime, parsedate_to_datetime
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

HOST = "127.0.0.1"
USERNAME = "crm@atelier-lumen.example"
START_TIMEOUT_S = 15.0
REPLY_TIMEOUT_S = 5.0
PORT_ATTEMPTS = 3


class DemoServerFailed(Exception):
    """The demo's mail server is not installed, did not start, or refused a message. One line."""


@dataclass(frozen=True, slots=True)
class DemoMessage:
    """A message of the demo.

    Attributes:
        name: The file name without `.eml`; names sort in order of arrival.
        source: The bytes as they are on the server, with CRLF line ends.
        received_at: The INTERNALDATE to give it, time-zone aware, whole seconds.
    """

    name: str
    source: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class MailServer:
    """A running server: IMAP without TLS, on loopback, one user, one mailbox (INBOX)."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    log: Path


def is_installed() -> bool:
    """Whether pymap, the extra `mail-archiver[demo]`, is there."""
    return find_spec("pymap") is not None


def load_messages() -> list[DemoMessage]:
    """Read the messages that ship with the package, in order of arrival."""
    sources = {
        entry.name.removesuffix(".eml"): entry.read_bytes()
        for entry in files("mail_archiver.cli.demo").joinpath("messages").iterdir()
        if entry.name.endswith(".eml")
    }
    return [
        DemoMessage(name, source, _received_at(source, position))
        for position, (name, source) in enumerate(sorted(sources.items()))
    ]


def _received_at(source: bytes, position: int) -> datetime:
    """When the server got it: its own Received line, else the Date (a Sent copy has no Received).

    With neither, a date of the demo's own, an hour apart for each place in the order.
    """
    headers = BytesHeaderParser().parsebytes(source)
    for name in ("Received", "Date"):
        # str(): a header with raw 8-bit bytes comes as a Header object.
        text = str(headers.get(name, "")).rpartition(";")[2]
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            continue
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    return datetime(2026, 11, 2, 9, tzinfo=UTC) + timedelta(hours=position)


@contextmanager
def serve(messages: Sequence[DemoMessage], folder: Path) -> Iterator[MailServer]:
    """Run a server whose INBOX holds `messages`, in their order, until the block ends.

    Args:
        messages: What the inbox holds at the start; `deliver` adds more later.
        folder: An existing folder, for the server's log.

    Raises:
        DemoServerFailed: The server did not come up.
    """
    with (folder / "mailserver.log").open("ab") as log:
        server, process = _start(Path(log.name), log)
        try:
            deliver(server, messages)
            yield server
        finally:
            _stop(process)


def deliver(server: MailServer, messages: Sequence[DemoMessage]) -> None:
    """Append messages to the INBOX, as if they had just arrived.

    Raises:
        DemoServerFailed: The server refused the login or a message.
    """
    # Spoken by hand: the adapter in imap/ only ever reads, and imaplib is for that floor alone.
    with _connection(server) as stream:
        _command(server, stream, f'LOGIN "{server.username}" "{server.password}"'.encode())
        for message in messages:
            # Not strftime, whose month names follow the locale.
            _, day, month, year, clock, zone = format_datetime(message.received_at).split()
            # A literal that does not wait for the server's go-ahead (RFC 7888).
            size = len(message.source)
            append = f'APPEND INBOX "{day}-{month}-{year} {clock} {zone}" {{{size}+}}\r\n'.encode()
            _command(server, stream, append + message.source)
        _command(server, stream, b"LOGOUT")


def _start(log_path: Path, log: BinaryIO) -> tuple[MailServer, subprocess.Popen[bytes]]:
    """Start the server on a free port and wait for its greeting.

    A free port is free only at the moment of asking: when somebody else was
    quicker, the server ends at once and another port is tried.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    for _ in range(PORT_ATTEMPTS):
        # The password is new each time, so that nobody else's demo can be mistaken for ours.
        server = MailServer(HOST, _free_port(), USERNAME, secrets.token_hex(12), log_path)
        process = _launch(server, log)
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise DemoServerFailed(
                        f"the demo's mail server did not start within {START_TIMEOUT_S:.0f} s; see {log_path}"
                    )
                if _greets(server) and process.poll() is None:
                    return server, process
                time.sleep(0.05)
        except BaseException:
            _stop(process)
            raise
        _stop(process)
    raise DemoServerFailed(f"the demo's mail server ended as soon as it started; see {log_path}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _launch(server: MailServer, log: BinaryIO) -> subprocess.Popen[bytes]:
    options = ["--host", server.host, "--port", str(server.port), "--no-tls"]
    # Services that other extras of pymap bring along, each with a fixed port of its own.
    for service in ("admin", "managesieve", "swim"):
        options += ["--no-service", service]
    # Seen in the process list, the password opens a dozen invented messages, for a few seconds.
    backend = ["dict", "--demo-user", server.username, "--demo-password", server.password]
    # pymap would take these two for its own TLS certificate.
    environment = {key: value for key, value in os.environ.items() if key not in ("CERT_FILE", "KEY_FILE")}
    program = Path(__file__).with_name("server_process.py")
    # -P keeps the program's folder off the import path: no file of the demo can shadow a library.
    return subprocess.Popen(  # noqa: S603 -- our own interpreter, no shell, our own words
        [sys.executable, "-P", str(program), *options, *backend],
        stdin=subprocess.PIPE,  # its lifeline, see server_process.py
        stdout=log,
        stderr=log,
        env=environment,
        start_new_session=True,  # Ctrl-C is for us: we stop the server once `run` has let go of it
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server at once: it holds nothing worth keeping.

    Not by SIGTERM, on which pymap waits for its connections to close (Python 3.12 on).
    """
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _greets(server: MailServer) -> bool:
    try:
        with _connection(server):
            return True
    except DemoServerFailed:
        return False


@contextmanager
def _connection(server: MailServer) -> Iterator[io.BufferedRWPair]:
    try:
        with (
            socket.create_connection((server.host, server.port), timeout=REPLY_TIMEOUT_S) as connection,
            connection.makefile("rwb") as stream,
        ):
            if not stream.readline().startswith(b"* OK"):
                raise DemoServerFailed(f"the demo's mail server does not speak IMAP; see {server.log}")
            yield stream
    except OSError as error:
        raise DemoServerFailed(f"the demo's mail server does not answer; see {server.log}") from error


def _command(server: MailServer, stream: io.BufferedRWPair, command: bytes) -> None:
    """Send one command and read up to its tagged reply, which must be OK."""
    stream.write(b"a " + command + b"\r\n")
    stream.flush()
    while line := stream.readline():
        if line.startswith(b"a "):
            break
    if not line.startswith(b"a OK"):
        verb = command.split(maxsplit=1)[0].decode()
        raise DemoServerFailed(f"the demo's mail server refused {verb}; see {server.log}")
