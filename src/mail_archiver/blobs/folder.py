"""Blobs in a folder: ab/cd/abcd… for the SHA-256 abcd…"""

import os
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
            written: list[tuple[Path, Path]] = []
            try:
                for blob in {blob.sha256: blob for blob in blobs}.values():
                    target = self.path(blob.sha256)
                    if not self._holds(target, blob):
                        written.append((self._write(target, blob.content), target))
                for temporary, _ in written:
                    _flush(temporary)
                for temporary, target in written:
                    temporary.replace(target)
            finally:
                for temporary, _ in written:
                    with suppress(OSError):
                        temporary.unlink(missing_ok=True)
            for folder in {target.parent for _, target in written}:
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
            _make_folder(self._root)
            self._write(self._root / "check", b"").unlink()

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

    @staticmethod
    def _write(target: Path, content: bytes) -> Path:
        _make_folder(target.parent)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        return temporary

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
            raise StorageError(
                error.strerror or type(error).__name__,
                storage=self.url,
                hint="Check that this user may write to the folder, and that the disk has room.",
            ) from error


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
