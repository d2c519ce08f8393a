"""The tables of the kernel: outbox, numbers, what was heard, what is parked, what falls due."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "announced",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_announced")),
        schema="kernel",
        comment="Last number given per key. Its row lock is what keeps the facts of one key in order.",
    )
    op.create_table(
        "due",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "failed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Set when it was given up: shown with the parked",
        ),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_due_kind_key")),
        schema="kernel",
        comment="What falls due at a moment of business time.",
    )
    op.create_index(
        op.f("ix_due_at"), "due", ["at"], unique=False, schema="kernel", postgresql_where=sa.text("failed_at is null")
    )
    op.create_table(
        "heard",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_offset", sa.BigInteger(), server_default=sa.text("-1"), nullable=False),
        sa.Column("blocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("topic", "key", name=op.f("pk_heard")),
        schema="kernel",
        comment="How far each key of each topic was heard. Grows with households, never expires.",
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True, comment="JSON data; null is a tombstone"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        schema="kernel",
        comment="What is committed and not yet acknowledged by Kafka. The relay deletes what was acknowledged.",
    )
    op.create_table(
        "parked",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Where the fault is; never a value of the record",
        ),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=False, comment="The original record, encrypted"),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state <> 'dismissed' or (settled_by is not null and settled_reason is not null)",
            name=op.f("ck_parked_dismissed"),
        ),
        sa.CheckConstraint("state in ('waiting', 'redriven', 'dismissed')", name=op.f("ck_parked_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked")),
        sa.UniqueConstraint("topic", "partition", "offset", name=op.f("uq_parked_topic_partition_offset")),
        schema="kernel",
        comment="Records that could not be handled, and those of the same key that wait behind them.",
    )
    op.create_index(
        op.f("ix_parked_topic_key_offset"),
        "parked",
        ["topic", "key", "offset"],
        unique=False,
        schema="kernel",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "react_from",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_react_from")),
        schema="kernel",
        comment="Below these offsets only projections run: the past that this deployment did not live through.",
    )
    op.create_table(
        "statement",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_statement")),
        schema="kernel",
        comment="What an operator has stated about this deployment, e.g. from where on it reacts.",
    )


def downgrade() -> None:
    op.drop_table("statement", schema="kernel")
    op.drop_table("react_from", schema="kernel")
    op.drop_index(
        op.f("ix_parked_topic_key_offset"),
        table_name="parked",
        schema="kernel",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_table("parked", schema="kernel")
    op.drop_table("outbox", schema="kernel")
    op.drop_table("heard", schema="kernel")
    op.drop_index(op.f("ix_due_at"), table_name="due", schema="kernel", postgresql_where=sa.text("failed_at is null"))
    op.drop_table("due", schema="kernel")
    op.drop_table("announced", schema="kernel")
