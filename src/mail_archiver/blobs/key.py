"""Where a blob is in a storage."""

import re

COMPRESSED_SUFFIX = ".zst"

_KEY = re.compile(rf"([0-9a-f]{{2}})/([0-9a-f]{{2}})/(\1\2[0-9a-f]{{60}})(?:{re.escape(COMPRESSED_SUFFIX)})?")


def blob_key(sha256: str, *, compressed: bool = False) -> str:
    """Its path below the storage's folder or prefix: ab/cd/abcd… for the SHA-256 abcd…

    Args:
        compressed: Originals are, so that their key is known without a look; they have a suffix.
    """
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}{COMPRESSED_SUFFIX if compressed else ''}"


def blob_of_key(path: str) -> str | None:
    """The hash of the blob that would be at that path; None where none would."""
    found = _KEY.fullmatch(path)
    return found[3] if found else None
