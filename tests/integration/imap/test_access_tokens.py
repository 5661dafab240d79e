"""Logging in by an access token: how it is shown to the server, and what its answers mean."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.integration.imap.logins import SILENCE_TIMEOUT_S, plain_login
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapUser
from tests.servers.proxy import Failure, Proxy, proxy
from tests.servers.token_server import TokenServer

from mail_archiver.errors import AuthenticationRefused, ConfigError, MailArchiverError, ServerUnavailable
from mail_archiver.imap.connect import Login, log_in

MECHANISMS = pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])


class Tokens:
    """Access tokens in a row, each handed out once the one before was refused."""

    def __init__(self, mechanism: str, *tokens: str) -> None:
        self.mechanism = mechanism
        self.left = list(tokens)

    def current(self) -> str:
        return self.left.pop(0)

    def replacement(self, refused: str) -> str | None:
        assert refused not in self.left
        return self.left.pop(0) if self.left else None


@pytest.fixture
def user(dovecot: Dovecot) -> ImapUser:
    if not dovecot.takes_tokens:
        pytest.skip("a Dovecot in a container cannot ask the token server")
    return dovecot.new_user()


@pytest.fixture
def token(token_server: TokenServer, user: ImapUser) -> str:
    """One that opens the user's mail."""
    return token_server.issue_access_token(token_server.register(user.username))


@pytest.fixture
def between(dovecot: Dovecot, user: ImapUser) -> Iterator[Proxy]:
    with proxy(dovecot.host, dovecot.port) as made:
        yield made


@pytest.fixture
def login(dovecot: Dovecot, user: ImapUser, between: Proxy) -> Login:
    """By way of the proxy."""
    return between.before(plain_login(dovecot, user))


@MECHANISMS
def test_logs_in(login: Login, token: str, mechanism: str) -> None:
    with log_in(replace(login, credentials=Tokens(mechanism, token))) as session:
        assert session.examine("INBOX").exists == 0


@MECHANISMS
def test_logs_in_as_a_user_whose_name_needs_escaping(
    dovecot: Dovecot, token_server: TokenServer, login: Login, mechanism: str
) -> None:
    name = "a=b,c=2C@example.com"
    token = token_server.issue_access_token(token_server.register(name))
    tokens = Tokens(mechanism, token)
    with log_in(replace(login, username=name, credentials=tokens)) as session:
        assert session.examine("INBOX").exists == 0


@MECHANISMS
def test_tries_the_replacement_on_the_same_connection(login: Login, token: str, mechanism: str) -> None:
    with log_in(replace(login, credentials=Tokens(mechanism, "revoked", token))) as session:
        assert session.examine("INBOX").exists == 0


@MECHANISMS
def test_a_refusal_without_a_replacement_is_final(login: Login, between: Proxy, mechanism: str) -> None:
    error = failure_of(replace(login, credentials=Tokens(mechanism, "the-wrong-one")), AuthenticationRefused)
    between.wait_for_hang_up()
    assert between.sent.count(b"AUTHENTICATE") == 1
    assert "the-wrong-one" not in repr(error) + repr(error.__cause__) + error.hint


@MECHANISMS
def test_a_token_for_the_mail_of_another_user_is_refused(
    token_server: TokenServer, login: Login, mechanism: str
) -> None:
    token = token_server.issue_access_token(token_server.register("another@example.com"))
    failure_of(replace(login, credentials=Tokens(mechanism, token)), AuthenticationRefused)


def test_authenticated_but_not_connected_is_no_refusal(login: Login, between: Proxy) -> None:
    answer = b"[AUTHENTICATIONFAILED] Authentication failed."
    between.rewrite(answer, b"User is authenticated but not connected.")
    tokens = Tokens("XOAUTH2", "good", "not to be asked for")
    failure_of(replace(login, credentials=tokens), ServerUnavailable)
    assert tokens.left == ["not to be asked for"]


@pytest.mark.parametrize("failure", [Failure.CUT, Failure.STALL])
def test_a_connection_lost_while_logging_in_is_no_refusal(
    login: Login, between: Proxy, failure: Failure
) -> None:
    between.fail_at(b"AUTHENTICATE XOAUTH2", failure)
    tokens = Tokens("XOAUTH2", "good", "not to be asked for")
    lost = replace(login, credentials=tokens, timeout_s=SILENCE_TIMEOUT_S)
    failure_of(lost, ServerUnavailable)
    assert tokens.left == ["not to be asked for"]


def test_a_mechanism_that_the_server_does_not_offer_is_a_setting_to_mend(
    login: Login, between: Proxy
) -> None:
    between.rewrite(b"AUTH=XOAUTH2 ", b"")
    tokens = Tokens("XOAUTH2", "not to be asked for")
    error = failure_of(replace(login, credentials=tokens), ConfigError)
    assert error.where == "accounts.crm.oauth.mechanism"
    assert tokens.left


def failure_of(login: Login, expected: type[MailArchiverError]) -> MailArchiverError:
    """The error with which logging in fails."""
    with pytest.raises(expected) as raised, log_in(login):
        pytest.fail("logged in")
    assert type(raised.value) is expected
    return raised.value
