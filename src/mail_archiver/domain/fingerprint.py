"""The identity of a message, whatever the road it came by.

The Bcc copy, the Sent copy and the copy in a second mailbox differ in trace headers, in Bcc and in transfer
encodings; they agree in what is hashed here. From the first release on the recipe is frozen: a change is a
new version with a new prefix, never a new meaning of `v1:`, because every archive keeps the value it got.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FINGERPRINT_FIELDS = ("message-id", "date", "from", "to", "cc", "subject")
"""The header fields that count, in the order in which they are hashed."""

BEGINNING_OCTETS = 1024


class LeafDigest(NamedTuple):
    """What of a leaf part counts.

    Attributes:
        content_type: Lower case, without parameters.
        name: Its file name, a character for each octet; encoded words are still encoded. "" for none.
        sha256: Lower-case hex, of the content; of what is made of lines see `LineHash`.
    """

    content_type: str
    name: str
    sha256: str


def is_made_of_lines(beginning: bytes) -> bool:
    """Whether `LineHash` hashes a content, by its first `BEGINNING_OCTETS`: pictures have a NUL there."""
    return b"\0" not in beginning[:BEGINNING_OCTETS]


class LineHash:
    """SHA-256 of lines, a piece at a time.

    The kind of line ending and the white space after the last line are left out: both change when a server
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
        lines = piece.removesuffix(self._pending).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        text = lines.rstrip()
        if text:
            self._hash.update(text)
            self._without_end = None
        if len(text) < len(lines):
            self._without_end = self._without_end or self._hash.copy()
            self._hash.update(lines[len(text) :])

    def hexdigest(self) -> str:
        """Of what was taken in, in lower-case hex."""
        return (self._without_end or self._hash).hexdigest()


def fingerprint(
    fields: Mapping[str, Sequence[str]], leaves: Sequence[LeafDigest], *, source_sha256: str
) -> str:
    """Fingerprint of a message: `v1:` and 64 hex digits.

    It is the SHA-256 of JSON in ASCII without white space: the header fields that count as pairs of name and
    value, runs of white space in it as one space; then the leaf parts as triples (see `LeafDigest`). JSON
    says where each text ends, so no two different messages feed the same bytes. A message without a
    Message-ID is identified by its
    source alone: two of them that look alike may well be two messages.

    Args:
        fields: The raw values of each header field by its name in lower case, octets beyond ASCII as
            surrogates.
        leaves: In order.
        source_sha256: SHA-256 of the bytes as fetched, hex.
    """
    named = [(name, " ".join(value.split())) for name in FINGERPRINT_FIELDS for value in fields.get(name, ())]
    if not any(value for name, value in named if name == "message-id"):
        return f"v1:{source_sha256}"
    recipe = json.dumps([named, leaves], separators=(",", ":"))
    return f"v1:{hashlib.sha256(recipe.encode()).hexdigest()}"
