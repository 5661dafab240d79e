"""The first schema: the CRM's contacts, mailboxes and their ledger, archives and what links them.

Revision ID: 0001
Revises: nothing
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)
UNMATCHED = sa.text("matched_at IS NULL")
HISTORY_UNMATCHED = sa.text("organization_id IS NOT NULL AND organization_matched_at IS NULL")
TAGGED = sa.text("without_tag IS NOT NULL")
WAITING = sa.text("next_attempt_at IS NOT NULL")
UNDISPOSED = sa.text("disposed_at IS NULL AND archive_id IS NOT NULL")
ROLES = "role IN ('to', 'cc', 'bcc', 'resent', 'delivered', 'sender', 'reply_to', 'forwarded')"

# Since PostgreSQL 14, where it was built with lz4.
HAS_LZ4 = sa.text("SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")

# An address that changes has not been looked up in the archive yet, whoever changed it.
ADDRESS_TABLES = ("contact_address", "organization_address")
FORGET_MATCH_POSTGRESQL = """
CREATE FUNCTION mail_archiver_forget_match() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.matched_at := NULL; RETURN NEW; END $$
"""
FORGET_MATCH_TRIGGER_POSTGRESQL = """
CREATE TRIGGER {table}_forget_match BEFORE UPDATE OF address, normalized ON {table} FOR EACH ROW
WHEN (OLD.address IS DISTINCT FROM NEW.address OR OLD.normalized IS DISTINCT FROM NEW.normalized)
EXECUTE FUNCTION mail_archiver_forget_match()
"""
FORGET_MATCH_TRIGGER_SQLITE = """
CREATE TRIGGER {table}_forget_match AFTER UPDATE OF address, normalized ON {table} FOR EACH ROW
WHEN OLD.address IS NOT NEW.address OR OLD.normalized IS NOT NEW.normalized
BEGIN UPDATE {table} SET matched_at = NULL WHERE rowid = NEW.rowid; END
"""


def upgrade() -> None:
    op.create_table(
        "archive",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("thread_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), server_default="message", nullable=False),
        sa.Column("list_id", sa.Text(), nullable=True),
        sa.Column("auto_submitted", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("received_at", MOMENT, nullable=True),
        sa.Column("archived_at", MOMENT, nullable=False),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("body_text", sa.Text(), nullable=True),
        sa.Column("body_html", sa.Text(), nullable=True),
        sa.Column("size_octets", sa.BigInteger(), nullable=False),
        sa.Column("source_sha256", sa.Text(), nullable=False),
        sa.Column("attachment_count", sa.Integer(), nullable=False),
        sa.Column("attachments_name", sa.Text(), nullable=True),
        sa.Column("attachments_sha256", sa.Text(), nullable=True),
        sa.Column("defects", JSON, nullable=False),
        sa.CheckConstraint(
            "direction IN ('outgoing', 'incoming', 'internal')", name=op.f("ck_archive_direction")
        ),
        sa.CheckConstraint(
            "kind IN ('message', 'bounce', 'auto_reply', 'list', 'invitation')", name=op.f("ck_archive_kind")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_archive"),
        sa.UniqueConstraint("fingerprint", name="uq_archive_fingerprint"),
    )
    op.create_index("ix_archive_message_id", "archive", ["message_id"], postgresql_using="hash")
    op.create_index("ix_archive_received_at", "archive", ["received_at"])
    op.create_index("ix_archive_thread_id", "archive", ["thread_id"])

    op.create_table(
        "mailbox",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mailbox"),
        sa.UniqueConstraint(
            "account", "name", "host", "username", name="uq_mailbox_account_name_host_username"
        ),
    )
    op.create_table(
        "organization",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_organization"),
        sa.UniqueConstraint("external_id", name="uq_organization_external_id"),
    )
    op.create_index("ix_organization_name", "organization", ["name"], postgresql_using="hash")

    op.create_table(
        "attachment",
        sa.Column("archive_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("filename", sa.Text(), nullable=True),
        sa.Column("safe_name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_octets", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("inline", sa.Boolean(), nullable=False),
        sa.Column("within", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["archive_id"], ["archive.id"], name="fk_attachment_archive_id"),
        sa.PrimaryKeyConstraint("archive_id", "position", name="pk_attachment"),
    )
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
    op.create_index(
        "ix_delivery_report_message_id", "delivery_report", ["message_id"], postgresql_using="hash"
    )
    op.create_index("ix_delivery_report_normalized", "delivery_report", ["normalized"])

    op.create_table(
        "thread_message",
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_key", name="pk_thread_message"),
    )
    op.create_index("ix_thread_message_thread_id", "thread_message", ["thread_id"])

    op.create_table(
        "contact_source",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition_sha256", sa.Text(), nullable=False),
        sa.Column("newest_updated_at", MOMENT, nullable=True),
        sa.Column("full_at", MOMENT, nullable=False),
        sa.Column("synced_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_contact_source"),
    )
    op.create_table(
        "linking_rule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("set_up_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_linking_rule"),
    )
    op.create_table(
        "contact",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), server_default="contact", nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("updated_at", MOMENT, server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("organization_matched_at", MOMENT, nullable=True),
        sa.CheckConstraint("kind IN ('contact', 'lead')", name=op.f("ck_contact_kind")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name="fk_contact_organization_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_contact"),
        sa.UniqueConstraint("external_id", name="uq_contact_external_id"),
    )
    op.create_index("ix_contact_organization_id", "contact", ["organization_id"])
    op.create_index(
        "ix_contact_organization_unmatched",
        "contact",
        ["id"],
        postgresql_where=HISTORY_UNMATCHED,
        sqlite_where=HISTORY_UNMATCHED,
    )

    op.create_table(
        "mailbox_epoch",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("mailbox_id", sa.BigInteger(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("highest_modseq", sa.BigInteger(), nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("polled_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name="fk_mailbox_epoch_mailbox_id"),
        sa.PrimaryKeyConstraint("id", name="pk_mailbox_epoch"),
    )
    op.create_index("ix_mailbox_epoch_mailbox_id", "mailbox_epoch", ["mailbox_id"])

    op.create_table(
        "opportunity",
        sa.Column("id", ID, sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.BigInteger(), nullable=True),
        sa.Column("stage", sa.Text(), server_default="open", nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("updated_at", MOMENT, server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.CheckConstraint("stage IN ('open', 'won', 'lost')", name=op.f("ck_opportunity_stage")),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name="fk_opportunity_organization_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_opportunity"),
        sa.UniqueConstraint("external_id", name="uq_opportunity_external_id"),
    )
    op.create_table(
        "organization_address",
        sa.Column("organization_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("normalized", sa.Text(), nullable=False),
        sa.Column("matched_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name="fk_organization_address_organization_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", "normalized", name="pk_organization_address"),
    )
    op.create_index("ix_organization_address_normalized", "organization_address", ["normalized"])
    op.create_index(
        "ix_organization_address_unmatched",
        "organization_address",
        ["organization_id"],
        postgresql_where=UNMATCHED,
        sqlite_where=UNMATCHED,
    )

    op.create_table(
        "contact_address",
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("normalized", sa.Text(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("matched_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_contact_address_contact_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", "normalized", name="pk_contact_address"),
    )
    op.create_index("ix_contact_address_normalized", "contact_address", ["normalized"])
    op.create_index(
        "ix_contact_address_unmatched",
        "contact_address",
        ["contact_id"],
        postgresql_where=UNMATCHED,
        sqlite_where=UNMATCHED,
    )

    op.create_table(
        "opportunity_contact",
        sa.Column("opportunity_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("matched_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name="fk_opportunity_contact_contact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["opportunity_id"],
            ["opportunity.id"],
            name="fk_opportunity_contact_opportunity_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("opportunity_id", "contact_id", name="pk_opportunity_contact"),
    )
    op.create_index("ix_opportunity_contact_contact_id", "opportunity_contact", ["contact_id"])
    op.create_index(
        "ix_opportunity_contact_unmatched",
        "opportunity_contact",
        ["contact_id"],
        postgresql_where=UNMATCHED,
        sqlite_where=UNMATCHED,
    )

    op.create_table(
        "processed_uid",
        sa.Column("epoch_id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("archive_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("source_sha256", sa.Text(), nullable=True),
        sa.Column("header_sha256", sa.Text(), nullable=True),
        sa.Column("size_octets", sa.BigInteger(), nullable=True),
        sa.Column("received_at", MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("next_attempt_at", MOMENT, nullable=True),
        sa.Column("processed_at", MOMENT, nullable=False),
        sa.Column("disposed_at", MOMENT, nullable=True),
        sa.Column("attachments_sha256", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('archived', 'duplicate', 'filtered', 'quarantined', 'vanished', 'erased')",
            name=op.f("ck_processed_uid_outcome"),
        ),
        sa.ForeignKeyConstraint(["archive_id"], ["archive.id"], name="fk_processed_uid_archive_id"),
        sa.ForeignKeyConstraint(["epoch_id"], ["mailbox_epoch.id"], name="fk_processed_uid_epoch_id"),
        sa.PrimaryKeyConstraint("epoch_id", "uid", name="pk_processed_uid"),
    )
    op.create_index("ix_processed_uid_archive_id", "processed_uid", ["archive_id"])
    op.create_index("ix_processed_uid_received_at", "processed_uid", ["received_at"])
    op.create_index(
        "ix_processed_uid_next_attempt",
        "processed_uid",
        ["epoch_id", "next_attempt_at"],
        postgresql_where=WAITING,
        sqlite_where=WAITING,
    )
    op.create_index(
        "ix_processed_uid_undisposed",
        "processed_uid",
        ["epoch_id", "uid"],
        postgresql_where=UNDISPOSED,
        sqlite_where=UNDISPOSED,
    )

    op.create_table(
        "archive_address",
        sa.Column("archive_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("normalized", sa.Text(), nullable=True),
        sa.Column("without_tag", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.CheckConstraint(ROLES, name=op.f("ck_archive_address_role")),
        sa.ForeignKeyConstraint(["archive_id"], ["archive.id"], name="fk_archive_address_archive_id"),
        sa.ForeignKeyConstraint(
            ["epoch_id", "uid"],
            ["processed_uid.epoch_id", "processed_uid.uid"],
            name="fk_archive_address_epoch_id_uid",
        ),
        sa.PrimaryKeyConstraint(
            "archive_id", "role", "position", "epoch_id", "uid", name="pk_archive_address"
        ),
    )
    op.create_index("ix_archive_address_normalized", "archive_address", ["normalized"])
    op.create_index(
        "ix_archive_address_without_tag",
        "archive_address",
        ["without_tag"],
        postgresql_where=TAGGED,
        sqlite_where=TAGGED,
    )
    create_link_table("contact")
    create_link_table("organization", through_contact=True)
    create_link_table("opportunity", through_contact=True)
    create_triggers()
    compress_bodies()


def create_link_table(target: str, *, through_contact: bool = False) -> None:
    table, column = f"archive_{target}", f"{target}_id"
    through: list[sa.schema.SchemaItem] = []
    if through_contact:
        through = [
            sa.Column("contact_id", sa.BigInteger(), nullable=True),
            sa.ForeignKeyConstraint(
                ["contact_id"], ["contact.id"], name=f"fk_{table}_contact_id", ondelete="SET NULL"
            ),
        ]
    op.create_table(
        table,
        sa.Column("archive_id", sa.BigInteger(), nullable=False),
        sa.Column(column, sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), server_default="auto", nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("ambiguous", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("linked_at", MOMENT, server_default=sa.func.current_timestamp(), nullable=False),
        sa.Column("unlinked_at", MOMENT, nullable=True),
        *through,
        sa.CheckConstraint("origin IN ('auto', 'manual')", name=op.f(f"ck_{table}_origin")),
        sa.CheckConstraint(ROLES, name=op.f(f"ck_{table}_role")),
        sa.ForeignKeyConstraint(["archive_id"], ["archive.id"], name=f"fk_{table}_archive_id"),
        sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("archive_id", column, name=f"pk_{table}"),
    )
    op.create_index(f"ix_{table}_{column}", table, [column])
    if through_contact:
        op.create_index(f"ix_{table}_contact_id", table, ["contact_id"])


def create_triggers() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FORGET_MATCH_POSTGRESQL)
        trigger = FORGET_MATCH_TRIGGER_POSTGRESQL
    else:
        trigger = FORGET_MATCH_TRIGGER_SQLITE
    for table in ADDRESS_TABLES:
        op.execute(trigger.format(table=table))


def compress_bodies() -> None:
    """Choose lz4 where the server has it: PostgreSQL's own way costs it several times as much."""
    if op.get_bind().dialect.name == "postgresql" and op.get_bind().scalar(HAS_LZ4):
        for column in ("body_text", "body_html"):
            op.execute(f"ALTER TABLE archive ALTER COLUMN {column} SET COMPRESSION lz4")


def downgrade() -> None:
    for table in (
        "archive_opportunity",
        "archive_organization",
        "archive_contact",
        "archive_address",
        "processed_uid",
        "opportunity_contact",
        "contact_address",
        "organization_address",
        "opportunity",
        "mailbox_epoch",
        "contact",
        "linking_rule",
        "contact_source",
        "thread_message",
        "delivery_report",
        "attachment",
        "organization",
        "mailbox",
        "archive",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION mail_archiver_forget_match()")
