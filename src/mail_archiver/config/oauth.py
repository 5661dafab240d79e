"""The settings of an account that logs in by OAuth 2.0, and what the big providers' are."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from mail_archiver.config.paths import OptionalPath
from mail_archiver.config.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Preset:
    """What a provider's documentation says; `{tenant}` is to be filled in.

    Attributes:
        user_scope: What is asked for on behalf of a person.
        app_scope: What an application asks for on its own behalf; None where it cannot.
    """

    authorize_url: str
    token_url: str
    user_scope: str
    app_scope: str | None


PRESETS = {
    "microsoft": Preset(
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        user_scope="https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        app_scope="https://outlook.office365.com/.default",
    ),
    "google": Preset(
        # Asked otherwise, Google gives a refresh token once only, or none.
        "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
        "https://oauth2.googleapis.com/token",
        user_scope="https://mail.google.com/",
        app_scope=None,
    ),
}
_OTHER = Preset("", "", user_scope="", app_scope="")


class OAuth(Secrets):
    """How to come by the access tokens of one account.

    Attributes:
        tenant: Microsoft's directory, by its id or a domain of it.
        scope: Instead of the provider's own.
        mechanism: How the mail server takes the token (SASL).
        ca_file: PEM file with the authorities to trust for `token_url`, instead of the system's.
    """

    model_config = ConfigDict(extra="ignore")

    provider: Literal["microsoft", "google"] | None = None
    tenant: str = Field(default="", pattern=r"^[A-Za-z0-9.-]*$")
    token_url: str = ""
    authorize_url: str = ""
    scope: str = ""
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    client_secret_file: str | None = None
    client_secret_command: str | None = None
    refresh_token: SecretStr | None = None
    refresh_token_file: str | None = None
    refresh_token_command: str | None = None
    mechanism: Literal["xoauth2", "oauthbearer"] = "xoauth2"
    ca_file: OptionalPath = None

    @property
    def user_scope(self) -> str:
        """What to ask for on behalf of a person; "" for what the server gives unasked."""
        return self.scope or self._preset.user_scope

    @property
    def app_scope(self) -> str | None:
        """What the application asks for on its own behalf; None where the provider has no such thing."""
        preset = self._preset.app_scope
        return preset if preset is None else self.scope or preset

    @property
    def _preset(self) -> Preset:
        return PRESETS[self.provider] if self.provider else _OTHER

    @field_validator("token_url", "authorize_url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        if not url:
            return url
        try:
            scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
        except ValueError:
            scheme, host = "", None
        on_loopback = host in ("localhost", "127.0.0.1", "::1")
        if not host or not (scheme == "https" or (scheme == "http" and on_loopback)):
            raise ValueError("must be an https:// address")
        return url

    @model_validator(mode="after")
    def _fill_in(self) -> "OAuth":
        preset = self._preset
        if self.provider == "microsoft" and not (self.tenant or (self.token_url and self.authorize_url)):
            raise ValueError("tenant is required: the id of the directory at Microsoft, or a domain of it")
        self.token_url = self.token_url or preset.token_url.format(tenant=self.tenant)
        self.authorize_url = self.authorize_url or preset.authorize_url.format(tenant=self.tenant)
        if not self.token_url:
            raise ValueError("provider (microsoft or google) or token_url is required")
        return self
