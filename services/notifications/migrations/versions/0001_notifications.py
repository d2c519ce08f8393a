"""Tables of notifications."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "cohort_entry",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("cohort", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_cohort_entry")),
    )
    op.create_table(
        "entry_span",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cohort", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "bucket in ('untouched', 'in_verification', 'waiting', 'served', 'exited', 'moved', 'died', "
            "'ineligible', 'duplicate', 'unmatched', 'damaged')",
            name=op.f("ck_entry_span_bucket"),
        ),
        sa.PrimaryKeyConstraint("entry_id", "since", name=op.f("pk_entry_span")),
    )
    op.create_index("ix_entry_span_cohort_since", "entry_span", ["cohort", "since"], unique=False)
    op.create_table(
        "heard_fact",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("entry_id", sa.Uuid(), nullable=True),
        sa.Column("programme", sa.Text(), nullable=True),
        sa.Column("fund_line", sa.Text(), nullable=True),
        sa.Column("quota_id", sa.Uuid(), nullable=True),
        sa.Column("rupiah", sa.BigInteger(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_heard_fact")),
    )
    op.create_index(
        "ix_heard_fact_entry_id",
        "heard_fact",
        ["entry_id"],
        unique=False,
        postgresql_where=sa.text("entry_id is not null"),
    )
    op.create_index(
        "ix_heard_fact_fund_line",
        "heard_fact",
        ["fund_line", "at"],
        unique=False,
        postgresql_where=sa.text("fund_line is not null"),
    )
    op.create_index("ix_heard_fact_key", "heard_fact", ["key"], unique=False)
    op.create_index(
        "ix_heard_fact_quota_id",
        "heard_fact",
        ["quota_id", "at"],
        unique=False,
        postgresql_where=sa.text("quota_id is not null"),
    )
    op.create_index("ix_heard_fact_source_at", "heard_fact", ["source", "at"], unique=False)
    op.create_index(
        "ix_heard_fact_type_at",
        "heard_fact",
        ["type", "at"],
        unique=False,
        postgresql_where=sa.text("household_id is null"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("cause", "recipient", name=op.f("uq_message_cause_recipient")),
    )
    op.create_index("ix_message_recipient_told_at", "message", ["recipient", "told_at"], unique=False)
    op.create_table(
        "place_story",
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("released", sa.Integer(), nullable=False),
        sa.Column("filled", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("correlation_id", "programme", "agency", name=op.f("pk_place_story")),
    )
    op.create_table(
        "silence",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("last_heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_silence")),
    )
    op.create_table(
        "stage_span",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "stage in ('registered', 'verified', 'enrolled', 'served', 'graduated')", name=op.f("ck_stage_span_stage")
        ),
        sa.PrimaryKeyConstraint("household_id", "stage", "since", name=op.f("pk_stage_span")),
    )
    op.create_index("ix_stage_span_stage_since", "stage_span", ["stage", "since"], unique=False)
    op.create_table(
        "watch",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_watch")),
    )


def downgrade() -> None:
    op.drop_table("watch")
    op.drop_index("ix_stage_span_stage_since", table_name="stage_span")
    op.drop_table("stage_span")
    op.drop_table("silence")
    op.drop_table("place_story")
    op.drop_index("ix_message_recipient_told_at", table_name="message")
    op.drop_table("message")
    op.drop_index("ix_heard_fact_type_at", table_name="heard_fact", postgresql_where=sa.text("household_id is null"))
    op.drop_index("ix_heard_fact_source_at", table_name="heard_fact")
    op.drop_index("ix_heard_fact_quota_id", table_name="heard_fact", postgresql_where=sa.text("quota_id is not null"))
    op.drop_index("ix_heard_fact_key", table_name="heard_fact")
    op.drop_index("ix_heard_fact_fund_line", table_name="heard_fact", postgresql_where=sa.text("fund_line is not null"))
    op.drop_index("ix_heard_fact_entry_id", table_name="heard_fact", postgresql_where=sa.text("entry_id is not null"))
    op.drop_table("heard_fact")
    op.drop_index("ix_entry_span_cohort_since", table_name="entry_span")
    op.drop_table("entry_span")
    op.drop_table("cohort_entry")
