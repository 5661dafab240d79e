"""How an original is stored: compressed, and without what its attachment file holds as well.

A Zstandard file (RFC 8878). Where the original shares something with its attachment file, what tells so
comes first, in a skippable frame (section 3.1.2), which other programs pass over: JSON with the file's hash
and, for each stretch, where it begins in the original, where in the file, how many of the file's octets it
holds, and how many characters a line of its base64 has. The frame after it is the original without these.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from mail_archiver.compression import BrokenFrameError, Compressor, decompress
from mail_archiver.domain.embedding import Embedding, Stretch

if TYPE_CHECKING:  # which would load all that a message is made of
    from mail_archiver.domain.draft import Blob

_SKIPPABLE = struct.Struct("<II")
_MAGIC = 0x184D2A50


def pack(original: Blob, compressor: Compressor) -> Iterator[bytes]:
    """An original as it is stored, in pieces none of which is empty."""
    if original.embedding:
        yield _told(original.embedding)
        yield from compressor.compress(original.embedding.rest.pieces())
    else:
        yield from compressor.compress(original.content.pieces())


def unpack(stored: Iterable[bytes], read: Callable[[str], Iterator[bytes]]) -> Iterator[bytes]:
    """An original from what is stored, in pieces of at most `PIECE_OCTETS`, none of them empty.

    Args:
        read: Reads the attachment file, by its hash.

    Raises:
        BrokenFrameError: It is none, or does not end where it should.
    """
    pieces = iter(stored)
    first = next(pieces, b"")
    told = _told_in(first)
    rest = decompress(chain([first[len(told) :]], pieces))
    if told:
        file_sha256, stretches = _heard(told)
        yield from _woven(_Reader(rest), _Reader(read(file_sha256)), stretches)
    else:
        yield from rest


def stored_with(first: bytes) -> str | None:
    """The attachment file that an original is stored with, from the first piece of what is stored.

    Raises:
        BrokenFrameError: It cannot be read.
    """
    told = _told_in(first)
    return _heard(told)[0] if told else None


def _woven(rest: _Reader, file: _Reader, stretches: Iterable[Stretch]) -> Iterator[bytes]:
    from mail_archiver.base64_lines import encode_base64, encoded_octets  # most originals have nothing of it

    position = 0
    for stretch in stretches:
        yield from rest.take(stretch.at - position)
        for _ in file.take(stretch.offset - file.position):
            pass
        yield from encode_base64(file.take(stretch.size), stretch.width)
        position = stretch.at + encoded_octets(stretch.size, stretch.width)
    yield from rest.all()


def _told(embedding: Embedding) -> bytes:
    stretches = [[each.at, each.offset, each.size, each.width] for each in embedding.stretches]
    told = json.dumps({"file": embedding.file_sha256, "stretches": stretches}).encode()
    return _SKIPPABLE.pack(_MAGIC, len(told)) + told


def _told_in(first: bytes) -> bytes:
    """The skippable frame that a file begins with, or b"" where it begins with another."""
    if len(first) < _SKIPPABLE.size:
        return b""
    magic, size = _SKIPPABLE.unpack_from(first)
    return first[: _SKIPPABLE.size + size] if magic == _MAGIC else b""


def _heard(told: bytes) -> tuple[str, list[Stretch]]:
    try:
        heard = json.loads(told[_SKIPPABLE.size :])
        return str(heard["file"]), [Stretch(*map(int, each)) for each in heard["stretches"]]
    except (ValueError, TypeError, KeyError) as error:
        raise BrokenFrameError from error


class _Reader:
    """Takes so many octets at a time from pieces as they come."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""
        self.position = 0

    def take(self, size: int) -> Iterator[bytes]:
        """The next octets, in pieces none of which is empty.

        Raises:
            BrokenFrameError: There are not so many.
        """
        end = self.position + size
        while self.position < end:
            piece = self._left or next(self._pieces, b"")
            if not piece:
                raise BrokenFrameError
            taken, self._left = piece[: end - self.position], piece[end - self.position :]
            self.position += len(taken)
            yield taken

    def all(self) -> Iterator[bytes]:
        """What is left."""
        if self._left:
            yield self._left
        yield from self._pieces
