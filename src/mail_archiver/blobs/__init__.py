"""Content-addressed bytes: each blob stored once, under its SHA-256."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from mail_archiver.domain.draft import Blob
    from mail_archiver.domain.stored_blob import StoredBlob


class BlobStorage(Protocol):
    """A place for blobs. Every method raises `StorageError`."""

    @property
    def url(self) -> str:
        """The storage as the settings name it."""

    def put(self, blobs: Iterable[Blob]) -> None:
        """Store them; on return they survive a power cut."""

    def pieces(self, sha256: str) -> Iterator[bytes]:
        """A blob's bytes, a few MiB at a time at most; not compared with the hash."""

    def get(self, sha256: str) -> bytes:
        """All of a blob's bytes."""

    def stored(self) -> Iterator[StoredBlob]:
        """All that is stored, ascending by hash."""

    def remove(self, sha256s: Iterable[str]) -> None:
        """Remove blobs; those that are gone already are no error."""

    def remove_leftovers(self, older_than: datetime) -> int:
        """Remove what writers that were killed have left half-written; returns how many files."""

    def check(self) -> None:
        """Make sure that a blob could be stored, and leave nothing behind."""


def open_blobs(url: str) -> BlobStorage:
    """The storage that a URL names; nothing is touched before the first use.

    Raises:
        ConfigError: It names no kind of storage that we know.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file" and rest.removeprefix("//"):
        return FolderBlobs(Path(rest.removeprefix("//")))
    if scheme == "s3":
        from mail_archiver.blobs.object_store import ObjectBlobs

        return ObjectBlobs(url)
    raise ConfigError(
        "not a storage that is supported",
        setting="storage_url",
        hint="Use file:/path/to/a/folder or s3://bucket/prefix.",
    )
