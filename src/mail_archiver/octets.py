"""Runs of bytes that need not be in memory: a message of any size is read and stored through these."""

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import IO, Protocol

from mail_archiver.errors import StorageError

PIECE_OCTETS = 1024 * 1024
"""How much of a run that is not in memory is read at a time."""

SPOOL_OCTETS = 4 * 1024 * 1024
"""What is spooled stays in memory up to this size, and goes to a temporary file beyond it."""


class Content(Protocol):
    """Bytes that can be read as often as needed, from the beginning, piece by piece."""

    def __len__(self) -> int: ...

    def pieces(self) -> Iterator[bytes]:
        """All of them, in order; no piece is empty."""


class Octets(Protocol):
    """A run of bytes that never changes, any part of which can be read."""

    def __len__(self) -> int: ...

    @property
    def find(self) -> Callable[[bytes, int, int], int]:
        """As `bytes.find`: needle, start and end; -1 where it is not."""

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, as in a slice."""

    def pieces(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to `end` (None for all the rest), in pieces of at most `PIECE_OCTETS`."""


class InMemory:
    """Implements `Octets` over bytes."""

    __slots__ = ("_octets", "find")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.find: Callable[[bytes, int, int], int] = octets.find

    def __len__(self) -> int:
        return len(self._octets)

    def read(self, start: int, end: int) -> bytes:
        """See `Octets`."""
        return self._octets[start:end]

    def pieces(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See `Octets`."""
        end = len(self._octets) if end is None else end
        for begin in range(start, end, PIECE_OCTETS):
            yield self._octets[begin : min(begin + PIECE_OCTETS, end)]


class Spool:
    """A temporary file, in memory while it is small, closed with the last of its readers.

    Once written, threads may read it side by side.
    """

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOL_OCTETS)  # noqa: SIM115 closed in `__del__`
        self._lock = Lock()

    def __del__(self) -> None:
        self.file.close()

    def __len__(self) -> int:
        return self.file.seek(0, io.SEEK_END)

    def keep(self, pieces: Iterable[bytes]) -> Octets:
        """Write what is only passing by, behind what was written before.

        Raises:
            StorageError: It cannot be written.
        """
        start = end = len(self)
        for piece in pieces:
            with self.writing() as file:
                file.seek(end)  # the pieces may come from this very file
                end += file.write(piece)
        return _Spooled(self, start, end - start)

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """The file, for the time of a block.

        Raises:
            StorageError: It cannot be written.
        """
        try:
            yield self.file
            self.file.flush()
        except OSError as error:
            raise StorageError(
                f"a temporary file cannot be written: {error.strerror}",
                storage=f"file:{tempfile.gettempdir()}",
                hint="Make room there, or name another folder in TMPDIR.",
            ) from error

    def read_at(self, start: int, size: int) -> bytes:
        """Some of what was written."""
        with self._lock:
            self.file.seek(start)
            return self.file.read(size)

    def octets(self) -> Octets:
        """All that was written."""
        return _Spooled(self, 0, len(self))


class _Spooled:
    """Implements `Octets` over a span of a spool; `read` and `find` keep a window, for one thread."""

    def __init__(self, spool: Spool, start: int, size: int) -> None:
        self._spool = spool
        self._start = start
        self._size = size
        self._window, self._window_start = b"", 0

    def __len__(self) -> int:
        return self._size

    def read(self, start: int, end: int) -> bytes:
        """See `Octets`; neighbouring reads are served from one window of the file."""
        end = min(end, self._size)
        if end <= start:
            return b""
        if end - start > PIECE_OCTETS:
            return self._read_file(start, end)
        if start < self._window_start or end > self._window_start + len(self._window):
            self._move_window(start, PIECE_OCTETS)
        return self._window[start - self._window_start : end - self._window_start]

    def find(self, needle: bytes, start: int, end: int) -> int:
        """See `Octets`."""
        end = min(end, self._size)
        while end - start >= len(needle):
            last = self._window_start + len(self._window)
            if not self._window_start <= start <= last - len(needle):
                self._move_window(start, max(PIECE_OCTETS, len(needle)))
                last = self._window_start + len(self._window)
            found = self._window.find(needle, start - self._window_start, end - self._window_start)
            if found >= 0:
                return self._window_start + found
            start = last - len(needle) + 1  # it may begin in this window and end in the next
        return -1

    def pieces(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See `Octets`."""
        end = self._size if end is None else min(end, self._size)
        for begin in range(start, end, PIECE_OCTETS):
            yield self._read_file(begin, min(begin + PIECE_OCTETS, end))

    def _move_window(self, start: int, size: int) -> None:
        self._window = self._read_file(start, min(start + size, self._size))
        self._window_start = start

    def _read_file(self, start: int, end: int) -> bytes:
        return self._spool.read_at(self._start + start, end - start)


def sha256_of(content: Content) -> str:
    """SHA-256 in lower-case hex."""
    digest = hashlib.sha256()
    for piece in content.pieces():
        digest.update(piece)
    return digest.hexdigest()


def whole(content: Content) -> bytes:
    """All of a content, in memory once."""
    buffer = io.BytesIO()
    for piece in content.pieces():
        buffer.write(piece)
    return buffer.getvalue()


def head(content: Content, max_octets: int) -> bytes:
    """The first octets of a content."""
    found = bytearray()
    for piece in content.pieces():
        found += piece[: max_octets - len(found)]
        if len(found) >= max_octets:
            break
    return bytes(found)
