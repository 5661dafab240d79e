"""The ledger names the attachment file that an original is stored with, where its archive names no such.

An original is stored without what its attachment file holds as well. For a duplicate the archive names the
file of the first copy, and for a message in quarantine there is no archive.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("processed_uid", sa.Column("attachments_sha256", sa.Text))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("processed_uid", "attachments_sha256")
