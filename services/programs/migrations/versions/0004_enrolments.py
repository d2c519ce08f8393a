"""Who takes part: proposals, enrolments, case work and corrections."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("correction_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.CheckConstraint(
            "kind in ('void', 'end', 'resume', 'reverse-graduation', 'reverse-payment', 'return-payment')",
            name=op.f("ck_correction_kind_known"),
        ),
        sa.CheckConstraint("state in ('requested', 'approved', 'refused')", name=op.f("ck_correction_state_known")),
        sa.CheckConstraint("requested_by <> decided_by", name=op.f("ck_correction_two_people")),
        sa.CheckConstraint("rupiah is null or rupiah > 0", name=op.f("ck_correction_returns_something")),
        sa.PrimaryKeyConstraint("correction_id", name=op.f("pk_correction")),
    )
    op.create_index(
        "uq_correction_open",
        "correction",
        ["kind", "target_id"],
        unique=True,
        postgresql_where=sa.text("state = 'requested'"),
    )
    op.create_table(
        "enrolment",
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("programme_version", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=True),
        sa.Column("quota_id", sa.Uuid(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("waitlist_id", sa.Uuid(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status in ('active', 'suspended', 'ended', 'graduated', 'voided')", name=op.f("ck_enrolment_status_known")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", name=op.f("pk_enrolment")),
    )
    op.create_index(op.f("ix_enrolment_household_id"), "enrolment", ["household_id"], unique=False)
    op.create_index("ix_enrolment_programme_id_status", "enrolment", ["programme_id", "status"], unique=False)
    op.create_index(
        "uq_enrolment_live",
        "enrolment",
        ["programme_id", "household_id"],
        unique=True,
        postgresql_where=sa.text("status in ('active', 'suspended')"),
    )
    op.create_table(
        "proposal",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("programme_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=False),
        sa.Column("list_sha256", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decree_number", sa.String(), nullable=True),
        sa.Column("decree_dated", sa.Date(), nullable=True),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state in ('proposed', 'enrolling', 'done', 'refused')", name=op.f("ck_proposal_state_known")
        ),
        sa.CheckConstraint("proposed_by <> decided_by", name=op.f("ck_proposal_two_people")),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_programme_id"), "proposal", ["programme_id"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("delivered_on", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.enrolment_id"], name=op.f("fk_delivery_enrolment_id")),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_enrolment_id"), "delivery", ["enrolment_id"], unique=False)
    op.create_table(
        "enrolled_member",
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["enrolment.enrolment_id"], name=op.f("fk_enrolled_member_enrolment_id")
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "member_id", name=op.f("pk_enrolled_member")),
    )
    op.create_index(
        "uq_enrolled_member_live",
        "enrolled_member",
        ["programme_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("live"),
    )
    op.create_table(
        "graduation",
        sa.Column("graduation_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_on", sa.Date(), nullable=False),
        sa.Column("objections_until", sa.Date(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state in ('proposed', 'graduated', 'refused', 'reversed')", name=op.f("ck_graduation_state_known")
        ),
        sa.CheckConstraint("proposed_by <> decided_by", name=op.f("ck_graduation_two_people")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.enrolment_id"], name=op.f("fk_graduation_enrolment_id")),
        sa.PrimaryKeyConstraint("graduation_id", name=op.f("pk_graduation")),
    )
    op.create_index(op.f("ix_graduation_enrolment_id"), "graduation", ["enrolment_id"], unique=False)
    op.create_index(
        "uq_graduation_open",
        "graduation",
        ["enrolment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "overlap",
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("other_enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("other_agency", sa.String(), nullable=False),
        sa.Column("other_programme", sa.String(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.enrolment_id"], name=op.f("fk_overlap_enrolment_id")),
        sa.PrimaryKeyConstraint("enrolment_id", "other_enrolment_id", name=op.f("pk_overlap")),
    )
    op.create_table(
        "proposal_item",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=True),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("held_elsewhere", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("state in ('accepted', 'refused', 'enrolled')", name=op.f("ck_proposal_item_state_known")),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposal.proposal_id"], name=op.f("fk_proposal_item_proposal_id")),
        sa.PrimaryKeyConstraint("proposal_id", "place", name=op.f("pk_proposal_item")),
        sa.UniqueConstraint("proposal_id", "household_id", name=op.f("uq_proposal_item_proposal_id_household_id")),
    )
    op.create_table(
        "suspension",
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("lifted_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.enrolment_id"], name=op.f("fk_suspension_enrolment_id")),
        sa.PrimaryKeyConstraint("enrolment_id", "reason", "cause_id", name=op.f("pk_suspension")),
    )
    op.create_table(
        "objection",
        sa.Column("objection_id", sa.Uuid(), nullable=False),
        sa.Column("graduation_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("filed_by", sa.String(), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["graduation_id"], ["graduation.graduation_id"], name=op.f("fk_objection_graduation_id")
        ),
        sa.PrimaryKeyConstraint("objection_id", name=op.f("pk_objection")),
    )
    op.create_index(op.f("ix_objection_graduation_id"), "objection", ["graduation_id"], unique=False)
