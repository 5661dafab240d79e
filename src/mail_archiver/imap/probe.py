"""Step by step from a host's name to an open mailbox, for `check`."""

import socket
from collections.abc import Iterator, Sequence

from mail_archiver.domain.disposition import Action, Disposition
from mail_archiver.imap.authenticate import authenticate
from mail_archiver.imap.connect import connection, reported
from mail_archiver.imap.login import Login
from mail_archiver.imap.session import ImapSession


def probe(login: Login, mailboxes: Sequence[str], disposition: Disposition) -> Iterator[tuple[str, str]]:
    """Each step that succeeds, with what was found; nothing on the server is changed.

    Raises:
        ConfigError, SourceError: The step after the last one yielded fails.
    """
    yield "DNS", f"{login.host} is {', '.join(_resolve(login))}"
    with connection(login) as client:
        protocol = client.socket().version() if login.security != "none" else None
        yield "connection", f"port {login.port}, {protocol or 'not encrypted'}"
        authenticate(client, login)
        yield "login", f"as {login.username}"
        session = ImapSession(client, login.account, login.host)
        for mailbox in mailboxes:
            status = session.examine(mailbox)
            yield "mailbox", f"{mailbox} holds {status.exists} messages"
        if disposition.action is Action.MOVE and disposition.mailbox not in session.mailboxes():
            session.check_name(disposition.mailbox)
            yield "disposition", f"{disposition.mailbox} is not there yet and will be made"


def _resolve(login: Login) -> list[str]:
    with reported(login):
        found = socket.getaddrinfo(login.host, login.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))
