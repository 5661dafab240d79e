"""What links archives to organizations and opportunities: through whom, since when, and what came later.

All contacts' archives are looked at once, by the next run.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
_TABLES = ("archive_organization", "archive_opportunity")
_CONTACTS = sa.text("organization_id IS NOT NULL AND organization_matched_at IS NULL")
_PAIRS = sa.text("matched_at IS NULL")


def upgrade() -> None:
    """Add the columns, their indexes and the table."""
    op.create_table(
        "linking_rule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("set_up_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_linking_rule"),
    )
    op.add_column("contact", sa.Column("organization_matched_at", MOMENT))
    op.create_index(
        "ix_contact_organization_unmatched",
        "contact",
        ["id"],
        postgresql_where=_CONTACTS,
        sqlite_where=_CONTACTS,
    )
    op.add_column("opportunity_contact", sa.Column("matched_at", MOMENT))
    op.create_index(
        "ix_opportunity_contact_unmatched",
        "opportunity_contact",
        ["contact_id"],
        postgresql_where=_PAIRS,
        sqlite_where=_PAIRS,
    )
    for table in _TABLES:
        with op.batch_alter_table(table) as batch:  # SQLite makes the table anew: there is nothing in it yet
            batch.add_column(sa.Column("contact_id", sa.BigInteger()))
            batch.create_foreign_key(
                f"fk_{table}_contact_id", "contact", ["contact_id"], ["id"], ondelete="SET NULL"
            )
        op.create_index(f"ix_{table}_contact_id", table, ["contact_id"])


def downgrade() -> None:
    """Drop them."""
    for table in _TABLES:
        op.drop_index(f"ix_{table}_contact_id", table_name=table)
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"fk_{table}_contact_id", type_="foreignkey")
            batch.drop_column("contact_id")
    op.drop_index("ix_opportunity_contact_unmatched", table_name="opportunity_contact")
    op.drop_column("opportunity_contact", "matched_at")
    op.drop_index("ix_contact_organization_unmatched", table_name="contact")
    op.drop_column("contact", "organization_matched_at")
    op.drop_table("linking_rule")
