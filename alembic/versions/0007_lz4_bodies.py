"""Bodies compressed with lz4 where the server has it: PostgreSQL's own way costs it several times as much.

What is there stays as it is compressed, and readable; nothing is rewritten.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_HAS_LZ4 = sa.text(
    "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
)  # since PostgreSQL 14, where it was built with lz4


def upgrade() -> None:
    """Choose lz4 for what comes."""
    if op.get_context().dialect.name == "postgresql" and op.get_bind().scalar(_HAS_LZ4):
        _compress_by("lz4")


def downgrade() -> None:
    """Leave it to the server again."""
    if op.get_context().dialect.name == "postgresql" and op.get_bind().scalar(_HAS_LZ4) is not None:
        _compress_by("DEFAULT")


def _compress_by(method: str) -> None:
    for column in ("body_text", "body_html"):
        op.execute(f"ALTER TABLE archive ALTER COLUMN {column} SET COMPRESSION {method}")
