"""Settings: the only reader of the environment and of the configuration file.

From the strongest: environment (`MAIL_ARCHIVER_…`, nesting by `__`), `.env` in the working directory, the
TOML file, defaults. An unknown key is an error, whichever of them it stands in.
"""

import difflib
import os
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mail_archiver.domain.disposition import Disposition, parse_disposition
from mail_archiver.domain.moment import parse_moment
from mail_archiver.domain.start import Start
from mail_archiver.errors import ConfigError

PREFIX = "MAIL_ARCHIVER_"
CONFIG_VARIABLE = "MAIL_ARCHIVER_CONFIG"
SECRET_COMMAND_TIMEOUT_S = 60


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


class Secrets(BaseModel):
    """A table some of whose values may come as `x_file` or `x_command` instead of `x`."""

    @model_validator(mode="before")
    @classmethod
    def _read_secrets(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = dict(values)
        for name in [n for n in cls.model_fields if f"{n}_file" in cls.model_fields]:
            given = [key for key in (name, f"{name}_file", f"{name}_command") if values.get(key)]
            if len(given) > 1:
                raise ValueError(f"{' and '.join(given)} exclude each other")
            if given and given[0] != name:
                read = _read_file if given[0].endswith("_file") else _read_command
                values[name] = read(given[0], str(values[given[0]]))
        return values


class Account(Secrets):
    """One IMAP login.

    Attributes:
        timeout_s: Seconds without an answer after which the server counts as gone.
        ca_file: PEM file with the authorities to trust, instead of the system's.
        start: What `run` takes of the mail that is there when a mailbox is first seen.
    """

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)

    host: str = Field(min_length=1)
    port: int = Field(default=0, ge=0, le=65535)
    security: Security = Security.TLS
    username: str = Field(min_length=1)
    password: SecretStr
    password_file: str | None = None
    password_command: str | None = None
    mailboxes: TextList = ["INBOX"]
    start: Annotated[Start, NoDecode, BeforeValidator(_read_start)] = Start()
    disposition: Annotated[
        Disposition,
        NoDecode,
        BeforeValidator(lambda v: parse_disposition(v) if isinstance(v, str) else v),
    ] = Disposition()
    ca_file: Path | None = None
    timeout_s: float = Field(default=60, gt=0)

    @field_validator("mailboxes")
    @classmethod
    def _not_empty(cls, names: list[str]) -> list[str]:
        if not names:
            raise ValueError("must name a mailbox, such as INBOX")
        return list(dict.fromkeys(names))

    @model_validator(mode="after")
    def _default_port(self) -> "Account":
        self.port = self.port or self.security.default_port
        return self


class Settings(Secrets, BaseSettings):
    """Everything that can be set.

    Attributes:
        accounts: By name, in lower case.
        internal_domains: Domains of the company, never linked as recipients; subdomains count.
        own_addresses: Further addresses of the company.
        database_schema: PostgreSQL schema for our tables; None for the connection's own.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_file=".env", extra="ignore"
    )

    database_url: SecretStr = SecretStr("sqlite:///mail-archiver.db")
    database_url_file: str | None = None
    database_url_command: str | None = None
    database_schema: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_$]{0,62}$")
    storage_url: str = "file:./mail-archiver-blobs"
    accounts: dict[str, Account] = {}
    internal_domains: TextList = []
    own_addresses: TextList = []
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def load_settings(config: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        config: TOML file; None for the one that `MAIL_ARCHIVER_CONFIG` names, if any.

    Raises:
        ConfigError: A value is missing, wrong or unknown.
    """
    environment = {name.upper(): value for name, value in os.environ.items()}
    dotenv = {name.upper(): value for name, value in dotenv_values(".env").items()}
    named = config or environment.get(CONFIG_VARIABLE) or dotenv.get(CONFIG_VARIABLE)
    from_file = _read_toml(Path(named)) if named else {}
    for names, source in ((environment, "the environment"), (dotenv, ".env")):
        _refuse_unknown_variables(names, source)
    _refuse_unknown_keys(from_file, str(named))

    class FromEverywhere(Settings):  # the TOML file is known only here
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,  # noqa: ARG003 the library's signature
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file_settings = InitSettingsSource(settings_cls, init_kwargs=from_file)
            return env_settings, dotenv_settings, file_settings

    try:
        return FromEverywhere()
    except ValidationError as error:
        raise _explained(error) from None  # pydantic's own text repeats the input, secrets included
    except ValueError as error:
        raise ConfigError(f"the settings cannot be read: {error}") from None


def _read_file(setting: str, path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ValueError(f"{setting}: cannot read {path}: {reason}") from None


def _read_command(setting: str, command: str) -> str:
    # Through a shell, as people write such commands ("pass show crm | head -1").
    try:
        finished = subprocess.run(  # noqa: S602 the administrator's own setting
            command, shell=True, capture_output=True, text=True, timeout=SECRET_COMMAND_TIMEOUT_S, check=False
        )
    except (subprocess.TimeoutExpired, UnicodeDecodeError):
        raise ValueError(f"{setting}: gave no text within {SECRET_COMMAND_TIMEOUT_S} s") from None
    if finished.returncode != 0:
        raise ValueError(f"{setting}: the command ended with exit code {finished.returncode}")
    return finished.stdout.rstrip("\r\n")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise ConfigError(
            f"cannot read the configuration file: {error.strerror}", setting=str(path)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not a TOML file: {error}", setting=str(path)) from error
    if isinstance(values.get("accounts"), dict):
        values["accounts"] = {name.lower(): table for name, table in values["accounts"].items()}
    return _with_absolute_paths(values, path.absolute().parent)


def _with_absolute_paths(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A relative path counts from the configuration file that holds it."""
    absolute: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            absolute[key] = _with_absolute_paths(value, folder)
        elif not isinstance(value, str):
            absolute[key] = value
        elif key.endswith("_file"):
            absolute[key] = str(folder / Path(value).expanduser())
        elif key == "storage_url" and value.startswith("file:") and not value.startswith("file:/"):
            absolute[key] = f"file:{folder / value.removeprefix('file:')}"
        elif key == "database_url" and value.startswith("sqlite:///") and value != "sqlite:///:memory:":
            absolute[key] = f"sqlite:///{folder / value.removeprefix('sqlite:///')}"
        else:
            absolute[key] = value
    return absolute


def _known_paths() -> set[str]:
    accounts = {f"accounts.*.{name}" for name in Account.model_fields}
    return (set(Settings.model_fields) - {"accounts"}) | accounts


def _is_known(path: str) -> bool:
    parts = path.split(".")
    if len(parts) == 3 and parts[0] == "accounts" and parts[1]:
        return parts[2] in Account.model_fields
    return path in _known_paths()


def _refuse_unknown_variables(variables: Mapping[str, object], source: str) -> None:
    for name in variables:
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE:
            continue
        path = name.removeprefix(PREFIX).lower().replace("__", ".")
        if not _is_known(path):
            known = PREFIX + _nearest(path).upper().replace(".", "__")
            raise ConfigError(f"unknown setting in {source}", setting=name, hint=f"Did you mean {known}?")


def _refuse_unknown_keys(values: dict[str, Any], source: str) -> None:
    for path in _paths(values, ""):
        if not _is_known(path):
            raise ConfigError(
                f"unknown setting in {source}", setting=path, hint=f"Did you mean {_nearest(path)}?"
            )


def _paths(values: dict[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and (prefix or key == "accounts"):
            yield from _paths(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def _nearest(path: str) -> str:
    """The known setting most like `path`, with the account's name kept."""
    parts = path.split(".")
    account = parts[1] if len(parts) == 3 else "<name>"
    known = sorted(candidate.replace("*", account) for candidate in _known_paths())
    return difflib.get_close_matches(path, known, n=1, cutoff=0.0)[0]


def _explained(error: ValidationError) -> ConfigError:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    first = problems[0]
    path = ".".join(str(part) for part in first["loc"])
    what = "is required" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    variable = PREFIX + path.upper().replace(".", "__")
    return ConfigError(f"{what}{more}", setting=path, hint=f"Set it as {variable} or in the TOML file.")
