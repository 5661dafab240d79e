"""The settings of a second database that owns the contacts."""

from pydantic import ConfigDict, Field, SecretStr

from mail_archiver.config.secrets import Secrets


class ContactSource(Secrets):
    """Where `contacts sync` gets contacts from.

    Attributes:
        query: SQL that yields a row for each contact, or for each of its addresses.
    """

    model_config = ConfigDict(extra="ignore")

    url: SecretStr = Field(min_length=1)
    url_file: str | None = None
    url_command: str | None = None
    query: str = Field(min_length=1)
    query_file: str | None = None
