"""What an account's application is registered as, and on whose behalf it asks."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Registration:
    """The application as the provider knows it.

    Attributes:
        client_secret: None for a public client (RFC 6749 section 2.1).
        refresh_token: The one of the settings; a later one may have been saved.
        user_scope: What to ask for on behalf of a person; "" for what the server gives unasked.
        app_scope: What the application asks for on its own behalf; None where there is no such thing.
        ca_file: PEM file of the authorities to trust; None for the system's.
        timeout_s: Seconds without an answer after which the server counts as gone.
    """

    account: str
    username: str
    token_url: str
    authorize_url: str
    client_id: str
    client_secret: str | None = field(repr=False)
    refresh_token: str | None = field(repr=False)
    user_scope: str
    app_scope: str | None
    ca_file: Path | None
    timeout_s: float

    @property
    def where(self) -> dict[str, str]:
        """The account and the authorization server, as `SourceError` takes them."""
        return {"account": self.account, "host": urlsplit(self.token_url).netloc.rpartition("@")[2]}

    @property
    def digest(self) -> str:
        """Changes with everything that would make a saved token somebody else's."""
        parts = [
            self.username,
            self.token_url,
            self.client_id,
            self.user_scope,
            self.app_scope,
            self.refresh_token,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
