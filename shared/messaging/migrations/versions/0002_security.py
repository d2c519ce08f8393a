"""The tables of security and the edge: audit, household keys, idempotency."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.security.tables import REFUSE_CHANGES

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("principal", sa.String(length=200), nullable=False, comment="agency/subject; never a name"),
        sa.Column("roles", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("action", sa.String(length=100), nullable=False),
        sa.Column(
            "subjects",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="ids and codes; never an attribute of a person",
        ),
        sa.Column("purpose", sa.String(length=100), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        schema="kernel",
        comment="Append-only: who wrote, and who looked at an identity",
    )
    op.create_index(
        "ix_audit_subjects",
        "audit",
        ["subjects"],
        unique=False,
        schema="kernel",
        postgresql_using="gin",
        postgresql_ops={"subjects": "jsonb_path_ops"},
    )
    op.create_table(
        "audit_block",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 over the digest before and the rows"),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_block")),
        schema="kernel",
        comment="Append-only: the audit in sealed blocks, each holding the one before",
    )
    op.create_table(
        "household_key",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False, comment="deployment key that wrapped it"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household_key")),
        schema="kernel",
        comment="One data key per household whose identity is kept here; deleting the row erases the identity",
    )
    op.create_index(
        op.f("ix_household_key_key_version"), "household_key", ["key_version"], unique=False, schema="kernel"
    )
    op.create_table(
        "idempotency",
        sa.Column("principal", sa.String(length=200), nullable=False),
        sa.Column("route", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="keyed digest of address and body"),
        sa.Column(
            "status", sa.SmallInteger(), nullable=True, comment="NULL only inside the transaction that does the work"
        ),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True, comment="the answer's body, sealed by the deployment key"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("principal", "route", "key", name=op.f("pk_idempotency")),
        schema="kernel",
        comment="Answers kept so that a repeated request changes nothing and hears the same",
    )
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"], unique=False, schema="kernel")
    for statement in REFUSE_CHANGES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_idempotency_created_at"), table_name="idempotency", schema="kernel")
    op.drop_table("idempotency", schema="kernel")
    op.drop_index(op.f("ix_household_key_key_version"), table_name="household_key", schema="kernel")
    op.drop_table("household_key", schema="kernel")
    op.drop_index(
        "ix_audit_subjects",
        table_name="audit",
        schema="kernel",
        postgresql_using="gin",
        postgresql_ops={"subjects": "jsonb_path_ops"},
    )
    op.drop_table("audit_block", schema="kernel")
    op.drop_table("audit", schema="kernel")
    op.execute("drop function kernel.refuse_audit_change()")
