"""Blobs that are stored, beside those that the database names."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

ORPHAN_AGE = timedelta(days=1)
"""A blob that nobody names is left alone for so long: whoever has stored it may be about to name it."""


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob as a storage lists it.

    Attributes:
        stored_at: When it was last put, aware.
    """

    sha256: str
    size_octets: int
    stored_at: datetime


def side_by_side(
    named: Iterator[str], stored: Iterator[StoredBlob]
) -> Iterator[tuple[str, bool, StoredBlob | None]]:
    """Each hash that is named or stored: itself, whether it is named, and what is stored.

    Args:
        named, stored: Ascending by hash. The first name is looked at before the first blob is: a name that is
            seen belongs to a blob that was stored before it.
    """
    name, blob = next(named, None), next(stored, None)
    while name is not None or blob is not None:
        if name is not None and (blob is None or name < blob.sha256):
            yield name, True, None
            name = next(named, None)
        elif blob is not None:
            yield blob.sha256, name == blob.sha256, blob
            name = next(named, None) if name == blob.sha256 else name
            blob = next(stored, None)
