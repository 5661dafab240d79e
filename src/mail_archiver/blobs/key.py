"""Where a blob is in a storage."""


def blob_key(sha256: str) -> str:
    """Its path below the storage's folder or prefix: ab/cd/abcd… for the SHA-256 abcd…"""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"
