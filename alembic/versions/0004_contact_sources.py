"""Contacts that another database owns, and how far we have come with it.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table, the column and the index."""
    op.create_table(
        "contact_source",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition_sha256", sa.Text(), nullable=False),
        sa.Column("newest_updated_at", MOMENT, nullable=True),
        sa.Column("full_at", MOMENT, nullable=False),
        sa.Column("synced_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_contact_source"),
    )
    op.add_column("contact", sa.Column("source", sa.Text(), nullable=True))
    op.create_index("ix_organization_name", "organization", ["name"], postgresql_using="hash")


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_organization_name", table_name="organization")
    op.drop_column("contact", "source")
    op.drop_table("contact_source")
