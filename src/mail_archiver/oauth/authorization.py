"""A person's consent, by way of a browser anywhere: the authorization code flow with PKCE, no open port."""

import hashlib
from base64 import urlsafe_b64encode
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import parse_qs, urlencode, urlsplit

from mail_archiver.errors import AuthenticationRefused
from mail_archiver.oauth.endpoint import TokenEndpoint
from mail_archiver.oauth.registration import Registration
from mail_archiver.oauth.token_file import TokenFile, Tokens

REDIRECT_URI = "http://localhost"
"""Where the browser ends, with the code in its address (RFC 8252 section 7.3). Nothing listens there."""


class WrongAddress(ValueError):
    """What was pasted is not where the browser ended."""


class Authorization:
    """One attempt (RFC 6749 section 4.1, RFC 7636); the address of another attempt is not accepted."""

    def __init__(self, registration: Registration, file: TokenFile) -> None:
        self._registration = registration
        self._file = file
        self._state = token_urlsafe(24)
        self._verifier = token_urlsafe(48)

    @property
    def address(self) -> str:
        """The page for the person to open."""
        challenge = urlsafe_b64encode(hashlib.sha256(self._verifier.encode()).digest()).rstrip(b"=")
        parameters = {
            "response_type": "code",
            "client_id": self._registration.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": self._registration.user_scope,
            "state": self._state,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
            "login_hint": self._registration.username,
        }
        base = self._registration.authorize_url
        separator = "&" if urlsplit(base).query else "?"
        return base + separator + urlencode({name: value for name, value in parameters.items() if value})

    def finish(self, address: str) -> Path:
        """Exchange the code in the address where the browser ended, and keep the refresh token.

        Returns:
            The file that has it.

        Raises:
            WrongAddress: It is something else.
            AuthenticationRefused, ServerUnavailable, TlsNotTrusted: No refresh token was issued.
            StorageError: It cannot be kept.
        """
        code = self._code(address)
        granted = TokenEndpoint(self._registration).exchange(code, self._verifier, REDIRECT_URI)
        if granted.refresh_token is None:
            raise AuthenticationRefused(
                "the token server gave no refresh token",
                **self._registration.where,
                hint="Check that scope asks for it: offline_access, with most providers.",
            )
        with self._file.held(wait_s=2 * self._registration.timeout_s):
            self._file.write(Tokens(granted.access_token, granted.expires_at, granted.refresh_token))
        return self._file.path

    def _code(self, address: str) -> str:
        try:
            answer = parse_qs(urlsplit(address.strip()).query)
        except ValueError:
            answer = {}
        state, code, error = (answer.get(name, [""])[0] for name in ("state", "code", "error"))
        if not state or not (code or error):
            raise WrongAddress(
                f"that is not the address where the browser ended: {REDIRECT_URI}/?code=…&state=…"
            )
        if state != self._state:
            raise WrongAddress("that address belongs to another attempt: open the one printed above")
        if not code:
            raise AuthenticationRefused(
                "the authorization was not given",
                **self._registration.where,
                hint="Run the command again, and consent; or ask the directory's administrator for consent.",
            )
        return code
