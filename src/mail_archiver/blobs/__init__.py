"""Content-addressed bytes: each blob stored once, under its SHA-256."""

from pathlib import Path

from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.errors import ConfigError


def open_blobs(url: str) -> FolderBlobs:
    """The storage that a URL names; nothing is touched before the first use.

    Raises:
        ConfigError: It names no kind of storage that we know.
    """
    scheme, separator, path = url.partition(":")
    if scheme != "file" or not separator or not path.removeprefix("//"):
        raise ConfigError(
            "not a storage that is supported", setting="storage_url", hint="Use file:/path/to/a/folder."
        )
    return FolderBlobs(Path(path.removeprefix("//")))
