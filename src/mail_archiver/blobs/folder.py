"""Blobs in a folder, each where `blob_key` says."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from mail_archiver.blobs.key import blob_key, is_blob_key
from mail_archiver.domain.draft import Blob
from mail_archiver.domain.stored_blob import StoredBlob
from mail_archiver.errors import BlobLost, StorageError
from mail_archiver.octets import PIECE_OCTETS

TEMPORARY_SUFFIX = ".tmp"

_FOLDER = re.compile(r"[0-9a-f]{2}")
_LEFTOVER = re.compile(rf"\.[0-9a-f]{{64}}\.\w+{re.escape(TEMPORARY_SUFFIX)}")

_WRITE_HINT = "Check that this user may write to the folder, and that the disk has room."
_READ_HINT = "Check that this user may read the folder, and that the disk is sound."
_MISSING_HINT = "Check that this is the storage that it was archived to; else restore it from a backup."


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
        return self._root / blob_key(sha256)

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
                        _write(written[target], blob)
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

    def pieces(self, sha256: str) -> Iterator[bytes]:
        """A blob's bytes, in pieces of at most `PIECE_OCTETS`, none empty; not compared with the hash.

        Raises:
            BlobLost: It is not there, or cannot be read; at the first piece at the earliest.
        """
        with self._reported(_READ_HINT, BlobLost), self._open(sha256) as file:
            while piece := file.read(PIECE_OCTETS):
                yield piece

    def get(self, sha256: str) -> bytes:
        """All of a blob's bytes; raises what `pieces` raises."""
        return b"".join(self.pieces(sha256))

    def stored(self) -> Iterator[StoredBlob]:
        """All that is stored, ascending by hash; what else lies in the folder is no blob.

        Raises:
            StorageError: The folder cannot be read.
        """
        with self._reported(_READ_HINT):
            for file in self._files():
                if is_blob_key(file.relative_to(self._root).as_posix()):
                    with suppress(FileNotFoundError):  # cleaned up meanwhile
                        status = file.stat()
                        moment = datetime.fromtimestamp(status.st_mtime, UTC)
                        yield StoredBlob(file.name, status.st_size, moment)

    def remove(self, sha256s: Iterable[str]) -> None:
        """Remove blobs; those that are gone already are no error.

        Raises:
            StorageError: One of them cannot be removed.
        """
        with self._reported():
            for sha256 in sha256s:
                self.path(sha256).unlink(missing_ok=True)

    def remove_leftovers(self, older_than: datetime) -> int:
        """Remove what writers that were killed have left half-written; returns how many files.

        Raises:
            StorageError: One of them cannot be removed.
        """
        removed = 0
        with self._reported():
            for file in self._files():
                if _LEFTOVER.fullmatch(file.name):
                    with suppress(FileNotFoundError):  # its writer lives, and is done
                        if file.stat().st_mtime < older_than.timestamp():
                            file.unlink()
                            removed += 1
        return removed

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

    def _open(self, sha256: str) -> IO[bytes]:
        try:
            return self.path(sha256).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise BlobLost(f"there is no blob {sha256}", storage=self.url, hint=_MISSING_HINT) from error

    def _files(self) -> Iterator[Path]:
        """What lies in the folders for blobs, in the order of its names; others' folders stay unread."""
        for outer in _folders(self._root):
            for inner in _folders(outer):
                yield from sorted(inner.iterdir())

    @staticmethod
    def _holds(target: Path, blob: Blob) -> bool:
        """Whether the blob is there already, and whole; its time becomes now: it is no old orphan then."""
        try:
            os.utime(target)
            with target.open("rb") as file:
                is_same = all(file.read(len(piece)) == piece for piece in blob.content.pieces())
                return is_same and not file.read(1)
        except OSError:  # not there; or there, and not to be read: then it can still be replaced
            return False

    def _flush_folders(self, folder: Path) -> None:
        # A new name is safe once its folder is; new folders need theirs, up to the root.
        while True:
            _flush(folder)
            if folder == self._root:
                return
            folder = folder.parent

    @contextmanager
    def _reported(self, hint: str = _WRITE_HINT, kind: type[StorageError] = StorageError) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
            reason = "a file stands where a folder should be" if in_the_way else error.strerror
            raise kind(reason or type(error).__name__, storage=self.url, hint=hint) from error


def _folders(parent: Path) -> list[Path]:
    """The folders for blobs in another, in the order of their names."""
    found = parent.iterdir() if parent.is_dir() else ()
    return sorted(each for each in found if _FOLDER.fullmatch(each.name) and each.is_dir())


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the ones that were not there, the topmost first."""
    if folder.is_dir():
        return []
    made = _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    return [*made, folder]


def _write(file: Path, blob: Blob) -> None:
    with file.open("wb") as target:  # buffered: a raw write may stop short of its end, and say so by a number
        for piece in blob.content.pieces():
            target.write(piece)


def _make_temporary(target: Path) -> Path:
    """An empty file beside the target, its owner's alone; process numbers would not do on a shared volume."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=TEMPORARY_SUFFIX, dir=target.parent)
    os.close(handle)
    return Path(name)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
