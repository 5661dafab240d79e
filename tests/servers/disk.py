"""A disk that fills up: a file system in memory, of a size that the test chooses."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.servers.process import Identity, Unavailable


class Disk:
    """A small file system; `small_disk_or_skip` makes one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def enlarge(self, octets: int) -> None:
        """Make room, as an administrator would: to this size."""
        _mount("-o", f"remount,size={octets}", str(self.folder))


@contextmanager
def small_disk_or_skip(folder: Path, octets: int, owner: Identity | None = None) -> Iterator[Disk]:
    """Mount a disk on a folder, which is made, while the block runs; the test is skipped where it cannot be.

    Only root may mount, and not in every container.

    Args:
        owner: Whose it is; None for who runs the tests.
    """
    folder.mkdir()
    user, group = (owner or {}).get("user", os.geteuid()), (owner or {}).get("group", os.getegid())
    options = f"size={octets},mode=0700,uid={user},gid={group}"
    try:
        _mount("-t", "tmpfs", "-o", options, "mail-archiver-test", str(folder))
    except Unavailable as reason:
        pytest.skip(str(reason))
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*arguments: str) -> None:
    mounted = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    if mounted.returncode:
        raise Unavailable(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
