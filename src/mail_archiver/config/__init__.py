"""Settings: the only reader of the environment and of the configuration file.

From the strongest: environment (`MAIL_ARCHIVER_…`, nesting by `__`), `.env` in the working directory, the
TOML file, defaults. An unknown key is an error, whichever of them it stands in.
"""

import os
from pathlib import Path

from pydantic import ValidationError

from mail_archiver.config.contact_source import ContactSource
from mail_archiver.config.names import (
    CONFIG_VARIABLE,
    is_known,
    refuse_unknown_keys,
    refuse_unknown_variables,
)
from mail_archiver.config.settings import PREFIX, Account, Security, Settings, read_dotenv
from mail_archiver.config.toml import read_toml
from mail_archiver.errors import ConfigError

__all__ = ["Account", "ContactSource", "Security", "Settings", "load_settings", "read_contact_source"]


def load_settings(config: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        config: TOML file; None for the one that `MAIL_ARCHIVER_CONFIG` names, if any.

    Raises:
        ConfigError: A value is missing, wrong or unknown.
    """
    environment = {name.upper(): value for name, value in os.environ.items()}
    dotenv = {name.upper(): value for name, value in read_dotenv(Path(".env")).items()}
    named = config or environment.get(CONFIG_VARIABLE) or dotenv.get(CONFIG_VARIABLE)
    from_file = read_toml(Path(named)) if named else {}
    for names, source in ((environment, "the environment"), (dotenv, ".env")):
        refuse_unknown_variables(names, source)
    refuse_unknown_keys(from_file, str(named))

    try:
        return Settings(**from_file)
    except ValidationError as error:
        raise _explained(error) from None  # pydantic's own text repeats the input, secrets included
    except ValueError as error:
        raise ConfigError(f"the settings cannot be read: {error}") from None


def read_contact_source(settings: Settings) -> ContactSource:
    """The second database that owns the contacts.

    Raises:
        ConfigError: There is none, or a value is missing or wrong.
    """
    if not settings.contact_source:
        raise ConfigError(
            "no contact source is configured",
            setting="contact_source",
            hint=f"Set {PREFIX}CONTACT_SOURCE__URL and …__QUERY_FILE (see .env.example).",
        )
    written = {name: value.get_secret_value() for name, value in settings.contact_source.items()}
    try:
        return ContactSource.model_validate(written)
    except ValidationError as error:
        raise _explained(error, "contact_source") from None


def _explained(error: ValidationError, *tables: str) -> ConfigError:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    first = problems[0]
    path = (*tables, *(str(part) for part in first["loc"]))
    what = "is required" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    hint = f"It is {PREFIX}{'__'.join(path).upper()} in the environment." if is_known(path) else ""
    return ConfigError(f"{what}{more}", setting=".".join(path), hint=hint)
