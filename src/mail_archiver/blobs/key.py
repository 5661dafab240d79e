"""Where a blob is in a storage."""

import re

_KEY = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/\1\2[0-9a-f]{60}")


def blob_key(sha256: str) -> str:
    """Its path below the storage's folder or prefix: ab/cd/abcd… for the SHA-256 abcd…"""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def is_blob_key(path: str) -> bool:
    """Whether a blob would be at that path."""
    return _KEY.fullmatch(path) is not None
