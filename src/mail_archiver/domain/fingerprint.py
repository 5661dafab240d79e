"""The identity of a message, whatever the road it came by.

The Bcc copy, the Sent copy and the copy in a second mailbox differ in trace headers, in Bcc and in transfer
encodings; they agree in what is hashed here. The recipe is frozen: a change is a new version with a new
prefix, never a new meaning of `v1:`, because every archive keeps the value it got.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import IncrementalNewlineDecoder

FINGERPRINT_HEADERS = (b"message-id", b"date", b"from", b"to", b"cc", b"subject")
"""The headers that count, in the order in which they are hashed."""

_BLANKS = b"\t\r\n\v\f"
_SAMPLE_OCTETS = 4096
_FEW = 128  # octets for each CR, and more, as no text has


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
        self._without_end = self._hash.copy()  # up to the last octet that is no white space
        # Made for text; by way of Latin-1 it is thrice as fast on octets as replacing them.
        self._to_lf = IncrementalNewlineDecoder(None, translate=True)

    def update(self, piece: bytes) -> None:
        """Take in the next piece of the content, transfer encoding removed."""
        lines = self._with_lf(piece)
        text = lines.rstrip()
        if text:
            self._hash.update(text)
            self._without_end = self._hash.copy()
        self._hash.update(lines[len(text) :])

    def _with_lf(self, piece: bytes) -> bytes:
        _, holds_cr = self._to_lf.getstate()
        if not holds_cr and not piece.endswith(b"\r") and _has_few_cr(piece[:_SAMPLE_OCTETS]):
            most = len(piece) // _FEW
            lines = piece.split(b"\r\n", most)
            if len(lines) <= most:  # a picture, a PDF: in a third of the time
                return b"\n".join(lines).replace(b"\r", b"\n")
        return self._to_lf.decode(piece.decode("latin-1")).encode("latin-1")

    def digest(self, content_type: bytes, name: bytes) -> LeafDigest:
        """What was taken in, as a part of that type and name."""
        return LeafDigest(content_type, name, self._without_end.digest())


def _has_few_cr(sample: bytes) -> bool:
    return len(sample) == _SAMPLE_OCTETS and sample.count(b"\r") * _FEW < len(sample)


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
