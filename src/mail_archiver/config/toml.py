"""The TOML file."""

from pathlib import Path
from typing import Any

from mail_archiver.errors import ConfigError


def read_toml(path: Path) -> dict[str, Any]:
    """The file's values, account names in lower case, relative paths made absolute.

    Raises:
        ConfigError: It cannot be read, or is no TOML.
    """
    import tomllib  # many have no such file

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
        elif not isinstance(value, str) or not value:
            absolute[key] = value
        elif key.endswith("_file") or key == "token_folder":
            absolute[key] = str(folder / Path(value).expanduser())
        elif key == "storage_url" and value.startswith("file:") and not value.startswith("file:/"):
            absolute[key] = f"file:{folder / value.removeprefix('file:')}"
        elif (
            key in ("database_url", "url")
            and value.startswith("sqlite:///")
            and value != "sqlite:///:memory:"
        ):
            absolute[key] = f"sqlite:///{folder / value.removeprefix('sqlite:///')}"
        else:
            absolute[key] = value
    return absolute
