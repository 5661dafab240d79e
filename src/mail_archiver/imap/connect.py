"""From a host's name to a session that is logged in; every way that can fail, told apart."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from imapclient import IMAPClient
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError

from mail_archiver.errors import ServerUnavailable, TlsNotTrusted
from mail_archiver.imap.authenticate import authenticate
from mail_archiver.imap.deadline import BoundedClient
from mail_archiver.imap.login import Login
from mail_archiver.imap.session import ImapSession
from mail_archiver.imap.tls import TlsContexts, require_pinned

__all__ = ["Login", "TlsContexts", "authenticate", "connection", "log_in", "reported"]

# What OpenSSL calls it: told by the server, or found by ourselves.
_TOO_OLD = ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL")


@contextmanager
def log_in(login: Login, contexts: TlsContexts | None = None) -> Iterator[ImapSession]:
    """A session for the time of a block.

    Args:
        contexts: Of connections before this one; None where it is the only one.

    Raises:
        ConfigError: A setting of the account cannot be used here.
        ServerUnavailable: No such host, no connection, no answer.
        TlsNotTrusted: The certificate does not verify.
        AuthenticationRefused: The credentials are not accepted.
    """
    with connection(login, contexts) as client:
        authenticate(client, login)
        yield ImapSession(client, login.account, login.host)


@contextmanager
def connection(login: Login, contexts: TlsContexts | None = None) -> Iterator[IMAPClient]:
    """A connection for the time of a block, with TLS as the account asks for it (see `log_in`).

    A block that ends with an error ends without LOGOUT: a server that is gone would be waited for once more.
    """
    context = None if login.security == "none" else (contexts or TlsContexts()).of(login)
    with reported(login):
        client = BoundedClient(
            login.host, login.port, context if login.security == "tls" else None, login.timeout_s
        )
    client._imap.debug = 0  # noqa: SLF001 imapclient turns on a trace that formats every literal
    client.normalise_times = False  # it would drop INTERNALDATE's zone
    # imapclient sends a SEARCH in two writes; the second would wait until the server acknowledges the first.
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if login.security == "starttls":
            with reported(login):
                client.starttls(ssl_context=context)
        require_pinned(client.socket(), login)
        yield client
        with suppress(IMAPClientError, OSError):
            client.logout()
    finally:
        with suppress(OSError):
            client.shutdown()


@contextmanager
def reported(login: Login) -> Iterator[None]:
    """Turn what goes wrong while connecting into our errors."""
    where = login.where
    check_port = f"Check port and security ({login.security}): tls is usually 993, starttls 143."
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise TlsNotTrusted(
            f"its certificate is not trusted: {error.verify_message}",
            **where,
            hint="For a server of your own, set ca_file (the PEM file of its authority) or tls_fingerprint.",
        ) from error
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError, IMAPClientAbortError) as error:
        raise ServerUnavailable("the server ended the connection", **where, hint=check_port) from error
    except ssl.SSLError as error:
        if error.reason in _TOO_OLD:
            raise TlsNotTrusted(
                "the server offers no TLS 1.2 or later",
                **where,
                hint="What is older can be broken: the server's administrator has to bring it up to date.",
            ) from error
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
