"""Content-addressed bytes: each blob stored once, under its SHA-256."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.domain.draft import Blob
from mail_archiver.errors import ConfigError


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
