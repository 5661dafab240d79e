"""What a test asks of an IMAP server, whichever it is: users, deliveries, and what became of them.

The program under test shares no code with this: tests look at the server through a client
of their own.
"""

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from imapclient import IMAPClient
from imapclient.datetime_util import datetime_to_INTERNALDATE
from imapclient.exceptions import IMAPClientError

GREETING_TIMEOUT_S = 1.0
COMMAND_TIMEOUT_S = 30.0

_APPENDUID = re.compile(rb"\[APPENDUID \d+ (\d+)\]")  # RFC 4315 section 3


@dataclass(frozen=True)
class ImapUser:
    """A login that no other test has."""

    username: str
    password: str


class ImapServer(Protocol):
    """A server that runs, as the contract tests know it.

    `port` speaks plain IMAP, and STARTTLS where `supports_starttls`; `tls_port` speaks TLS
    from the first byte. The certificate is for `host` and is vouched for by `ca_file`.
    `tells_uidnext` is whether SELECT and EXAMINE answer with UIDNEXT.
    """

    name: str
    host: str
    port: int
    tls_port: int
    ca_file: Path
    supports_starttls: bool
    mailbox_prefix: str = ""
    tells_uidnext: bool = True

    def mailbox(self, name: str) -> str:
        """What a mailbox beside the inbox has to be called here (RFC 2342)."""
        return self.mailbox_prefix + name

    def new_user(self) -> ImapUser:
        """A user with an empty INBOX, another at each call."""

    def stop(self) -> None:
        """End the server and forget its mail."""

    @contextmanager
    def connect(self, user: ImapUser) -> Iterator[IMAPClient]:
        """A client that is logged in, for what the methods below do not offer."""
        client = IMAPClient(self.host, self.port, ssl=False, timeout=COMMAND_TIMEOUT_S)
        # imapclient sets 5, at which imaplib formats every literal for a log that nobody reads.
        client._imap.debug = 0
        # imaplib writes an APPEND in three parts, and would wait for an ACK between them.
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            client.login(user.username, user.password)
            yield client
        finally:
            with suppress(IMAPClientError, OSError):
                client.logout()

    def deliver(
        self,
        user: ImapUser,
        source: bytes,
        *,
        mailbox: str = "INBOX",
        received_at: datetime | None = None,
        flags: Sequence[str] = (),
    ) -> int:
        """Append a message; the mailbox is made when it is missing.

        The server gets `source` byte for byte. What it makes of a lone CR or LF, of NUL, or of
        bytes over 127 in a header is its own affair: compare with what it serves.

        Args:
            received_at: Its INTERNALDATE, with a time zone; None is now.

        Returns:
            The UID that it got.
        """
        with self.connect(user) as client:
            try:
                return _append(client, mailbox, source, received_at, flags)
            except IMAPClientError as error:
                if "TRYCREATE" not in str(error):
                    raise
            client.create_folder(mailbox)
            return _append(client, mailbox, source, received_at, flags)

    def flags(self, user: ImapUser, mailbox: str, uid: int) -> frozenset[str]:
        r"""The flags of a message, without \Recent, which tells of the session and not of the message.

        Raises:
            KeyError: There is no such message.
        """
        with self.connect(user) as client:
            client.select_folder(mailbox, readonly=True)
            found = client.get_flags([uid])[uid]
        return frozenset(flag.decode("ascii") for flag in found) - {"\\Recent"}

    def uids(self, user: ImapUser, mailbox: str = "INBOX") -> list[int]:
        """The UIDs in a mailbox, in ascending order."""
        with self.connect(user) as client:
            client.select_folder(mailbox, readonly=True)
            return sorted(client.search())


def greets(host: str, port: int) -> bool:
    """Whether an IMAP server says hello there (RFC 9051 section 7.1.1)."""
    with suppress(OSError), socket.create_connection((host, port), GREETING_TIMEOUT_S) as peer:
        return peer.recv(4) == b"* OK"
    return False


def _append(
    client: IMAPClient, mailbox: str, source: bytes, received_at: datetime | None, flags: Sequence[str]
) -> int:
    date_time = f'"{datetime_to_INTERNALDATE(received_at)}"' if received_at else None
    # Not imaplib's own append: it turns every lone CR or LF of the message into CRLF.
    client._imap.literal = source
    status, answer = client._imap._simple_command(
        "APPEND", client._normalise_folder(mailbox), f"({' '.join(flags)})", date_time
    )
    found = _APPENDUID.search(answer[0]) if status == "OK" else None
    if found is None:
        raise IMAPClientError(f"APPEND to {mailbox}: {answer[0]!r}")
    return int(found[1])
