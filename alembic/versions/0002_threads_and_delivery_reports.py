"""Threads, what kind of mail a message is, and what bounces report.

What is archived already joins its thread by its own Message-ID alone: the References of those messages are in
their originals, not in the database. Later replies find them by it.

Revision ID: 0002
Revises: 0001
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The same as `domain.threading` at the time of this migration. SQLite has no SHA-256: it is lent ours.
KEY_POSTGRESQL = "substr(encode(sha256(convert_to(message_id, 'UTF8')), 'hex'), 1, 32)"
KEY_SQLITE = "mail_archiver_message_key(message_id)"
THREAD_OF_ITS_OWN = """
UPDATE archive SET thread_id = CASE WHEN message_id <> '' THEN {key}
ELSE substr(fingerprint, length('v1:') + 1, 32) END
"""


def upgrade() -> None:
    op.add_column("archive", sa.Column("list_id", sa.Text(), nullable=True))
    op.add_column("archive", sa.Column("auto_submitted", sa.Text(), nullable=True))
    op.add_column("attachment", sa.Column("within", sa.Integer(), nullable=True))

    op.create_table(
        "delivery_report",
        sa.Column("archive_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("normalized", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["archive_id"], ["archive.id"], name="fk_delivery_report_archive_id"),
        sa.PrimaryKeyConstraint("archive_id", "position", name="pk_delivery_report"),
    )
    op.create_index("ix_delivery_report_normalized", "delivery_report", ["normalized"])
    op.create_index(
        "ix_delivery_report_message_id", "delivery_report", ["message_id"], postgresql_using="hash"
    )

    op.create_table(
        "thread_message",
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_key", name="pk_thread_message"),
    )
    begin_threads()
    op.create_index("ix_thread_message_thread_id", "thread_message", ["thread_id"])


def begin_threads() -> None:
    connection = op.get_bind()
    key = KEY_POSTGRESQL
    if connection.dialect.name == "sqlite":
        key = KEY_SQLITE
        driver = connection.connection.driver_connection
        driver.create_function("mail_archiver_message_key", 1, message_key, deterministic=True)
    op.execute(THREAD_OF_ITS_OWN.format(key=key))
    op.execute("INSERT INTO thread_message SELECT DISTINCT thread_id, thread_id FROM archive")


def message_key(message_id: str) -> str:
    return hashlib.sha256(message_id.encode()).hexdigest()[:32]


def downgrade() -> None:
    op.drop_table("thread_message")
    op.drop_table("delivery_report")
    op.drop_column("attachment", "within")
    op.drop_column("archive", "auto_submitted")
    op.drop_column("archive", "list_id")
    op.execute("UPDATE archive SET thread_id = NULL")
