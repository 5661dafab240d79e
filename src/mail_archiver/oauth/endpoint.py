"""The token endpoint (RFC 6749 section 3.2): what is asked of it, and what its answers mean."""

import json
import re
import ssl
import time
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit

from mail_archiver.errors import (
    AuthenticationRefused,
    ConfigError,
    MailArchiverError,
    ServerUnavailable,
    TlsNotTrusted,
)
from mail_archiver.oauth.registration import Registration

DEFAULT_LIFETIME_S = 3600
"""Of an access token whose lifetime the server does not tell."""

_ANSWER_OCTETS = 1024 * 1024

_BUSY = {408, 425, 429}
_SERVERS_OWN_FAULT = {"temporarily_unavailable", "server_error", "slow_down"}

# RFC 6749 section 5.2 and OpenID Connect section 3.1.2.6: a person has to be asked again.
_AUTHORIZE_AGAIN = {
    "invalid_grant",
    "interaction_required",
    "login_required",
    "consent_required",
    "access_denied",
}

# Microsoft's own numbers say more than the error's name, and nothing that has to be kept secret.
_MICROSOFT_NUMBER = re.compile(r"AADSTS\d{3,9}")


@dataclass(frozen=True, slots=True)
class Granted:
    """What the server has issued.

    Attributes:
        expires_at: When the access token does, as POSIX time.
        refresh_token: None where none came with it: the one before stays good.
    """

    access_token: str = field(repr=False)
    expires_at: float
    refresh_token: str | None = field(repr=False)


class TokenEndpoint:
    """The token endpoint of an account's provider.

    Every method raises:
        AuthenticationRefused: It does not accept what it was shown.
        ServerUnavailable: It cannot be reached, or cannot answer now.
        TlsNotTrusted: Its certificate does not verify.
        ConfigError: There is no token endpoint at that address.
    """

    def __init__(self, registration: Registration) -> None:
        self._registration = registration

    def refresh(self, refresh_token: str) -> Granted:
        """A fresh access token, on behalf of a person who was asked before (section 6)."""
        return self._ask(
            grant_type="refresh_token", refresh_token=refresh_token, scope=self._registration.user_scope
        )

    def client_credentials(self) -> Granted:
        """An access token on the application's own behalf (section 4.4)."""
        return self._ask(grant_type="client_credentials", scope=self._registration.app_scope or "")

    def exchange(self, code: str, verifier: str, redirect_uri: str) -> Granted:
        """What a person's authorization is worth (section 4.1.3, with PKCE: RFC 7636 section 4.5)."""
        return self._ask(
            grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=redirect_uri
        )

    def _ask(self, **parameters: str) -> Granted:
        form = {**parameters, "client_id": self._registration.client_id}
        if self._registration.client_secret:
            form["client_secret"] = self._registration.client_secret
        body = urlencode({name: value for name, value in form.items() if value}).encode()
        asked_at = time.time()
        status, answer = self._post(body)
        if status != 200:
            raise self._explained(status, answer)
        token, lifetime_s = answer.get("access_token"), str(answer.get("expires_in"))
        # RFC 6750 section 2.1: a token has no white space, nor anything else that could end SASL's field.
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise ServerUnavailable("its answer holds no access token", **self._registration.where)
        refresh_token = answer.get("refresh_token")
        return Granted(
            access_token=token,
            expires_at=asked_at
            + int(lifetime_s if re.fullmatch("[0-9]{1,9}", lifetime_s) else DEFAULT_LIFETIME_S),
            refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
        )

    def _post(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """The status of the answer, and the object in it; an empty one where there is none."""
        registration = self._registration
        request = urllib.request.Request(  # noqa: S310 the settings take https, and http on loopback
            registration.token_url, body, {"Accept": "application/json", "User-Agent": "mail-archiver"}
        )
        opener = self._opener()
        try:
            try:
                with opener.open(request, timeout=registration.timeout_s) as response:
                    status, octets = response.status, response.read(_ANSWER_OCTETS)
            except HTTPError as refusal:
                with refusal:
                    status, octets = refusal.code, refusal.read(_ANSWER_OCTETS)
        except (OSError, HTTPException) as error:
            raise self._unreached(error) from error
        try:
            answer = json.loads(octets)
        except (ValueError, RecursionError):  # a page of a proxy, mostly
            answer = None
        return status, answer if isinstance(answer, dict) else {}

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if (
            urlsplit(self._registration.token_url).scheme == "http"
        ):  # on loopback: no proxy may see the secret
            handlers.append(urllib.request.ProxyHandler({}))
        else:
            handlers.append(urllib.request.HTTPSHandler(context=self._tls_context()))
        return urllib.request.build_opener(*handlers)

    def _tls_context(self) -> ssl.SSLContext:
        ca_file = self._registration.ca_file
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"cannot use {ca_file}: {getattr(error, 'strerror', None) or 'no PEM certificates in it'}",
                setting=f"accounts.{self._registration.account}.oauth.ca_file",
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _unreached(self, error: OSError | HTTPException) -> MailArchiverError:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return TlsNotTrusted(
                f"the certificate of the token server is not trusted: {reason.verify_message}",
                **self._registration.where,
                hint="For a server of your own, set oauth.ca_file to the PEM file of its authority.",
            )
        if isinstance(reason, TimeoutError):
            what = f"no answer from the token server within {self._registration.timeout_s:g} s"
        else:
            detail = getattr(reason, "strerror", None) or type(reason).__name__
            what = f"no connection to the token server: {detail}"
        return ServerUnavailable(
            what, **self._registration.where, hint="Check token_url, DNS and the firewall."
        )

    def _explained(self, status: int, answer: dict[str, Any]) -> MailArchiverError:
        """What an answer other than 200 means (section 5.2). Its text is left out: it may quote secrets."""
        account, where = self._registration.account, self._registration.where
        code = answer.get("error")
        code = code if isinstance(code, str) and re.fullmatch("[a-z_]{1,40}", code) else ""
        if status in _BUSY or status >= 500 or code in _SERVERS_OWN_FAULT:
            return ServerUnavailable(f"the token server cannot answer now (HTTP {status})", **where)
        if not code:
            return ConfigError(
                f"there is no token server at this address (HTTP {status})",
                setting=f"accounts.{account}.oauth.token_url",
                hint="Check provider, tenant and token_url.",
            )
        number = _MICROSOFT_NUMBER.search(str(answer.get("error_description", "")))
        named = f"{code}, {number[0]}" if number else code
        if code in _AUTHORIZE_AGAIN:
            hint = f"The authorization has ended: run mail-archiver authorize --account {account}."
        elif code in ("invalid_client", "unauthorized_client"):
            hint = "Check client_id and client_secret; a secret that has expired is replaced at the provider."
        else:
            hint = "Check provider, tenant, client_id and scope, and the application's permissions."
        return AuthenticationRefused(f"the token server refuses: {named}", **where, hint=hint)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token endpoint does not move: whoever says so would be sent the secret."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
