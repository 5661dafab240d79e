"""Which server to trust: one that an authority vouches for, or the one whose certificate is known."""

import hashlib
import socket
import ssl

from mail_archiver.errors import ConfigError, TlsNotTrusted
from mail_archiver.imap.login import Login


def tls_context(login: Login) -> ssl.SSLContext:
    """What a connection has to satisfy; with a pinned certificate, `require_pinned` sees to the rest.

    Raises:
        ConfigError: `ca_file` cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=login.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"cannot use {login.ca_file}: {getattr(error, 'strerror', None) or 'no PEM certificates in it'}",
            setting=f"accounts.{login.account}.ca_file",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if login.tls_fingerprint:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
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
