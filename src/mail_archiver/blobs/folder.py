"""Blobs in a folder, each where `blob_key` says."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mail_archiver.blobs.key import blob_key, is_blob_key
from mail_archiver.domain.stored_blob import StoredBlob
from mail_archiver.errors import BlobLost, StorageError
from mail_archiver.octets import PIECE_OCTETS

if TYPE_CHECKING:  # which would load all that a message is made of
    from mail_archiver.domain.draft import Blob

TEMPORARY_SUFFIX = ".tmp"

CONCURRENT_FLUSHES = 8
"""A flush is mostly waiting; those that wait together share one commit of the file system's journal."""

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

        All are written first and flushed side by side: the disk does at once what each would wait for.

        Raises:
            StorageError: One of them cannot be written; none of them is half there.
        """
        with self._reported():
            wanted = {self.path(blob.sha256): blob for blob in blobs}
            written: dict[Path, Path] = {}
            suffix = f".{os.urandom(8).hex()}{TEMPORARY_SUFFIX}"
            try:
                for target, blob in wanted.items():
                    if not self._holds(target, blob):
                        written[target] = target.with_name(f".{blob.sha256}{suffix}")
                        _write(written[target], blob)
                _flush(written.values())
                for target, temporary in written.items():
                    temporary.replace(target)
            except BaseException:
                for temporary in written.values():
                    with suppress(OSError):
                        temporary.unlink(missing_ok=True)
                raise
            # Those that were there already too: whoever wrote them may not have come as far. A new name is
            # safe once its folder is; new folders need theirs, up to the root.
            inner = {target.parent for target in wanted}
            outer = {folder.parent for folder in inner}
            _flush([*inner, *outer, *{folder.parent for folder in outer}])

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
                probe = self._root / f".check.{os.urandom(8).hex()}{TEMPORARY_SUFFIX}"
                os.close(_make(probe))
                probe.unlink()
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


def _write(temporary: Path, blob: Blob) -> None:
    try:
        handle = _make(temporary)
    except FileNotFoundError:
        _make_folder(temporary.parent)
        handle = _make(temporary)
    with os.fdopen(handle, "wb") as target:  # buffered: a raw write may stop short, and say so by a number
        for piece in blob.content.pieces():
            target.write(piece)


def _make(file: Path) -> int:
    """A file that was not there, its owner's alone, open to be written."""
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _flush(paths: Collection[Path]) -> None:
    """Make files and folders durable."""
    from concurrent.futures import ThreadPoolExecutor  # a poll that finds nothing needs none

    with ThreadPoolExecutor(CONCURRENT_FLUSHES) as pool:
        for _ in pool.map(_flush_one, paths):
            pass  # the results raise what went wrong


def _flush_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
