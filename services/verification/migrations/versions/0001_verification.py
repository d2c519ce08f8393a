"""Tables of verification."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "assignment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("officer", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index(
        "uq_assignment_current",
        "assignment",
        ["region", "officer"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "cohort_entry",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("cohort_id", sa.Uuid(), nullable=False),
        sa.Column("cohort", sa.Text(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_cohort_entry")),
    )
    op.create_index(
        "ix_cohort_entry_household_id",
        "cohort_entry",
        ["household_id"],
        unique=False,
        postgresql_where=sa.text("outcome = 'member'"),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.String(40),
            nullable=False,
        ),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "category",
            sa.String(40),
            nullable=True,
        ),
        sa.Column("category_reason", sa.Text(), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("profile_revision", sa.Integer(), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "category in ('extreme-poor', 'poor', 'vulnerable', 'not-poor', 'unknown')",
            name=op.f("ck_decision_category"),
        ),
        sa.CheckConstraint("kind in ('verified', 'rejected', 'returned')", name=op.f("ck_decision_kind")),
        sa.CheckConstraint("(revoked_by is null) = (revoked_at is null)", name=op.f("ck_decision_revoked")),
        sa.CheckConstraint("proposed_by <> decided_by", name=op.f("ck_decision_two_people")),
        sa.CheckConstraint("revoked_by not in (decided_by, proposed_by)", name=op.f("ck_decision_revoked_by_another")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    op.create_index("ix_decision_case_id", "decision", ["case_id"], unique=False)
    op.create_table(
        "duplicate_question",
        sa.Column("duplicate_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("suspected", sa.Boolean(), nullable=False),
        sa.Column("resolved", sa.Boolean(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("duplicate_id", "household_id", name=op.f("pk_duplicate_question")),
    )
    op.create_index("ix_duplicate_question_household_id", "duplicate_question", ["household_id"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("visit_id", "place", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_sha256", "evidence", ["sha256"], unique=False)
    op.create_table(
        "household",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household")),
    )
    op.create_table(
        "household_features",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_household_features")),
    )
    op.create_table(
        "overdue_notice",
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("households", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("region", "counted_on", name=op.f("pk_overdue_notice")),
    )
    op.create_table(
        "verification_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("cohort_id", sa.Uuid(), nullable=True),
        sa.Column("cohort", sa.Text(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.String(40),
            nullable=False,
        ),
        sa.Column("officer", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visit_due_on", sa.Date(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(state = 'proposed') = (officer is null) or state = 'withdrawn'", name=op.f("ck_verification_case_officer")
        ),
        sa.CheckConstraint(
            "(state in ('verified', 'expired')) <= (valid_until is not null)",
            name=op.f("ck_verification_case_valid_until"),
        ),
        sa.CheckConstraint(
            "state in ('proposed', 'assigned', 'visited', 'returned', "
            "'verified', 'rejected', 'revoked', 'expired', 'withdrawn')",
            name=op.f("ck_verification_case_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_case")),
        sa.UniqueConstraint("household_id", "round", name=op.f("uq_verification_case_household_id_round")),
    )
    op.create_index(
        "ix_verification_case_due",
        "verification_case",
        ["visit_due_on"],
        unique=False,
        postgresql_where=sa.text("state in ('assigned', 'proposed', 'returned')"),
    )
    op.create_index(
        "ix_verification_case_officer",
        "verification_case",
        ["officer"],
        unique=False,
        postgresql_where=sa.text("state in ('assigned', 'proposed', 'returned')"),
    )
    op.create_index("ix_verification_case_region_state", "verification_case", ["region", "state", "id"], unique=False)
    op.create_index(
        "ix_verification_case_valid_until",
        "verification_case",
        ["valid_until"],
        unique=False,
        postgresql_where=sa.text("state = 'verified'"),
    )
    op.create_index(
        "uq_verification_case_open",
        "verification_case",
        ["household_id"],
        unique=True,
        postgresql_where=sa.text("state in ('assigned', 'proposed', 'returned', 'visited')"),
    )
    op.create_table(
        "visit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("visited_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("questionnaire", sa.Text(), nullable=False),
        sa.Column("no_answer_reason", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.SmallInteger(), nullable=False),
        sa.Column("outcomes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("confirmed_persons", sa.Integer(), nullable=False),
        sa.Column("evidence_count", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column(
            "category",
            sa.String(40),
            nullable=True,
        ),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "category in ('extreme-poor', 'poor', 'vulnerable', 'not-poor', 'unknown')", name=op.f("ck_visit_category")
        ),
        sa.CheckConstraint("(score is null) = (no_answer_reason is not null)", name=op.f("ck_visit_answered")),
        sa.CheckConstraint("score between 0 and 100", name=op.f("ck_visit_score")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
    )
    op.create_index("ix_visit_case_id", "visit", ["case_id"], unique=False)


def downgrade() -> None:
    op.drop_table("visit")
    op.drop_table("verification_case")
    op.drop_table("overdue_notice")
    op.drop_table("household_features")
    op.drop_table("household")
    op.drop_table("evidence")
    op.drop_table("duplicate_question")
    op.drop_table("decision")
    op.drop_table("cohort_entry")
    op.drop_table("assignment")
