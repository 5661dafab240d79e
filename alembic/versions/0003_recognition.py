"""Recognise messages of another epoch by when they were received.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_processed_uid_received_at", "processed_uid", ["received_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_processed_uid_received_at", table_name="processed_uid")
