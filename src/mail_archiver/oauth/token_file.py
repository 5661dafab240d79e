"""What an authorization server has issued, kept from one run to the next in a file of each account."""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote

from mail_archiver.errors import AccountBusy, StorageError

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Tokens:
    """What is kept.

    Attributes:
        access_token: "" for none.
        expires_at: When the access token does, as POSIX time.
        refresh_token: The latest one, which may have made the one of the settings invalid; None for none.
    """

    access_token: str = field(default="", repr=False)
    expires_at: float = 0
    refresh_token: str | None = field(default=None, repr=False)


class TokenFile:
    """The file of one account, its owner's alone. Every method raises `StorageError`."""

    def __init__(self, folder: Path, account: str, digest: str) -> None:
        """Nothing is looked at yet.

        Args:
            digest: Of the settings that the tokens are for: with others, they count as not there.
        """
        self._folder = folder
        self._account = account
        self._digest = digest
        self.path = folder / f"{quote(account, safe='')}.json"

    @contextmanager
    def held(self, wait_s: float) -> Iterator[None]:
        """Keep other processes from the file: two that spend one refresh token would lose it.

        Raises:
            AccountBusy: Another one does not let go of it.
        """
        with self._reported():
            for folder in reversed([self._folder, *self._folder.parents]):
                if not folder.is_dir():  # by `parents=True` those above would be as open as the umask
                    folder.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(self.path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            deadline = time.monotonic() + wait_s
            while not _is_locked(handle):
                if time.monotonic() >= deadline:
                    raise AccountBusy(self._account)
                time.sleep(_POLL_S)
            yield
        finally:
            os.close(handle)  # frees the lock

    def read(self) -> Tokens:
        """What was kept; nothing where the file is missing, damaged, or of other settings."""
        with self._reported():
            try:
                kept = json.loads(self.path.read_bytes())
            except (FileNotFoundError, ValueError):
                return Tokens()
        if not isinstance(kept, dict) or kept.pop("digest", None) != self._digest:
            return Tokens()
        try:
            return Tokens(**kept)
        except TypeError:  # of a later release
            return Tokens()

    def write(self, tokens: Tokens) -> None:
        """Keep tokens instead of those before; on return they survive a power cut."""
        with self._reported():
            handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", suffix=".tmp", dir=self._folder)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump({"digest": self._digest, **asdict(tokens)}, file)
                    file.flush()
                    os.fsync(handle)
                Path(name).replace(self.path)
            except BaseException:
                with suppress(OSError):
                    Path(name).unlink(missing_ok=True)
                raise
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"no token can be kept: {error.strerror or type(error).__name__}",
                storage=str(self._folder),
                hint="Check that this user may write to token_folder, and that the disk has room.",
            ) from error


def _is_locked(handle: int) -> bool:
    """Take the lock, if nobody else has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
