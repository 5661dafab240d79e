"""Secrets that stand elsewhere: in a file, or in what a command prints."""

import subprocess
from pathlib import Path

SECRET_COMMAND_TIMEOUT_S = 60


def read_file(setting: str, path: str) -> str:
    """The text of a file, less its last line end.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ValueError(f"{setting}: cannot read {path}: {reason}") from None


def read_command(setting: str, command: str) -> str:
    """What a command prints, less its last line end.

    Raises:
        ValueError: It fails, or takes too long.
    """
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
