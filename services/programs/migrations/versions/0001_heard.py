"""What was heard of others: the read tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "seen_cohort_entry",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_seen_cohort_entry")),
    )
    op.create_index(op.f("ix_seen_cohort_entry_household_id"), "seen_cohort_entry", ["household_id"], unique=False)
    op.create_table(
        "seen_duplicate",
        sa.Column("duplicate_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("blocks", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("duplicate_id", "household_id", name=op.f("pk_seen_duplicate")),
    )
    op.create_index(op.f("ix_seen_duplicate_household_id"), "seen_duplicate", ["household_id"], unique=False)
    op.create_table(
        "seen_enrolment",
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "enrolment_id", name=op.f("pk_seen_enrolment")),
    )
    op.create_index(op.f("ix_seen_enrolment_household_id"), "seen_enrolment", ["household_id"], unique=False)
    op.create_table(
        "seen_household",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_seen_household")),
    )
    op.create_index(op.f("ix_seen_household_region"), "seen_household", ["region"], unique=False)
    op.create_table(
        "seen_payment",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("fund_line", sa.String(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.Column("returned_rupiah", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "payment_id", name=op.f("pk_seen_payment")),
    )
    op.create_index(op.f("ix_seen_payment_household_id"), "seen_payment", ["household_id"], unique=False)
    op.create_table(
        "seen_profile",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("profile", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("household_id", "kind", name=op.f("pk_seen_profile")),
    )
    op.create_table(
        "seen_programme",
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("benefit_kind", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "programme_id", name=op.f("pk_seen_programme")),
    )
    op.create_index("ix_seen_programme_agency_programme", "seen_programme", ["agency", "programme"], unique=False)
    op.create_table(
        "seen_service",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("delivered_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "delivery_id", name=op.f("pk_seen_service")),
    )
    op.create_index(op.f("ix_seen_service_household_id"), "seen_service", ["household_id"], unique=False)
    op.create_table(
        "seen_verification",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("profile_revision", sa.Integer(), nullable=False),
        sa.Column("confirmed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("household_id", "source", name=op.f("pk_seen_verification")),
    )
    op.create_index(op.f("ix_seen_verification_status"), "seen_verification", ["status"], unique=False)
