"""Files and folders that survive a power cut."""

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

CONCURRENT_FLUSHES = 8
"""A flush is mostly waiting; those that wait together share one commit of the file system's journal."""


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the ones that were not there, the topmost first."""
    made: list[Path] = []
    with suppress(FileExistsError):
        try:
            folder.mkdir(mode=0o700)
        except FileNotFoundError:
            made = make_folder(folder.parent)
            folder.mkdir(mode=0o700)  # once: some folders take none, and say what a missing parent says
        made.append(folder)
    return made


def write_file(file: str | Path, pieces: Iterable[bytes]) -> None:
    """Write a file that is not there yet, its owner's alone, in a folder that is."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:  # a write may stop short
                rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def flush(paths: Collection[str]) -> None:
    """Make files and folders durable."""
    from concurrent.futures import ThreadPoolExecutor  # a poll that finds nothing needs none

    in_turn = list(paths)
    # A share for each thread: to hand over a path costs as much processor time as to flush it.
    shares = [share for n in range(CONCURRENT_FLUSHES) if (share := in_turn[n::CONCURRENT_FLUSHES])]
    with ThreadPoolExecutor(CONCURRENT_FLUSHES) as pool:
        for _ in pool.map(_flush_all, shares):
            pass  # the results raise what went wrong


def _flush_all(paths: Collection[str]) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
