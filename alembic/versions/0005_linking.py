"""What a contact that comes later needs to find the archives it belongs to.

Archives of before have no rule for who wrote what was forwarded, and are not found without a "+tag".

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TAGGED = sa.text("without_tag IS NOT NULL")


def upgrade() -> None:
    """Add the columns, and the index by which a "+tag" is done without."""
    op.add_column("archive_address", sa.Column("without_tag", sa.Text()))
    op.add_column("archive_address", sa.Column("rule", sa.Text()))
    op.create_index(
        "ix_archive_address_without_tag",
        "archive_address",
        ["without_tag"],
        postgresql_where=_TAGGED,
        sqlite_where=_TAGGED,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_archive_address_without_tag", table_name="archive_address")
    op.drop_column("archive_address", "rule")
    op.drop_column("archive_address", "without_tag")
