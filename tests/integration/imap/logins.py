"""How the tests log in to a server, and what every error that they provoke has to keep."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.servers.imap import ImapServer, ImapUser
from tests.servers.proxy import proxy

from mail_archiver.errors import MailArchiverError
from mail_archiver.imap.connect import Login, log_in
from mail_archiver.imap.session import ImapSession

ANSWER_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 2.0
"""For servers that never answer: the test waits as long."""


def plain_login(server: ImapServer, user: ImapUser) -> Login:
    """A login without TLS; `dataclasses.replace` makes the others of it."""
    return Login(
        account="crm",
        host=server.host,
        port=server.port,
        security="none",
        username=user.username,
        credentials=user.password,
        ca_file=None,
        timeout_s=ANSWER_TIMEOUT_S,
    )


def tls_login(server: ImapServer, user: ImapUser) -> Login:
    """A login over TLS that trusts the server."""
    return Login(
        account="crm",
        host=server.host,
        port=server.tls_port,
        security="tls",
        username=user.username,
        credentials=user.password,
        ca_file=server.ca_file,
        timeout_s=ANSWER_TIMEOUT_S,
    )


def session_of(server: ImapServer, user: ImapUser) -> AbstractContextManager[ImapSession]:
    """The user's session, as `log_in` gives it."""
    return log_in(plain_login(server, user))


@contextmanager
def answering(server: ImapServer, user: ImapUser, *rewrites: tuple[bytes, bytes]) -> Iterator[ImapSession]:
    """A session in which the server says the second of each pair for the first."""
    login = plain_login(server, user)
    with proxy(login.host, login.port) as between:
        for answer, other in rewrites:
            between.rewrite(answer, other)
        with log_in(between.before(login)) as session:
            yield session


def assert_tells(error: MailArchiverError, login: Login) -> None:
    """An error says what happened and where, and keeps the password to itself."""
    assert error.what
    assert login.account in error.where
    for told in [str(error), repr(error), error.what, error.hint, error.where, repr(vars(error))]:
        assert str(login.credentials) not in told
