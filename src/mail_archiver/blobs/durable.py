"""Files and folders that survive a power cut; named by texts, where Path objects would take half the time."""

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

CONCURRENT_FLUSHES = 8
"""A flush is mostly waiting; those that wait together share one commit of the file system's journal."""


def make_folder(folder: str) -> list[str]:
    """Make a folder and those above it; returns the ones that were not there, the topmost first."""
    made: list[str] = []
    with suppress(FileExistsError):
        try:
            os.mkdir(folder, 0o700)  # noqa: PTH102
        except FileNotFoundError:
            made = make_folder(str(Path(folder).parent))
            os.mkdir(folder, 0o700)  # noqa: PTH102 once: some take none, and say what a missing parent says
        made.append(folder)
    return made


def write_file(file: str, pieces: Iterable[bytes]) -> None:
    """Write a file that is not there yet, its owner's alone, in a folder that is."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:  # a write may stop short
                rest = rest[os.write(handle, rest) :]
        with suppress(AttributeError, OSError):  # it may be unknown, to the system or to what it has mounted
            # It is written out from now on. Else it waits for its flush, and every few files take a commit of
            # the file system's journal, where one is enough for all.
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def rename(file: str, target: str) -> None:
    """Give a file a name that another may have; whoever opens it gets one of them, whole."""
    os.replace(file, target)  # noqa: PTH105


def flush_side_by_side(files: Collection[str]) -> None:
    """Make the contents of files durable: each has its own to wait for."""
    from concurrent.futures import ThreadPoolExecutor  # a poll that finds nothing needs none

    in_turn = list(files)
    # A share for each thread: to hand over a path costs as much processor time as to flush it.
    shares = [share for n in range(CONCURRENT_FLUSHES) if (share := in_turn[n::CONCURRENT_FLUSHES])]
    with ThreadPoolExecutor(CONCURRENT_FLUSHES) as pool:
        for _ in pool.map(flush_in_turn, shares):
            pass  # the results raise what went wrong


def flush_in_turn(paths: Iterable[str]) -> None:
    """Make files, or the names in folders, durable: of folders, the first has the journal written for all."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
