"""Blobs in a folder, each where `blob_key` says; originals compressed, but for those of long ago."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mail_archiver.blobs.durable import flush_in_turn, flush_side_by_side, make_folder, rename, write_file
from mail_archiver.blobs.key import COMPRESSED_SUFFIX, blob_key, blob_of_key
from mail_archiver.blobs.original import pack, stored_with, unpack
from mail_archiver.compression import BrokenFrameError, Compressor
from mail_archiver.domain.stored_blob import StoredBlob
from mail_archiver.errors import BlobDamaged, BlobLost, StorageError
from mail_archiver.octets import PIECE_OCTETS

if TYPE_CHECKING:  # which would load all that a message is made of
    from mail_archiver.domain.draft import Blob

TEMPORARY_SUFFIX = ".tmp"

_FOLDER = re.compile(r"[0-9a-f]{2}")
_LEFTOVER = re.compile(
    rf"\.[0-9a-f]{{64}}(?:{re.escape(COMPRESSED_SUFFIX)})?\.\w+{re.escape(TEMPORARY_SUFFIX)}"
)

_WRITE_HINT = "Check that this user may write to the folder, and that the disk has room."
_READ_HINT = "Check that this user may read the folder, and that the disk is sound."
_DAMAGED_HINT = "Restore it from a backup, or with `audit --fix`."
_MISSING_HINT = "Check that this is the storage that it was archived to; else restore it from a backup."


class FolderBlobs:
    """Implements `archiving.ports.Blobs` in a folder, made at the first use."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def url(self) -> str:
        """The storage as the settings name it."""
        return f"file:{self._root}"

    def path(self, sha256: str, *, compressed: bool = False) -> Path:
        """Where a blob is, or would be."""
        return Path(self._place(sha256, compressed=compressed))

    def _place(self, sha256: str, *, compressed: bool) -> str:
        return f"{self._root}/{blob_key(sha256, compressed=compressed)}"

    def put(self, blobs: Iterable[Blob]) -> None:
        """Store blobs; on return they survive a power cut.

        All are written first and flushed side by side: the disk does at once what each would wait for.

        Raises:
            StorageError: One of them cannot be written; none of them is half there.
        """
        with self._reported():
            wanted = {self._place(blob.sha256, compressed=blob.is_original): blob for blob in blobs}
            written: dict[str, str] = {}
            compressor = Compressor()
            mark = f".{os.urandom(8).hex()}{TEMPORARY_SUFFIX}"
            try:
                for target, blob in wanted.items():
                    folder, _, name = target.rpartition("/")
                    lacking = blob if make_folder(folder) else self._lacking(blob)
                    if lacking:
                        written[target] = f"{folder}/.{name}{mark}"
                        write_file(
                            written[target],
                            pack(lacking, compressor) if blob.is_original else blob.content.pieces(),
                        )
                flush_side_by_side(written.values())
                for target, temporary in written.items():
                    rename(temporary, target)
            except BaseException:
                for temporary in written.values():
                    with suppress(OSError):
                        Path(temporary).unlink(missing_ok=True)
                raise
            # Those that were there already too: whoever wrote them may not have come as far. A new name is
            # safe once its folder is; new folders need theirs, up to the root.
            inner = {target.rpartition("/")[0] for target in wanted}
            outer = {folder.rpartition("/")[0] for folder in inner}
            if wanted:
                flush_in_turn([*inner, *outer, str(self._root)])

    def pieces(self, sha256: str) -> Iterator[bytes]:
        """A blob's bytes, in pieces of at most `PIECE_OCTETS`, none empty; not compared with the hash.

        Raises:
            BlobLost: It is not there, or cannot be read; at the first piece at the earliest.
        """
        with self._reported(_READ_HINT, BlobLost):
            file, is_compressed = self._open(sha256)
            with file:
                pieces = iter(partial(file.read, PIECE_OCTETS), b"")
                yield from unpack(pieces, self.pieces) if is_compressed else pieces

    def get(self, sha256: str) -> bytes:
        """All of a blob's bytes; raises what `pieces` raises."""
        return b"".join(self.pieces(sha256))

    def stored(self) -> Iterator[StoredBlob]:
        """All that is stored, ascending by hash; what else lies in the folder is no blob.

        Raises:
            StorageError: The folder cannot be read.
        """
        with self._reported(_READ_HINT):
            for sha256, files in groupby(self._files(), self._blob_of):
                statuses = list(filter(None, map(_status, files))) if sha256 else []
                if sha256 and statuses:  # else cleaned up meanwhile
                    newest = max(status.st_mtime for status in statuses)
                    size = sum(status.st_size for status in statuses)
                    yield StoredBlob(sha256, size, datetime.fromtimestamp(newest, UTC))

    def remove(self, sha256s: Iterable[str]) -> None:
        """Remove blobs; those that are gone already are no error.

        Raises:
            StorageError: One of them cannot be removed.
        """
        with self._reported():
            for sha256 in sha256s:
                for compressed in (False, True):
                    self.path(sha256, compressed=compressed).unlink(missing_ok=True)

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
            made = make_folder(str(self._root))
            try:
                probe = self._root / f".check.{os.urandom(8).hex()}{TEMPORARY_SUFFIX}"
                write_file(str(probe), ())
                probe.unlink()
            finally:
                for folder in reversed(made):
                    with suppress(OSError):  # in use by now
                        Path(folder).rmdir()

    def _open(self, sha256: str) -> tuple[IO[bytes], bool]:
        """The file of a blob, and whether it is compressed."""
        for is_compressed in (True, False):
            with suppress(FileNotFoundError):
                return self.path(sha256, compressed=is_compressed).open("rb", buffering=0), is_compressed
        raise BlobLost(f"there is no blob {sha256}", storage=self.url, hint=_MISSING_HINT)

    def _blob_of(self, file: Path) -> str | None:
        return blob_of_key(file.relative_to(self._root).as_posix())

    def _files(self) -> Iterator[Path]:
        """What lies in the folders for blobs, in the order of its names; others' folders stay unread."""
        for outer in _folders(self._root):
            for inner in _folders(outer):
                yield from sorted(inner.iterdir())

    def _lacking(self, blob: Blob) -> Blob | None:
        """What is to be written of a blob: None where it is there already, and sound.

        Its time becomes now: it is no old orphan then. An original that is stored with another attachment
        file is stored anew, on its own: whoever is about to name it may not name that file.
        """
        for compressed in (True, False) if blob.is_original else (False,):
            place = self.path(blob.sha256, compressed=compressed)
            # Not there; or there, and not to be read: then it can still be replaced.
            with suppress(OSError, BrokenFrameError, BlobLost):
                os.utime(place)
                with place.open("rb", buffering=0) as file:
                    pieces = iter(partial(file.read, PIECE_OCTETS), b"")
                    first = next(pieces, b"")
                    shared = stored_with(first) if compressed else None
                    pieces = chain([first], pieces)
                    if _sha256(unpack(pieces, self.pieces) if compressed else pieces) == blob.sha256:
                        own = blob.embedding.file_sha256 if blob.embedding else None
                        return None if shared in (None, own) else replace(blob, embedding=None)
        return blob

    @contextmanager
    def _reported(self, hint: str = _WRITE_HINT, kind: type[StorageError] = StorageError) -> Iterator[None]:
        try:
            yield
        except BrokenFrameError as error:
            raise BlobDamaged("a blob is damaged", storage=self.url, hint=_DAMAGED_HINT) from error
        except OSError as error:
            in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
            reason = "a file stands where a folder should be" if in_the_way else error.strerror
            raise kind(reason or type(error).__name__, storage=self.url, hint=hint) from error


def _status(file: Path) -> os.stat_result | None:
    """What the file system knows of a file; None where it is gone."""
    try:
        return file.stat()
    except FileNotFoundError:
        return None


def _sha256(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _folders(parent: Path) -> list[Path]:
    """The folders for blobs in another, in the order of their names."""
    found = parent.iterdir() if parent.is_dir() else ()
    return sorted(each for each in found if _FOLDER.fullmatch(each.name) and each.is_dir())
