"""Blobs stored compressed: Zstandard (RFC 8878), one frame each.

At level 1 it makes 10 KB of text and HTML a third, and base64 three quarters, in half and a fifteenth of the
time that zlib takes. The hash that a blob is named by stays that of the plain bytes.
"""

import sys
from collections.abc import Iterable, Iterator

from mail_archiver.octets import PIECE_OCTETS

_LEVEL = 1
_WINDOW_LOG = 19  # 512 KiB, whatever the size of a message


class BrokenFrameError(Exception):
    """What is stored is no frame, or not all of one."""


class Compressor:
    """Compresses blobs one after the other; to make its tables for each takes half as long again."""

    def __init__(self) -> None:
        # Not where this module is loaded: a poll that finds nothing compresses nothing.
        if sys.version_info >= (3, 14):
            from compression.zstd import CompressionParameter, ZstdCompressor
        else:
            from backports.zstd import CompressionParameter, ZstdCompressor

        level, window_log = CompressionParameter.compression_level, CompressionParameter.window_log
        self._compressor = ZstdCompressor(options={level: _LEVEL, window_log: _WINDOW_LOG})

    def compress(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The frame of one blob, in pieces none of which is empty."""
        for piece in pieces:
            if octets := self._compressor.compress(piece):
                yield octets
        yield self._compressor.flush()


def decompress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A blob from its frame, in pieces of at most `PIECE_OCTETS`, none of them empty.

    Raises:
        BrokenFrameError: It is none, or does not end where it should.
    """
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor, ZstdError
    else:
        from backports.zstd import ZstdDecompressor, ZstdError

    decompressor = ZstdDecompressor()
    try:
        for piece in pieces:
            octets = decompressor.decompress(piece, PIECE_OCTETS)
            while octets:
                yield octets
                more = not decompressor.eof and not decompressor.needs_input
                octets = decompressor.decompress(b"", PIECE_OCTETS) if more else b""
    except (ZstdError, EOFError) as error:
        raise BrokenFrameError from error
    if not decompressor.eof or decompressor.unused_data:
        raise BrokenFrameError
