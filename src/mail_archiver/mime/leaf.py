"""A leaf part: what it holds with its transfer encoding removed, read piece by piece when it is needed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from mail_archiver.domain.fingerprint import LeafDigest, LeafHash, collapse_blanks
from mail_archiver.mime.bodies import name_parameter
from mail_archiver.mime.charsets import Report
from mail_archiver.mime.structure import Effort, Part
from mail_archiver.mime.transfer import Decode, open_transfer
from mail_archiver.octets import Content, InMemory, Octets


class Decoded:
    """Implements `octets.Content`: decoded anew whenever it is read."""

    __slots__ = ("_decode", "_size_octets")

    def __init__(self, decode: Decode, size_octets: int) -> None:
        self._decode = decode
        self._size_octets = size_octets

    def __len__(self) -> int:
        return self._size_octets

    def pieces(self) -> Iterator[bytes]:
        """See `octets.Content`."""
        return self._decode()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part without parts of its own.

    Attributes:
        sha256: Of the content, lower-case hex.
        digest: What of it counts for the fingerprint.
        width: See `Transfer.width`.
    """

    part: Part
    content: Content
    sha256: str
    digest: LeafDigest
    width: int | None


def read_leaf(source: Octets, part: Part, report: Report, effort: Effort) -> Leaf:
    """Read a part through once, for its size and its digests; what is decoded is kept as far as it may be."""
    encoding = transfer_encoding(part)
    transfer = open_transfer(source, part.start, part.end, encoding, report)
    decoded = transfer.decoded
    is_as_v1 = transfer.decode is transfer.decode_v1
    size, digest, leaf_hash = 0, hashlib.sha256(), LeafHash()
    for piece in transfer.decode() if decoded is None else (decoded,):
        size += len(piece)
        digest.update(piece)
        if is_as_v1:
            leaf_hash.update(piece)
    for piece in () if is_as_v1 else transfer.decode_v1():
        leaf_hash.update(piece)
    parameter = name_parameter(part)
    name = collapse_blanks(parameter.octets) if parameter else b""  # it may be folded anew
    is_kept = decoded is not None and effort.keep(len(decoded))
    content = InMemory(decoded) if decoded is not None and is_kept else Decoded(transfer.decode, size)
    leaf_digest = leaf_hash.digest(part.content_type.encode(), name)
    return Leaf(part, content, digest.hexdigest(), leaf_digest, transfer.width)


def transfer_encoding(part: Part) -> str:
    """Content-Transfer-Encoding in lower case, without what does not belong there; "" when absent."""
    encoding = (part.value(b"content-transfer-encoding") or b"").decode("latin-1")
    return encoding.partition(";")[0].partition("(")[0].strip().strip("\"'").lower()
