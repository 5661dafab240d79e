"""Logging in, by a password or by an access token; a refusal told from a server that cannot serve now."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from mail_archiver.errors import AuthenticationRefused, ConfigError, ServerBusy, ServerUnavailable
from mail_archiver.imap.answers import asked_pause_s, asks_to_come_back
from mail_archiver.imap.login import AccessTokens, Login

# What a word of a command cannot hold unless it is quoted (RFC 9051 section 9, atom), as far as servers mind.
_TO_BE_QUOTED = re.compile(r'[\s"(){]')


def authenticate(client: IMAPClient, login: Login) -> None:
    """Log in with the account's credentials (see `connect.log_in` for what it raises)."""
    if isinstance(login.credentials, str):
        _log_in_by_password(client, login, login.credentials)
    else:
        _log_in_by_token(client, login, login.credentials)


def _log_in_by_password(client: IMAPClient, login: Login, password: str) -> None:
    words = login.username + password
    with _reported(
        login,
        "the server refuses the user name or password",
        "Check username and password; some providers want an app password.",
    ):
        # LOGIN is in ASCII, and ends with its line; AUTHENTICATE PLAIN takes UTF-8 (RFC 4616).
        if client.has_capability("LOGINDISABLED") or not (words.isascii() and words.isprintable()):
            client.plain_login(login.username, password)
        else:
            client.login(_quoted(login.username), password)


def _log_in_by_token(client: IMAPClient, login: Login, tokens: AccessTokens) -> None:
    if not client.has_capability(f"AUTH={tokens.mechanism}"):
        raise ConfigError(
            f"the server does not offer {tokens.mechanism}",
            setting=f"accounts.{login.account}.oauth.mechanism",
            hint="Try the other of xoauth2 and oauthbearer, or a password.",
        )
    token: str | None = tokens.current()
    while token:
        try:
            _present(client, login, tokens.mechanism, token)
        except AuthenticationRefused:
            token = tokens.replacement(token)
            if token is None:
                raise
        else:
            return


def _present(client: IMAPClient, login: Login, mechanism: str, token: str) -> None:
    """Show the server a token, by XOAUTH2 (as Google and Microsoft describe it) or OAUTHBEARER (RFC 7628)."""
    if mechanism == "XOAUTH2":
        answers = iter([f"user={login.username}\1auth=Bearer {token}\1\1", ""])
    else:
        name = login.username.replace("=", "=3D").replace(",", "=2C")
        answers = iter([f"n,a={name},\1auth=Bearer {token}\1\1", "\1"])
    with _reported(
        login,
        "the server refuses the access token",
        "Check username, scope, and that the application may open this mailbox (README, OAuth 2.0).",
    ):
        # A server that refuses says why and waits for an answer, the second one, before it says NO.
        client.sasl_login(mechanism, lambda _: next(answers, None))


@contextmanager
def _reported(login: Login, refusal: str, hint: str) -> Iterator[None]:
    """Turn what goes wrong while logging in into our errors."""
    try:
        yield
    except TimeoutError as error:
        raise ServerUnavailable(
            f"no answer to the login within {login.timeout_s:g} s", **login.where
        ) from error
    except (IMAPClientError, OSError) as error:
        # imapclient makes a LoginError of everything, the loss of the connection included.
        if isinstance(error, OSError) or IMAPClientAbortError in (type(error), type(error.__context__)):
            raise ServerUnavailable("the connection was lost while logging in", **login.where) from error
        answer = str(error).lower()
        if pause_s := asked_pause_s(answer):
            raise ServerBusy(**login.where, pause_s=pause_s) from error
        if asks_to_come_back(answer):  # and says nothing about the password
            raise ServerUnavailable("the server cannot serve this user now", **login.where) from error
        if login.security == "none" and ("privacyrequired" in answer or "plaintext" in answer):
            hint = "The server wants encryption first: set security to starttls or tls."
        raise AuthenticationRefused(refusal, **login.where, hint=hint) from error


def _quoted(username: str) -> str:
    """The user name as LOGIN takes it: imaplib quotes the password only."""
    if not _TO_BE_QUOTED.search(username):
        return username
    escaped = username.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
