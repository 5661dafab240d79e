"""A leaf part: what it holds with its transfer encoding removed, read piece by piece when it is needed."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain

from mail_archiver.domain.fingerprint import BEGINNING_OCTETS, LeafDigest, LineHash, is_made_of_lines
from mail_archiver.domain.limits import Effort
from mail_archiver.mime.bodies import name_parameter
from mail_archiver.mime.charsets import Report, unreported
from mail_archiver.mime.structure import Part
from mail_archiver.mime.transfer import decode_transfer
from mail_archiver.octets import Content, InMemory, Octets, sha256_of


class Decoded:
    """Implements `octets.Content`: decoded anew whenever it is read."""

    __slots__ = ("_decode", "_size_octets")

    def __init__(self, decode: Callable[[], Iterator[bytes]], size_octets: int) -> None:
        self._decode = decode
        self._size_octets = size_octets

    def __len__(self) -> int:
        return self._size_octets

    def pieces(self) -> Iterator[bytes]:
        """See `octets.Content`."""
        return self._decode()


@dataclass(frozen=True)
class Leaf:
    """A part without parts of its own.

    Attributes:
        has_lines: Nothing in its beginning says that it is not made of lines.
        digest: What of it counts for the fingerprint: lines, or octets.
    """

    part: Part
    content: Content
    has_lines: bool
    digest: LeafDigest

    @cached_property
    def sha256(self) -> str:
        """Of the content, lower-case hex."""
        return sha256_of(self.content) if self.has_lines else self.digest.sha256


def read_leaf(source: Octets, part: Part, report: Report, effort: Effort) -> Leaf:
    """Read a part through once, for its size and its digest; what is decoded is kept as far as it may be."""
    pieces = decode_transfer(source, part, report)
    beginning = b""
    for piece in pieces:
        beginning += piece
        if len(beginning) >= BEGINNING_OCTETS:
            break
    has_lines = is_made_of_lines(beginning)
    digest = LineHash() if has_lines else hashlib.sha256()
    is_kept, kept, size = effort.keep(part.end - part.start), [], 0
    for piece in chain([beginning], pieces):
        size += len(piece)
        digest.update(piece)
        if is_kept:
            kept.append(piece)
    decode = partial(decode_transfer, source, part, unreported)
    content = InMemory(b"".join(kept)) if is_kept else Decoded(decode, size)
    parameter = name_parameter(part)
    name = b" ".join(parameter.octets.split()).decode("latin-1") if parameter else ""  # it may be folded anew
    return Leaf(part, content, has_lines, LeafDigest(part.content_type, name, digest.hexdigest()))
