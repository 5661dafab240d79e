"""Which server to trust: one that an authority vouches for, or the one whose certificate is known."""

import hashlib
import socket
import ssl
from pathlib import Path

from mail_archiver.errors import ConfigError, TlsNotTrusted
from mail_archiver.imap.login import Login


class TlsContexts:
    """What connections have to satisfy: a context for each set of authorities, made when it is first needed.

    Kept, since to read the system's authorities takes ten times as long as to poll an account.
    """

    def __init__(self) -> None:
        self._by_authorities: dict[Path | None, ssl.SSLContext] = {}

    def of(self, login: Login) -> ssl.SSLContext:
        """The context for an account; with a pinned certificate, `require_pinned` sees to the rest.

        Raises:
            ConfigError: `ca_file` cannot be used.
        """
        if login.tls_fingerprint:
            return _trusting_anybody()
        if login.ca_file not in self._by_authorities:
            self._by_authorities[login.ca_file] = _trusting_authorities(login)
        return self._by_authorities[login.ca_file]


def _trusting_anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _trusting_authorities(login: Login) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=login.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"cannot use {login.ca_file}: {getattr(error, 'strerror', None) or 'no PEM certificates in it'}",
            setting=f"accounts.{login.account}.ca_file",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def require_pinned(connected: socket.socket, login: Login) -> None:
    """Compare the certificate with the pinned one, if there is one. For before the credentials are sent.

    Raises:
        TlsNotTrusted: It is another.
    """
    if not login.tls_fingerprint:
        return
    shown = connected.getpeercert(binary_form=True) if isinstance(connected, ssl.SSLSocket) else None
    seen = hashlib.sha256(shown or b"").hexdigest()
    if seen != login.tls_fingerprint:
        raise TlsNotTrusted(
            f"its certificate is not the pinned one: its SHA-256 fingerprint is {seen}",
            **login.where,
            hint="If the server's administrator says that it was renewed, set tls_fingerprint to this one.",
        )
