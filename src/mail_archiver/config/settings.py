"""The settings and what each of them may be."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mail_archiver.config.oauth import OAuth
from mail_archiver.config.paths import DEFAULT_TOKEN_FOLDER, OptionalPath, TokenFolder
from mail_archiver.config.secrets import Secrets
from mail_archiver.domain.address import Role
from mail_archiver.domain.disposition import Disposition, parse_disposition
from mail_archiver.domain.limits import MAX_DEPTH, MAX_HEADER_OCTETS, MAX_PARTS, Limits
from mail_archiver.domain.linking import LINKING_ROLES, Ties
from mail_archiver.domain.moment import parse_moment
from mail_archiver.domain.start import Start

PREFIX = "MAIL_ARCHIVER_"

_DEFAULTS = Limits()


class Security(StrEnum):
    """How a connection is protected; the port follows unless it is given."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"

    @property
    def default_port(self) -> int:
        """993 or 143 (RFC 8314)."""
        return 993 if self is Security.TLS else 143


def _split_list(value: object) -> object:
    """A list may be comma-separated or JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        import json

        return json.loads(value)
    return [item.strip() for item in value.split(",") if item.strip()]


def _read_start(value: object) -> object:
    if isinstance(value, Start):
        return value
    text = str(value).strip().lower()
    if text in ("all", "new"):
        return Start(only_new=text == "new")
    try:
        return Start(since=parse_moment(text))
    except ValueError:
        raise ValueError("must be all, new or a date such as 2026-01-31") from None


TextList = Annotated[list[str], NoDecode, BeforeValidator(_split_list)]


class Account(Secrets):
    """One IMAP login, by a password or by OAuth 2.0.

    Attributes:
        timeout_s: Seconds without an answer after which the server counts as gone.
        ca_file: PEM file with the authorities to trust, instead of the system's.
        tls_fingerprint: SHA-256 of the only certificate to trust, whoever vouches for it; lower-case hex.
        start: What `run` takes of the mail that is there when a mailbox is first seen.
    """

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)

    host: str = Field(min_length=1)
    port: int = Field(default=0, ge=0, le=65535)
    security: Security = Security.TLS
    username: str = Field(min_length=1)
    password: SecretStr | None = None
    password_file: str | None = None
    password_command: str | None = None
    oauth: OAuth | None = None
    mailboxes: TextList = Field(default=["INBOX"])
    start: Annotated[Start, NoDecode, BeforeValidator(_read_start)] = Start()
    disposition: Annotated[
        Disposition,
        NoDecode,
        BeforeValidator(lambda v: parse_disposition(v) if isinstance(v, str) else v),
    ] = Disposition()
    ca_file: OptionalPath = None
    tls_fingerprint: str | None = None
    timeout_s: float = Field(default=60, gt=0)

    @field_validator("mailboxes")
    @classmethod
    def _not_empty(cls, names: list[str]) -> list[str]:
        if not names:
            raise ValueError("must name a mailbox, such as INBOX")
        return list(dict.fromkeys(names))

    @field_validator("tls_fingerprint")
    @classmethod
    def _hex_alone(cls, given: str | None) -> str | None:
        if not given:
            return None
        digits = given.replace(":", "").strip().lower()
        if not re.fullmatch("[0-9a-f]{64}", digits):
            raise ValueError("must be the SHA-256 of the server's certificate, 64 hexadecimal digits")
        return digits

    @model_validator(mode="after")
    def _default_port(self) -> "Account":
        self.port = self.port or self.security.default_port
        return self

    @model_validator(mode="after")
    def _one_way_each(self) -> "Account":
        if self.password and self.oauth:
            raise ValueError("password and oauth exclude each other")
        if not self.password and not self.oauth:
            raise ValueError("needs a password (or password_file, or password_command), or oauth")
        if self.tls_fingerprint and self.ca_file:
            raise ValueError("tls_fingerprint and ca_file exclude each other")
        if self.tls_fingerprint and self.security is Security.NONE:
            raise ValueError("tls_fingerprint needs security tls or starttls")
        return self


class LimitSettings(BaseModel):
    """How much of one message is taken apart (see `domain.limits.Limits`).

    Depth, parts and header are bounded: they may be lowered, not raised beyond what the fingerprint rests on.
    """

    model_config = ConfigDict(extra="ignore", defer_build=True)

    depth: int = Field(default=_DEFAULTS.depth, ge=1, le=MAX_DEPTH)
    parts: int = Field(default=_DEFAULTS.parts, ge=1, le=MAX_PARTS)
    header_octets: int = Field(default=_DEFAULTS.header_octets, ge=1024, le=MAX_HEADER_OCTETS)
    addresses: int = Field(default=_DEFAULTS.addresses, ge=1)
    body_octets: int = Field(default=_DEFAULTS.body_octets, ge=1024)
    decoded_octets: int = Field(default=_DEFAULTS.decoded_octets, ge=1024)


class LinkingSettings(BaseModel):
    """Whom messages are linked to (see `domain.linking.LinkingRules`)."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    roles: Annotated[frozenset[Role], NoDecode, BeforeValidator(_split_list)] = LINKING_ROLES
    ties: Ties = Ties.ALL
    subaddresses: bool = False
    opportunities: bool = True

    @field_validator("roles")
    @classmethod
    def _may_link(cls, roles: frozenset[Role]) -> frozenset[Role]:
        if roles - LINKING_ROLES:
            raise ValueError(f"may be {', '.join(role for role in Role if role in LINKING_ROLES)}")
        return roles


class Settings(Secrets, BaseSettings):
    """Everything that can be set.

    Attributes:
        accounts: By name, in lower case.
        contact_source: A second database that owns the contacts, as it is written: `read_contact_source`
            makes sense of it when it is needed, so that what is wrong with it stops no run.
        internal_domains: Domains of the company, never linked as recipients; subdomains count.
        own_addresses: Further addresses of the company.
        zip_inline_images: Images that the HTML shows go into the attachment file too.
        limits: What is taken out of one message at most.
        linking: Whom messages are linked to.
        workers: Processes that share a large mailbox; None for one more than cores (4 at most).
        patience_s: Seconds without progress after which a server that went away is given up.
        database_schema: PostgreSQL schema for our tables; None for the connection's own.
        token_folder: Where what OAuth servers have issued is kept from one run to the next.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_file=".env", extra="ignore", defer_build=True
    )

    database_url: SecretStr = SecretStr("sqlite:///mail-archiver.db")
    database_url_file: str | None = None
    database_url_command: str | None = None
    database_schema: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_$]{0,62}$")
    storage_url: str = "file:./mail-archiver-blobs"
    token_folder: TokenFolder = DEFAULT_TOKEN_FOLDER
    accounts: dict[str, Account] = {}
    contact_source: dict[str, SecretStr] = {}
    internal_domains: TextList = []
    own_addresses: TextList = []
    zip_inline_images: bool = False
    limits: LimitSettings = LimitSettings()
    linking: LinkingSettings = LinkingSettings()
    workers: int | None = Field(default=None, ge=1, le=64)
    patience_s: float = Field(default=300, ge=0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 ours leaves values as they are written
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """From the strongest; what it is made with comes from the configuration file, and gives way."""
        return env_settings, _DotEnv(settings_cls), init_settings


class _DotEnv(DotEnvSettingsSource):
    """`.env`, in which "${…}" is what it says: it may be part of a password."""

    def _read_env_file(self, file_path: Path) -> dict[str, str | None]:
        return {name.lower(): value for name, value in read_dotenv(file_path).items()}


def read_dotenv(path: Path) -> dict[str, str | None]:
    """The variables that a `.env` file sets, as they are written there; empty where there is no file."""
    return dotenv_values(path, interpolate=False, encoding="utf-8")
