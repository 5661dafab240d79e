"""A later release of the program: this checkout with one more migration, in a folder of its own."""

import shutil
from pathlib import Path

import sqlalchemy as sa
from tests.integration.store.sql import Sql

from mail_archiver.store.release import HEAD
from mail_archiver.store.store import Store

PROJECT = Path(__file__).parents[2]
REVISION = f"{max(int(HEAD), 8) + 1:04}"  # after 0001 comes 0009

# It changes rows, and makes a table anew on SQLite, before it does what may fail.
_MIGRATION = f'''
import sqlalchemy as sa
from alembic import op

revision = "{REVISION}"
down_revision = "{HEAD}"


def upgrade() -> None:
    op.add_column("archive", sa.Column("note", sa.Text))
    op.execute("UPDATE archive SET note = 'about ' || subject, direction = 'incoming'")
    with op.batch_alter_table("attachment") as batch:
        batch.alter_column("safe_name", nullable=True)
    op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))
    op.create_index("ix_archive_note", "archive", ["note"])


def downgrade() -> None:
    op.drop_index("ix_archive_note", table_name="archive")
    op.drop_table("note")
    with op.batch_alter_table("attachment") as batch:
        batch.alter_column("safe_name", nullable=False)
    op.execute("UPDATE archive SET direction = NULL")
    op.drop_column("archive", "note")
'''

SUBJECTS = ("Offer", "Re: Offer", "Müller")
NOTES = [f"about {subject}" for subject in SUBJECTS]
"""What the migration writes, in the order of the archives' ids."""


def make_later_release(folder: Path) -> dict[str, str]:
    """Make the release in a folder.

    Returns:
        The environment with which Python takes the program from there.
    """
    package = folder / "mail_archiver"
    shutil.copytree(PROJECT / "src" / "mail_archiver", package)
    migrations = package / "store" / "migrations"  # where the wheel has them
    shutil.copytree(PROJECT / "alembic", migrations)
    (migrations / "versions" / f"{REVISION}_notes.py").write_text(_MIGRATION, encoding="utf-8")
    release = package / "store" / "release.py"
    release.write_text(
        release.read_text(encoding="utf-8").replace(f'HEAD = "{HEAD}"', f'HEAD = "{REVISION}"'),
        encoding="utf-8",
    )
    return {"PYTHONPATH": str(folder)}


def fill_with_archives(url: str, schema: str | None = None) -> Sql:
    """Make this release's tables, with an archive for each of `SUBJECTS` and one attachment."""
    store = Store(url, schema)
    store.upgrade()
    store.close()
    sql, prefix = Sql(url), f'"{schema}".' if schema else ""
    statement = sa.text(
        f"INSERT INTO {prefix}archive (fingerprint, subject, archived_at, body_text, size_octets,"
        " source_sha256, attachment_count, defects) VALUES (:fingerprint, :subject,"
        " '2024-05-06 07:08:09.123456', 'As agreed, é', 5, 'hash', 1, '[]')"
    )
    with sql.engine.begin() as connection:
        connection.execute(statement, [{"fingerprint": each, "subject": each} for each in SUBJECTS])
    sql.run(
        f"INSERT INTO {prefix}attachment (archive_id, position, safe_name, content_type, size_octets,"
        " sha256, inline) VALUES (1, 0, 'offer.pdf', 'application/pdf', 5, 'hash', false)"
    )
    return sql
