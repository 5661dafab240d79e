"""A Dovecot with the mail, and a PostgreSQL that is as durable as any: both real, both private."""

import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from imapclient.datetime_util import datetime_to_INTERNALDATE
from tests.servers import dovecot as dovecot_server
from tests.servers import postgres as postgres_server
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapUser
from tests.servers.postgres import Postgres

from benchmarks.corpus import Corpus, Message, messages

_BATCH = 200
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Mailbox:
    """The INBOX of a user, full."""

    server: Dovecot
    user: ImapUser
    messages: int
    octets: int


@dataclass(frozen=True)
class Servers:
    """All that runs, and a folder on the same disk for what the contestants write."""

    dovecot: Dovecot
    postgres: Postgres
    folder: Path

    def filled(self, corpus: Corpus, *seeds: int) -> Mailbox:
        """A new user's mailbox with all of a corpus, once for each seed; one, if none is given."""
        user = self.dovecot.new_user()
        everything = chain.from_iterable(messages(corpus, seed) for seed in seeds or [1])
        count, octets = _append(self.dovecot, user, everything)
        return Mailbox(self.dovecot, user, count, octets)

    def copied(self, mailbox: Mailbox) -> Mailbox:
        """The same mail for another user: for who deletes what was read."""
        user = self.dovecot.new_user()
        source = ["user", mailbox.user.username, "mailbox", "INBOX", "ALL"]
        self.dovecot.doveadm("copy", "-u", user.username, "INBOX", *source)
        return Mailbox(self.dovecot, user, mailbox.messages, mailbox.octets)

    def empty(self) -> Mailbox:
        """A new user's mailbox."""
        return Mailbox(self.dovecot, self.dovecot.new_user(), 0, 0)

    def removed(self, mailbox: Mailbox) -> None:
        """Empty a mailbox that is needed no more."""
        self.dovecot.doveadm("expunge", "-u", mailbox.user.username, "mailbox", "INBOX", "ALL")


@contextmanager
def servers(parent: Path) -> Iterator[Servers]:
    """Start both in a folder of their own.

    Args:
        parent: On the disk that is to be measured; a short path that other users can pass through.
    """
    with tempfile.TemporaryDirectory(prefix="mail-archiver-", dir=parent, ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o711)
        for name in ("dovecot", "postgres", "homes"):
            (folder / name).mkdir()
        dovecot = dovecot_server.start(folder / "dovecot")
        try:
            postgres = postgres_server.start(folder / "postgres", durable=True)
            try:
                yield Servers(dovecot, postgres, folder / "homes")
            finally:
                postgres.stop()
        finally:
            dovecot.stop()


def _append(server: Dovecot, user: ImapUser, source: Iterable[Message]) -> tuple[int, int]:
    """Append many messages in few commands (RFC 3502, RFC 7888); returns how many, and their octets."""
    count = octets = 0
    remaining = iter(source)
    with (
        socket.create_connection((server.host, server.port), _TIMEOUT_S) as peer,
        peer.makefile("rb") as answers,
    ):
        answers.readline()
        _command(peer, answers, f'LOGIN "{user.username}" "{user.password}"'.encode())
        while batch := list(islice(remaining, _BATCH)):
            literals = [
                b' "%s" {%d+}\r\n%s'
                % (datetime_to_INTERNALDATE(each.received_at).encode(), len(each.source), each.source)
                for each in batch
            ]
            _command(peer, answers, b"APPEND INBOX" + b"".join(literals))
            count += len(batch)
            octets += sum(len(each.source) for each in batch)
        _command(peer, answers, b"LOGOUT")
    return count, octets


def _command(peer: socket.socket, answers: Iterable[bytes], command: bytes) -> None:
    peer.sendall(b"a " + command + b"\r\n")
    for line in answers:
        if line.startswith(b"a "):
            assert line.startswith(b"a OK"), line
            return
    raise ConnectionError("the server has hung up")
