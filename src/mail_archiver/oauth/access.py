"""Access tokens: kept as long as they are good, renewed by what the account was given."""

import time

from mail_archiver.errors import AuthenticationRefused
from mail_archiver.oauth.endpoint import Granted, TokenEndpoint
from mail_archiver.oauth.registration import Registration
from mail_archiver.oauth.token_file import TokenFile, Tokens

RENEW_BEFORE_S = 300
"""A kept token that is good for less than this is not used any more."""


class SavedAccessTokens:
    """Implements `imap.login.AccessTokens` for one login: by a refresh token, else by client credentials.

    Every method raises what `TokenEndpoint` raises, and:
        StorageError: What was issued cannot be kept.
        AccountBusy: Another process is renewing, and does not come to an end.
    """

    def __init__(self, registration: Registration, file: TokenFile, mechanism: str) -> None:
        self.mechanism = mechanism
        self._registration = registration
        self._endpoint = TokenEndpoint(registration)
        self._file = file
        self._fresh = ""

    def current(self) -> str:
        """See the port. A refresh token is spent by one process at a time, and its successor kept at once."""
        with self._file.held(wait_s=2 * self._registration.timeout_s):
            kept = self._file.read()
            if kept.access_token and kept.expires_at > time.time() + RENEW_BEFORE_S:
                return kept.access_token
            return self._renewed(kept)

    def replacement(self, refused: str) -> str | None:
        """See the port."""
        with self._file.held(wait_s=2 * self._registration.timeout_s):
            kept = self._file.read()
            if kept.access_token == refused:
                kept = Tokens(refresh_token=kept.refresh_token)
                self._file.write(kept)
            if refused == self._fresh:
                return None
            self._fresh = kept.access_token or self._renewed(kept)
            return self._fresh

    def _renewed(self, kept: Tokens) -> str:
        # First of all, for a disk that is full to be noticed before a refresh token is spent.
        self._file.write(Tokens(refresh_token=kept.refresh_token))
        granted = self._granted(kept.refresh_token or self._registration.refresh_token)
        self._file.write(
            Tokens(granted.access_token, granted.expires_at, granted.refresh_token or kept.refresh_token)
        )
        self._fresh = granted.access_token
        return granted.access_token

    def _granted(self, refresh_token: str | None) -> Granted:
        if refresh_token:
            return self._endpoint.refresh(refresh_token)
        if self._registration.client_secret and self._registration.app_scope is not None:
            return self._endpoint.client_credentials()
        raise AuthenticationRefused(
            "nobody has authorised the application yet",
            **self._registration.where,
            hint=f"Run mail-archiver authorize --account {self._registration.account}.",
        )
