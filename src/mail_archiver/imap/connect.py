"""From a host's name to a session that is logged in; every way that can fail, told apart."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError

from mail_archiver.errors import (
    AuthenticationRefused,
    ConfigError,
    ServerUnavailable,
    TlsNotTrusted,
)
from mail_archiver.imap.session import ImapSession

# "Authenticated but not connected" (Exchange) and the like say nothing about the password.
_NOT_A_REFUSAL = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[OVERQUOTA]", "[THROTTLED]", "not connected")

# What a word of a command cannot hold unless it is quoted (RFC 9051 section 9, atom), as far as servers mind.
_TO_BE_QUOTED = re.compile(r'[\s"(){]')


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom to log in.

    Attributes:
        security: "tls", "starttls" or "none".
        ca_file: PEM file of the authorities to trust; None for the system's.
        timeout_s: Seconds without an answer after which the server counts as gone.
    """

    account: str
    host: str
    port: int
    security: str
    username: str
    password: str = field(repr=False)
    ca_file: Path | None
    timeout_s: float


@contextmanager
def log_in(login: Login) -> Iterator[ImapSession]:
    """A session for the time of a block.

    Raises:
        ConfigError: `ca_file` cannot be used.
        ServerUnavailable: No such host, no connection, no answer.
        TlsNotTrusted: The certificate does not verify.
        AuthenticationRefused: The credentials are not accepted.
    """
    with connection(login) as client:
        authenticate(client, login)
        yield ImapSession(client, login.account, login.host)


@contextmanager
def connection(login: Login) -> Iterator[IMAPClient]:
    """A connection for the time of a block, with TLS as the account asks for it (see `log_in`).

    A block that ends with an error ends without LOGOUT: a server that is gone would be waited for once more.
    """
    context = None if login.security == "none" else _tls_context(login)
    with reported(login):
        client = IMAPClient(
            login.host,
            port=login.port,
            ssl=login.security == "tls",
            ssl_context=context if login.security == "tls" else None,
            timeout=SocketTimeout(connect=login.timeout_s, read=login.timeout_s),
        )
    client._imap.debug = 0  # noqa: SLF001 imapclient turns on a trace that formats every literal
    client.normalise_times = False  # it would drop INTERNALDATE's zone
    # imapclient sends a SEARCH in two writes; the second would wait until the server acknowledges the first.
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if login.security == "starttls":
            with reported(login):
                client.starttls(ssl_context=context)
        yield client
        with suppress(IMAPClientError, OSError):
            client.logout()
    finally:
        with suppress(OSError):
            client.shutdown()


def authenticate(client: IMAPClient, login: Login) -> None:
    """Log in with the user name and password (see `log_in` for what it raises)."""
    where = {"account": login.account, "host": f"{login.host}:{login.port}"}
    words = login.username + login.password
    try:
        # LOGIN is in ASCII, and ends with its line; AUTHENTICATE PLAIN takes UTF-8 (RFC 4616).
        if client.has_capability("LOGINDISABLED") or not (words.isascii() and words.isprintable()):
            client.plain_login(login.username, login.password)
        else:
            client.login(_quoted(login.username), login.password)
    except TimeoutError as error:
        raise ServerUnavailable(f"no answer to the login within {login.timeout_s:g} s", **where) from error
    except (IMAPClientError, OSError) as error:
        # imapclient makes a LoginError of everything, the loss of the connection included.
        if isinstance(error, OSError) or IMAPClientAbortError in (type(error), type(error.__context__)):
            raise ServerUnavailable("the connection was lost while logging in", **where) from error
        answer = str(error).lower()
        if any(sign.lower() in answer for sign in _NOT_A_REFUSAL):
            raise ServerUnavailable("the server cannot serve this user now", **where) from error
        hint = "Check username and password; some providers want an app password."
        if login.security == "none" and ("privacyrequired" in answer or "plaintext" in answer):
            hint = "The server wants encryption first: set security to starttls or tls."
        raise AuthenticationRefused(
            "the server refuses the user name or password", **where, hint=hint
        ) from error


@contextmanager
def reported(login: Login) -> Iterator[None]:
    """Turn what goes wrong while connecting into our errors."""
    where = {"account": login.account, "host": f"{login.host}:{login.port}"}
    check_port = f"Check port and security ({login.security}): tls is usually 993, starttls 143."
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise TlsNotTrusted(
            f"its certificate is not trusted: {error.verify_message}",
            **where,
            hint="For a server of your own, set ca_file to the PEM file of its authority.",
        ) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, IMAPClientAbortError) as error:
        raise ServerUnavailable("the server ended the connection", **where, hint=check_port) from error
    except ssl.SSLError as error:
        raise TlsNotTrusted(
            f"no TLS connection: {error.reason or 'the server does not speak TLS'}", **where, hint=check_port
        ) from error
    except (socket.gaierror, UnicodeError) as error:
        raise ServerUnavailable(
            f"the host name cannot be resolved: {getattr(error, 'strerror', None) or 'it is malformed'}",
            **where,
            hint="Check host, and this machine's DNS.",
        ) from error
    except TimeoutError as error:
        raise ServerUnavailable(
            f"no answer within {login.timeout_s:g} s",
            **where,
            hint="Check host, port and security, and the firewall.",
        ) from error
    except OSError as error:
        raise ServerUnavailable(
            f"no connection: {error.strerror or error}",
            **where,
            hint="Check host and port, and the firewall.",
        ) from error
    except CapabilityError as error:
        raise ServerUnavailable("the server offers no STARTTLS", **where, hint=check_port) from error
    except IMAPClientError as error:
        raise ServerUnavailable(
            "the server does not answer as an IMAP server should", **where, hint=check_port
        ) from error


def _quoted(username: str) -> str:
    """The user name as LOGIN takes it: imaplib quotes the password only."""
    if not _TO_BE_QUOTED.search(username):
        return username
    escaped = username.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _tls_context(login: Login) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=login.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"cannot use {login.ca_file}: {getattr(error, 'strerror', None) or 'no PEM certificates in it'}",
            setting=f"accounts.{login.account}.ca_file",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
