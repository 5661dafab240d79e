"""Secrets that stand elsewhere: in a file, or in what a command prints."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

SECRET_COMMAND_TIMEOUT_S = 60


class Secrets(BaseModel):
    """A table some of whose values may come as `x_file` or `x_command` instead of `x`."""

    # Made once, as a part of all settings, and not for each table as well.
    model_config = ConfigDict(defer_build=True)

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


def _read_file(setting: str, path: str) -> str:
    """The text of a file, less its last line end.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ValueError(f"{setting}: cannot read {path}: {reason}") from None


def _read_command(setting: str, command: str) -> str:
    """What a command prints, less its last line end.

    Raises:
        ValueError: It fails, or takes too long.
    """
    import subprocess

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
