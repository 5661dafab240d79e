"""The tables; their names and meanings are public: reports join them, other programs write the contacts."""

from typing import Any

import sqlalchemy as sa

from mail_archiver.domain.address import Role
from mail_archiver.domain.kind import Kind
from mail_archiver.domain.linking import Direction
from mail_archiver.domain.outcome import Outcome
from mail_archiver.store.columns import (
    JSON,
    MOMENT,
    generated_id,
    moment_of_writing,
    one_of,
    reference,
)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# --- The CRM's side: other programs may write here ---------------------------------------------------------

organization = sa.Table(
    "organization",
    metadata,
    generated_id(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("external_id", sa.Text, unique=True),
    # A source may know its organizations by name alone. By hash, since a name has no limit.
    sa.Index("ix_organization_name", "name", postgresql_using="hash"),
)

organization_address = sa.Table(
    "organization_address",
    metadata,
    sa.Column(
        "organization_id",
        sa.BigInteger,
        sa.ForeignKey("organization.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("normalized", sa.Text, primary_key=True, index=True),
    sa.Column("matched_at", MOMENT),
    sa.Index(
        "ix_organization_address_unmatched",
        "organization_id",
        postgresql_where=sa.text("matched_at IS NULL"),
        sqlite_where=sa.text("matched_at IS NULL"),
    ),
)

contact = sa.Table(
    "contact",
    metadata,
    generated_id(),
    sa.Column("kind", sa.Text, nullable=False, server_default="contact"),
    sa.Column("first_name", sa.Text),
    sa.Column("last_name", sa.Text),
    reference("organization_id", "organization.id", nullable=True, ondelete="SET NULL"),
    sa.Column("external_id", sa.Text, unique=True),
    moment_of_writing("created_at"),
    moment_of_writing("updated_at"),
    sa.Column("deleted_at", MOMENT),
    # Which contact_source it belongs to; NULL for those that were made here, and that no sync touches.
    sa.Column("source", sa.Text),
    # When its archives got into its organization's history; NULL for not yet.
    sa.Column("organization_matched_at", MOMENT),
    one_of("kind", ("contact", "lead")),
    sa.Index("ix_contact_organization_id", "organization_id"),
    sa.Index(
        "ix_contact_organization_unmatched",
        "id",
        postgresql_where=sa.text("organization_id IS NOT NULL AND organization_matched_at IS NULL"),
        sqlite_where=sa.text("organization_id IS NOT NULL AND organization_matched_at IS NULL"),
    ),
)

contact_address = sa.Table(
    "contact_address",
    metadata,
    sa.Column("contact_id", sa.BigInteger, sa.ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("normalized", sa.Text, primary_key=True, index=True),
    sa.Column("is_primary", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("matched_at", MOMENT),
    sa.Index(
        "ix_contact_address_unmatched",
        "contact_id",
        postgresql_where=sa.text("matched_at IS NULL"),
        sqlite_where=sa.text("matched_at IS NULL"),
    ),
)

opportunity = sa.Table(
    "opportunity",
    metadata,
    generated_id(),
    sa.Column("name", sa.Text, nullable=False),
    reference("organization_id", "organization.id", nullable=True, ondelete="SET NULL"),
    sa.Column("stage", sa.Text, nullable=False, server_default="open"),
    moment_of_writing("created_at"),
    sa.Column("closed_at", MOMENT),
    moment_of_writing("updated_at"),
    sa.Column("external_id", sa.Text, unique=True),
    one_of("stage", ("open", "won", "lost")),
)

opportunity_contact = sa.Table(
    "opportunity_contact",
    metadata,
    sa.Column(
        "opportunity_id",
        sa.BigInteger,
        sa.ForeignKey("opportunity.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column(
        "contact_id",
        sa.BigInteger,
        sa.ForeignKey("contact.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    # When the contact's archives were looked at for it; NULL for not yet.
    sa.Column("matched_at", MOMENT),
    sa.Index(
        "ix_opportunity_contact_unmatched",
        "contact_id",
        postgresql_where=sa.text("matched_at IS NULL"),
        sqlite_where=sa.text("matched_at IS NULL"),
    ),
)

# How far we have come with a second database that owns contacts.
contact_source = sa.Table(
    "contact_source",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("definition_sha256", sa.Text, nullable=False),
    sa.Column("newest_updated_at", MOMENT),
    sa.Column("full_at", MOMENT, nullable=False),
    sa.Column("synced_at", MOMENT, nullable=False),
)

# A rule that is on, and since when.
linking_rule = sa.Table(
    "linking_rule",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("set_up_at", MOMENT, nullable=False),
)

# --- The mailboxes and the ledger --------------------------------------------------------------------------

mailbox = sa.Table(
    "mailbox",
    metadata,
    generated_id(),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.UniqueConstraint("account", "name", "host", "username"),
)

mailbox_epoch = sa.Table(
    "mailbox_epoch",
    metadata,
    generated_id(),
    reference("mailbox_id", "mailbox.id"),
    sa.Column("uidvalidity", sa.BigInteger, nullable=False),
    sa.Column("last_uid", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("highest_modseq", sa.BigInteger),
    sa.Column("started_at", MOMENT, nullable=False),
    sa.Column("ended_at", MOMENT),
    sa.Column("polled_at", MOMENT),
    sa.Index("ix_mailbox_epoch_mailbox_id", "mailbox_id"),
)

archive = sa.Table(
    "archive",
    metadata,
    generated_id(),
    sa.Column("fingerprint", sa.Text, nullable=False, unique=True),
    sa.Column("message_id", sa.Text),
    sa.Column("thread_id", sa.Text, index=True),
    sa.Column("kind", sa.Text, nullable=False, server_default="message"),
    sa.Column("list_id", sa.Text),
    sa.Column("auto_submitted", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("sender", sa.Text),
    sa.Column("sent_at", MOMENT),
    sa.Column("received_at", MOMENT, index=True),
    sa.Column("archived_at", MOMENT, nullable=False),
    sa.Column("direction", sa.Text),
    sa.Column("body_text", sa.Text),
    sa.Column("body_html", sa.Text),
    sa.Column("size_octets", sa.BigInteger, nullable=False),
    sa.Column("source_sha256", sa.Text, nullable=False),
    sa.Column("attachment_count", sa.Integer, nullable=False),
    sa.Column("attachments_name", sa.Text),
    sa.Column("attachments_sha256", sa.Text),
    sa.Column("defects", JSON, nullable=False),
    one_of("kind", Kind),
    one_of("direction", Direction),
    # By hash: PostgreSQL's trees refuse entries over about 2,700 octets, and a Message-ID has no limit.
    sa.Index("ix_archive_message_id", "message_id", postgresql_using="hash"),
)

processed_uid = sa.Table(
    "processed_uid",
    metadata,
    sa.Column("epoch_id", sa.BigInteger, sa.ForeignKey("mailbox_epoch.id"), primary_key=True),
    sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("outcome", sa.Text, nullable=False),
    reference("archive_id", "archive.id", nullable=True),
    sa.Column("reason", sa.Text),
    sa.Column("rule", sa.Text),
    sa.Column("source_sha256", sa.Text),
    sa.Column("header_sha256", sa.Text),
    sa.Column("size_octets", sa.BigInteger),
    sa.Column("received_at", MOMENT),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="1"),
    sa.Column("next_attempt_at", MOMENT),
    sa.Column("processed_at", MOMENT, nullable=False),
    sa.Column("disposed_at", MOMENT),
    # Which the original is stored with, where the archive names another, or there is none.
    sa.Column("attachments_sha256", sa.Text),
    one_of("outcome", Outcome),
    sa.Index("ix_processed_uid_archive_id", "archive_id"),
    # By which messages of another epoch are recognised. It grows at its end, as mail comes in.
    sa.Index("ix_processed_uid_received_at", "received_at"),
    sa.Index(
        "ix_processed_uid_next_attempt",
        "epoch_id",
        "next_attempt_at",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_processed_uid_undisposed",
        "epoch_id",
        "uid",
        postgresql_where=sa.text("disposed_at IS NULL AND archive_id IS NOT NULL"),
        sqlite_where=sa.text("disposed_at IS NULL AND archive_id IS NOT NULL"),
    ),
)

# --- What hangs on an archive ------------------------------------------------------------------------------

archive_address = sa.Table(
    "archive_address",
    metadata,
    sa.Column("archive_id", sa.BigInteger, sa.ForeignKey("archive.id"), primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    # The ledger row that it came from: a duplicate adds what its own road knew.
    sa.Column("epoch_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("uid", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("normalized", sa.Text, index=True),
    # The same without its "+tag", where it has one: by it a contact that comes later finds the archive.
    sa.Column("without_tag", sa.Text),
    # How it was found, where no field of the header has it.
    sa.Column("rule", sa.Text),
    sa.Index(
        "ix_archive_address_without_tag",
        "without_tag",
        postgresql_where=sa.text("without_tag IS NOT NULL"),
        sqlite_where=sa.text("without_tag IS NOT NULL"),
    ),
    sa.ForeignKeyConstraint(["epoch_id", "uid"], ["processed_uid.epoch_id", "processed_uid.uid"]),
    one_of("role", Role),
)

attachment = sa.Table(
    "attachment",
    metadata,
    sa.Column("archive_id", sa.BigInteger, sa.ForeignKey("archive.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("filename", sa.Text),
    sa.Column("safe_name", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("size_octets", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("inline", sa.Boolean, nullable=False),
    # The position of the attachment that it was found in.
    sa.Column("within", sa.Integer),
)

# What a bounce reports: one row for each recipient.
delivery_report = sa.Table(
    "delivery_report",
    metadata,
    sa.Column("archive_id", sa.BigInteger, sa.ForeignKey("archive.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("normalized", sa.Text, index=True),
    # Action and status are the remote server's words: no CHECK.
    sa.Column("action", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("message_id", sa.Text),
    sa.Index("ix_delivery_report_message_id", "message_id", postgresql_using="hash"),
)

# Every Message-ID that an archive has or names, whether that message is here or not: how threads are found.
thread_message = sa.Table(
    "thread_message",
    metadata,
    sa.Column("message_key", sa.Text, primary_key=True),
    sa.Column("thread_id", sa.Text, nullable=False, index=True),
)


def _link_table(target: str, *more: sa.Column[Any]) -> sa.Table:
    """Archives linked to contacts, organizations or opportunities: one row a pair."""
    column = f"{target}_id"
    return sa.Table(
        f"archive_{target}",
        metadata,
        sa.Column("archive_id", sa.BigInteger, sa.ForeignKey("archive.id"), primary_key=True),
        sa.Column(
            column,
            sa.BigInteger,
            sa.ForeignKey(f"{target}.id", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
        sa.Column("role", sa.Text),
        sa.Column("address", sa.Text),
        sa.Column("origin", sa.Text, nullable=False, server_default="auto"),
        sa.Column("rule", sa.Text),
        sa.Column("ambiguous", sa.Boolean, nullable=False, server_default=sa.false()),
        moment_of_writing("linked_at"),
        sa.Column("unlinked_at", MOMENT),
        *more,
        one_of("role", Role),
        one_of("origin", ("auto", "manual")),
    )


def _through_contact() -> sa.Column[int]:
    """Which of the archive's contacts it follows from; NULL where it follows from none."""
    key = sa.ForeignKey("contact.id", ondelete="SET NULL")
    return sa.Column("contact_id", sa.BigInteger, key, index=True)


archive_contact = _link_table("contact")
archive_organization = _link_table("organization", _through_contact())
archive_opportunity = _link_table("opportunity", _through_contact())
