"""What is on the disk after a run."""

from pathlib import Path

import sqlalchemy as sa

from mail_archiver.store.database import read_url


def connect(url: str) -> sa.Connection:
    """A connection that knows nothing of any program's own set-up."""
    return sa.create_engine(read_url(url), poolclass=sa.NullPool).connect()


def file_octets(folder: Path) -> int:
    """All files in a folder, by the blocks that they take."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def database_octets(url: str) -> int:
    """A database of PostgreSQL, with its indexes and what every database has (8 MB)."""
    with connect(url) as connection:
        return int(connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0)
