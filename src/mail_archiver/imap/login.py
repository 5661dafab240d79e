"""Where and as whom to log in."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class AccessTokens(Protocol):
    """Where the access tokens of an account come from (OAuth 2.0). Every method raises `MailArchiverError`.

    Attributes:
        mechanism: How the server takes them, in SASL: "XOAUTH2" or "OAUTHBEARER".
    """

    mechanism: str

    def current(self) -> str:
        """One that should be good: kept from an earlier time, or a fresh one."""

    def replacement(self, refused: str) -> str | None:
        """Another one for one that the server refuses; None where that was a fresh one already."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom to log in.

    Attributes:
        security: "tls", "starttls" or "none".
        credentials: The password, or where access tokens come from.
        ca_file: PEM file of the authorities to trust; None for the system's.
        timeout_s: Seconds without an answer after which the server counts as gone.
        tls_fingerprint: SHA-256 of the only certificate to trust, in lower-case hex; None to ask authorities.
    """

    account: str
    host: str
    port: int
    security: str
    username: str
    credentials: str | AccessTokens = field(repr=False)
    ca_file: Path | None
    timeout_s: float
    tls_fingerprint: str | None = None

    @property
    def where(self) -> dict[str, str]:
        """The account and the server, as `SourceError` takes them."""
        return {"account": self.account, "host": f"{self.host}:{self.port}"}
