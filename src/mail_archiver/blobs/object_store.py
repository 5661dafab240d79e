"""Blobs in object storage (S3 and what speaks like it), each below the prefix where `blob_key` says.

Endpoint, region and credentials come from where AWS's own programs take them: AWS_ENDPOINT_URL, AWS_REGION,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or the role of the machine.
"""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import groupby

from mail_archiver.blobs.key import blob_key, blob_of_key
from mail_archiver.blobs.original import pack, unpack
from mail_archiver.compression import BrokenFrameError, Compressor
from mail_archiver.domain.draft import Blob
from mail_archiver.domain.stored_blob import StoredBlob
from mail_archiver.errors import BlobDamaged, BlobLost, ConfigError, StorageError
from mail_archiver.octets import PIECE_OCTETS

CONCURRENT_PUTS = 8
"""A put is mostly waiting: one after the other, a batch would take as many round trips as it has blobs."""

PART_OCTETS = 5 * PIECE_OCTETS
"""Up to this size a blob is put with one request, whole in memory; S3 takes no smaller parts of others."""

READ_OCTETS = 8 * PIECE_OCTETS
"""What one request reads. All in one would have to end within `TIMEOUT_S`, however slow the reader is."""

_HINT = "Check the bucket, AWS_ENDPOINT_URL, AWS_REGION and the credentials' rights."
_DAMAGED_HINT = "Restore it from a backup, or with `audit --fix`."

TIMEOUT_S = 60
RETRIES = 5
"""With pauses that grow, a storage that says "503 Slow Down" has a few seconds to come to itself."""

_STATUS = re.compile(r"status code: (\d{3}[\w ]*)")


class ObjectBlobs:
    """Implements `archiving.ports.Blobs` in a bucket; nothing connects before the first use.

    Raises:
        ConfigError: The URL names no bucket.
    """

    def __init__(self, url: str) -> None:
        from obstore.exceptions import BaseError
        from obstore.store import S3Store

        self.url = url
        try:
            self._store = S3Store.from_url(
                url,
                # Plain HTTP is used only where AWS_ENDPOINT_URL asks for it.
                client_options={"allow_http": True, "timeout": timedelta(seconds=TIMEOUT_S)},
                retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=TIMEOUT_S)},
            )
        except (BaseError, ValueError) as error:
            raise ConfigError(
                "not an S3 URL", setting="storage_url", hint="Use s3://bucket/prefix."
            ) from error

    def put(self, blobs: Iterable[Blob]) -> None:
        """Store blobs; a put is answered when it is durable, and an object is there whole or not at all.

        Raises:
            StorageError: One of them cannot be written.
        """
        distinct = {(blob.sha256, blob.is_original): blob for blob in blobs}.values()
        with self._reported(), ThreadPoolExecutor(CONCURRENT_PUTS) as pool:
            for _ in pool.map(self._put, distinct):
                pass  # the results raise what went wrong

    def pieces(self, sha256: str) -> Iterator[bytes]:
        """A blob's bytes, in pieces of at most `READ_OCTETS`, none empty; not compared with the hash.

        Raises:
            BlobLost: It is not there; at the first piece at the earliest.
            StorageError: The storage cannot be read.
        """
        with self._reported():
            key, size, is_compressed = self._find(sha256)
            pieces = (
                bytes(self._store.get_range(key, start=start, end=min(start + READ_OCTETS, size)))
                for start in range(0, size, READ_OCTETS)
            )
            yield from unpack(pieces, self.pieces) if is_compressed else pieces

    def get(self, sha256: str) -> bytes:
        """All of a blob's bytes; raises what `pieces` raises."""
        return b"".join(self.pieces(sha256))

    def stored(self) -> Iterator[StoredBlob]:
        """All that is stored, ascending by hash, as object storage lists it; what else is there is no blob.

        Raises:
            StorageError: The bucket cannot be listed.
        """
        with self._reported():
            listed = (found for some in self._store.list() for found in some)
            for sha256, files in groupby(listed, lambda found: blob_of_key(found["path"])):
                if sha256:
                    twice = list(files)  # once compressed, once as it is, at most
                    newest = max(found["last_modified"] for found in twice)
                    yield StoredBlob(sha256, sum(found["size"] for found in twice), newest)

    def remove(self, sha256s: Iterable[str]) -> None:
        """Remove blobs; those that are gone already are no error.

        Raises:
            StorageError: One of them cannot be removed.
        """
        keys = [blob_key(sha256, compressed=each) for sha256 in sha256s for each in (True, False)]
        with self._reported():
            if keys:
                self._store.delete(keys)  # up to 1,000 with one request

    def remove_leftovers(self, older_than: datetime) -> int:  # noqa: ARG002 as the folder's
        """Nothing: an object is there whole or not at all; parts of cut uploads the bucket expires."""
        return 0

    def check(self) -> None:
        """Make sure that a blob could be stored, and leave nothing behind.

        Raises:
            StorageError: It could not.
        """
        with self._reported():
            self._store.put("check", b"")
            self._store.delete("check")

    def _put(self, blob: Blob) -> None:
        # From pieces it makes a multipart upload, of three requests at least.
        is_small = len(blob.content) <= PART_OCTETS
        pieces = pack(blob, Compressor()) if blob.is_original else blob.content.pieces()
        key = blob_key(blob.sha256, compressed=blob.is_original)
        self._store.put(key, b"".join(pieces) if is_small else pieces)

    def _find(self, sha256: str) -> tuple[str, int, bool]:
        """The key of a blob, its size as stored, and whether it is compressed."""
        with suppress(FileNotFoundError):
            key = blob_key(sha256, compressed=True)
            return key, self._store.head(key)["size"], True
        key = blob_key(sha256)
        return key, self._store.head(key)["size"], False

    @contextmanager
    def _reported(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except BrokenFrameError as error:
            raise BlobDamaged("a blob is damaged", storage=self.url, hint=_DAMAGED_HINT) from error
        except FileNotFoundError as error:
            raise BlobLost(
                "there is no such blob, or no such bucket", storage=self.url, hint=_HINT
            ) from error
        except BaseError as error:
            raise StorageError(_reason(str(error)), storage=self.url, hint=_HINT) from error


def _reason(text: str) -> str:
    """One line for a person, of the many that the library says."""
    if answered := _STATUS.search(text):
        return f"the object storage answers {answered[1]}"
    if "kind: Timeout" in text:
        return "the object storage does not answer in time"
    return "the object storage cannot be reached"
