"""Paths among the settings: an empty one counts as not set, and not as the folder that one is in."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

DEFAULT_TOKEN_FOLDER = Path("mail-archiver-tokens")

OptionalPath = Annotated[Path | None, BeforeValidator(lambda given: given or None)]
TokenFolder = Annotated[Path, BeforeValidator(lambda given: given or DEFAULT_TOKEN_FOLDER)]
