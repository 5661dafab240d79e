"""The identity of a message, whatever the road it came by.

The Bcc copy, the Sent copy and the copy in a second mailbox differ in trace headers, in Bcc and in transfer
encodings; they agree in what is hashed here. The recipe is frozen: a change is a new version with a new
prefix, never a new meaning of `v1:`, because every archive keeps the value it got.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FINGERPRINT_HEADERS = (b"message-id", b"date", b"from", b"to", b"cc", b"subject")
"""The headers that count, in the order in which they are hashed."""

_BLANKS = b"\t\r\n\v\f"


@dataclass(frozen=True, slots=True)
class LeafDigest:
    """What of a leaf part counts.

    Attributes:
        content_type: Lower case, without parameters.
        name: The raw value of its file name parameter, or b"".
        sha256: 32 bytes, see `LeafHash`.
    """

    content_type: bytes
    name: bytes
    sha256: bytes


class LeafHash:
    """Digests one leaf part, a piece at a time.

    The kind of line ending and the white space that ends the part are left out: both change when a server
    re-encodes a part or moves it between CRLF and LF. That holds for any type: a signature or a JSON file is
    as likely to travel as lines of text.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._without_end: hashlib._Hash | None = None  # up to the last octet that is no white space
        self._pending = b""  # a CR whose LF may be the first octet of the next piece

    def update(self, piece: bytes) -> None:
        """Take in the next piece of the content, transfer encoding removed."""
        if self._pending:
            piece = self._pending + piece
        self._pending = b"\r" if piece.endswith(b"\r") else b""
        if self._pending:
            piece = piece[:-1]
        lines = b"\n".join(piece.split(b"\r\n")).replace(b"\r", b"\n")
        text = lines.rstrip()
        if text:
            self._hash.update(text)
            self._without_end = None
        if len(text) < len(lines):
            self._without_end = self._without_end or self._hash.copy()
            self._hash.update(lines[len(text) :])

    def digest(self, content_type: bytes, name: bytes) -> LeafDigest:
        """What was taken in, as a part of that type and name."""
        return LeafDigest(content_type, name, (self._without_end or self._hash).digest())


def fingerprint(
    headers: Iterable[tuple[bytes, bytes]], leaves: Sequence[LeafDigest], *, source_sha256: str
) -> str:
    """Fingerprint of a message: `v1:` and 64 hex digits.

    A message without a Message-ID is identified by its source alone: two of them that look alike may well be
    two messages.

    Args:
        headers: All header fields in order, names in lower case, values raw (folded, undecoded).
        leaves: Digests of the leaf parts in order.
        source_sha256: SHA-256 of the bytes as fetched, hex.
    """
    values: dict[bytes, list[bytes]] = {name: [] for name in FINGERPRINT_HEADERS}
    for name, value in headers:
        if name in values:
            values[name].append(collapse_blanks(value, b"\t\r\n").strip())
    if not any(values[b"message-id"]):
        return f"v1:{source_sha256}"
    fields = [field for name in FINGERPRINT_HEADERS for value in values[name] for field in (name, value)]
    framed = [_framed(field) for field in fields]
    framed.append(len(leaves).to_bytes(8, "big"))
    for leaf in leaves:
        framed += map(_framed, (leaf.content_type, leaf.name, leaf.sha256))
    return f"v1:{hashlib.sha256(b''.join(framed)).hexdigest()}"


def collapse_blanks(value: bytes, blanks: bytes = _BLANKS) -> bytes:
    """A value with each run of spaces and other blanks as one space (a regular expression takes much room).

    Args:
        blanks: What counts besides the space.
    """
    value = value.translate(bytes.maketrans(blanks, b" " * len(blanks)))
    while b"  " in value:
        value = value.replace(b"  ", b" ")
    return value


def _framed(field: bytes) -> bytes:
    """A field with its length: no two different messages may feed the same bytes."""
    return len(field).to_bytes(8, "big") + field
