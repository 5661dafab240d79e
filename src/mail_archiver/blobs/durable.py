"""Files and folders that survive a power cut."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

CONCURRENT_FLUSHES = 8
"""A flush is mostly waiting; those that wait together share one commit of the file system's journal."""


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the ones that were not there, the topmost first."""
    if folder.is_dir():
        return []
    made = make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    return [*made, folder]


def write_file(file: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that is not there yet, its owner's alone; its folder is made where it is missing."""
    try:
        handle = _make(file)
    except FileNotFoundError:
        make_folder(file.parent)
        handle = _make(file)
    with os.fdopen(handle, "wb") as target:  # buffered: a raw write may stop short, and say so by a number
        for piece in pieces:
            target.write(piece)


def _make(file: Path) -> int:
    """A file that was not there, its owner's alone, open to be written."""
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def flush(paths: Collection[Path]) -> None:
    """Make files and folders durable."""
    from concurrent.futures import ThreadPoolExecutor  # a poll that finds nothing needs none

    in_turn = list(paths)
    # A share for each thread: to hand over a path costs as much processor time as to flush it.
    shares = [share for n in range(CONCURRENT_FLUSHES) if (share := in_turn[n::CONCURRENT_FLUSHES])]
    with ThreadPoolExecutor(CONCURRENT_FLUSHES) as pool:
        for _ in pool.map(_flush_all, shares):
            pass  # the results raise what went wrong


def _flush_all(paths: Collection[Path]) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
