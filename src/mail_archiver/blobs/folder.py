"""Blobs in a folder: ab/cd/abcd… for the SHA-256 abcd…"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mail_archiver.domain.draft import Blob
from mail_archiver.errors import StorageError


class FolderBlobs:
    """Implements `archiving.ports.Blobs` in a folder, made at the first use."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def url(self) -> str:
        """The storage as the settings name it."""
        return f"file:{self._root}"

    def path(self, sha256: str) -> Path:
        """Where a blob is, or would be."""
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def put(self, blobs: Iterable[Blob]) -> None:
        """Store blobs; on return they survive a power cut.

        All are written first and flushed together: the disk can merge what one blob alone would wait for.

        Raises:
            StorageError: One of them cannot be written; none of them is half there.
        """
        with self._reported():
            wanted = {self.path(blob.sha256): blob for blob in blobs}
            written: dict[Path, Path] = {}
            try:
                for target, blob in wanted.items():
                    if not self._holds(target, blob):
                        _make_folder(target.parent)
                        written[target] = _make_temporary(target)
                        written[target].write_bytes(blob.content)
                for temporary in written.values():
                    _flush(temporary)
                for target, temporary in written.items():
                    temporary.replace(target)
            finally:
                for temporary in written.values():
                    with suppress(OSError):
                        temporary.unlink(missing_ok=True)
            # Those that were there already too: whoever wrote them may not have come as far.
            for folder in {target.parent for target in wanted}:
                self._flush_folders(folder)

    def get(self, sha256: str) -> bytes:
        """A blob's bytes.

        Raises:
            StorageError: It is not there, or cannot be read.
        """
        with self._reported():
            return self.path(sha256).read_bytes()

    def check(self) -> None:
        """Make sure that a blob could be stored, and leave nothing behind.

        Raises:
            StorageError: It could not.
        """
        with self._reported():
            made = _make_folder(self._root)
            try:
                _make_temporary(self._root / "check").unlink()
            finally:
                for folder in reversed(made):
                    with suppress(OSError):  # in use by now
                        folder.rmdir()

    @staticmethod
    def _holds(target: Path, blob: Blob) -> bool:
        """Whether the blob is there already; its time becomes now, so that no clean-up takes it for old."""
        try:
            if target.stat().st_size != len(blob.content):
                return False
            os.utime(target)
        except FileNotFoundError:
            return False
        return True

    def _flush_folders(self, folder: Path) -> None:
        # A new name is safe once its folder is; new folders need theirs, up to the root.
        while True:
            _flush(folder)
            if folder == self._root:
                return
            folder = folder.parent

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
            reason = "a file stands where a folder should be" if in_the_way else error.strerror
            raise StorageError(
                reason or type(error).__name__,
                storage=self.url,
                hint="Check that this user may write to the folder, and that the disk has room.",
            ) from error


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the ones that were not there, the topmost first."""
    if folder.is_dir():
        return []
    made = _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    return [*made, folder]


def _make_temporary(target: Path) -> Path:
    """An empty file beside the target, its owner's alone; process numbers would not do on a shared volume."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    return Path(name)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
