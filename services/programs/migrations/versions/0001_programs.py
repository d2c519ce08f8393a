"""Tables of programs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


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
        "programme",
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", name=op.f("pk_programme")),
        sa.UniqueConstraint("code", name=op.f("uq_programme_code")),
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
        sa.PrimaryKeyConstraint("enrolment_id", name=op.f("pk_seen_enrolment")),
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
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_seen_payment")),
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
        sa.PrimaryKeyConstraint("programme_id", name=op.f("pk_seen_programme")),
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
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_seen_service")),
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
        "fund_line",
        sa.Column("fund_line_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("funding", sa.String(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("ceiling_rupiah", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("committed", sa.BigInteger(), nullable=False),
        sa.Column("realised", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "available + reserved + committed + realised + returned = ceiling_rupiah",
            name=op.f("ck_fund_line_sums_to_ceiling"),
        ),
        sa.CheckConstraint(
            "available >= 0 and reserved >= 0 and committed >= 0 and realised >= 0 and returned >= 0",
            name=op.f("ck_fund_line_not_overspent"),
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.programme_id"], name=op.f("fk_fund_line_programme_id")),
        sa.PrimaryKeyConstraint("fund_line_id", name=op.f("pk_fund_line")),
        sa.UniqueConstraint("code", name=op.f("uq_fund_line_code")),
    )
    op.create_index(op.f("ix_fund_line_programme_id"), "fund_line", ["programme_id"], unique=False)
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
        "programme_version",
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("source_text", sa.String(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.programme_id"], name=op.f("fk_programme_version_programme_id")
        ),
        sa.PrimaryKeyConstraint("programme_id", "version", name=op.f("pk_programme_version")),
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
        "quota",
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("threshold_told", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind in ('slots', 'counted')", name=op.f("ck_quota_kind_known")),
        sa.CheckConstraint("taken between 0 and places", name=op.f("ck_quota_not_oversold")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.programme_id"], name=op.f("fk_quota_programme_id")),
        sa.PrimaryKeyConstraint("quota_id", name=op.f("pk_quota")),
        sa.UniqueConstraint("programme_id", "region", "period", name=op.f("uq_quota_programme_id_region_period")),
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
        "entitlement",
        sa.Column("entitlement_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("fund_line_id", sa.Uuid(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint(
            "state in ('open', 'reserved', 'committed', 'paid', 'returned', 'reversed', 'void')",
            name=op.f("ck_entitlement_state_known"),
        ),
        sa.CheckConstraint("rupiah > 0", name=op.f("ck_entitlement_is_worth_something")),
        sa.ForeignKeyConstraint(["fund_line_id"], ["fund_line.fund_line_id"], name=op.f("fk_entitlement_fund_line_id")),
        sa.PrimaryKeyConstraint("entitlement_id", name=op.f("pk_entitlement")),
    )
    op.create_index(op.f("ix_entitlement_household_id"), "entitlement", ["household_id"], unique=False)
    op.create_index("ix_entitlement_payable", "entitlement", ["programme_id", "period", "state"], unique=False)
    op.create_index(
        "uq_entitlement_current",
        "entitlement",
        ["enrolment_id", "period"],
        unique=True,
        postgresql_where=sa.text("state not in ('void', 'reversed')"),
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
    op.create_table(
        "payment_list",
        sa.Column("payment_list_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("fund_line_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("families", sa.Integer(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=False),
        sa.Column("list_sha256", sa.String(), nullable=True),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decree_number", sa.String(), nullable=True),
        sa.Column("decree_dated", sa.Date(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state in ('building', 'draft', 'submitted', 'approved', 'refused', 'settled')",
            name=op.f("ck_payment_list_state_known"),
        ),
        sa.CheckConstraint("made_by <> decided_by", name=op.f("ck_payment_list_two_people")),
        sa.ForeignKeyConstraint(
            ["fund_line_id"], ["fund_line.fund_line_id"], name=op.f("fk_payment_list_fund_line_id")
        ),
        sa.PrimaryKeyConstraint("payment_list_id", name=op.f("pk_payment_list")),
    )
    op.create_index(op.f("ix_payment_list_programme_id"), "payment_list", ["programme_id"], unique=False)
    op.create_table(
        "quota_allocation",
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("allocated_by", sa.String(), nullable=False),
        sa.Column("allocated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.quota_id"], name=op.f("fk_quota_allocation_quota_id")),
        sa.PrimaryKeyConstraint("quota_id", "version", name=op.f("pk_quota_allocation")),
    )
    op.create_table(
        "slot",
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("enrolment_id", sa.Uuid(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("succeeds", sa.Uuid(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state in ('offered', 'filled')) = (household_id is not null)", name=op.f("ck_slot_held_by_a_household")
        ),
        sa.CheckConstraint(
            "state in ('vacant', 'offered', 'filled', 'released', 'withdrawn')", name=op.f("ck_slot_state_known")
        ),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.quota_id"], name=op.f("fk_slot_quota_id")),
        sa.PrimaryKeyConstraint("slot_id", name=op.f("pk_slot")),
        sa.UniqueConstraint("quota_id", "number", name=op.f("uq_slot_quota_id_number")),
    )
    op.create_index(
        "ix_slot_free",
        "slot",
        ["quota_id", "number"],
        unique=False,
        postgresql_where=sa.text("state in ('vacant', 'released')"),
    )
    op.create_index(
        "uq_slot_held",
        "slot",
        ["programme_id", "household_id"],
        unique=True,
        postgresql_where=sa.text("state in ('offered', 'filled')"),
    )
    op.create_table(
        "transfer",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("fund_line_id", sa.Uuid(), nullable=False),
        sa.Column("move", sa.String(), nullable=False),
        sa.Column("leaves", sa.String(), nullable=False),
        sa.Column("enters", sa.String(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(move, leaves, enters) in (('grant', 'ceiling', 'available'), "
            "('cut', 'available', 'ceiling'), "
            "('reserve', 'available', 'reserved'), "
            "('release', 'reserved', 'available'), "
            "('commit', 'reserved', 'committed'), "
            "('realise', 'committed', 'realised'), "
            "('fail', 'committed', 'available'), "
            "('return', 'realised', 'returned'), "
            "('reverse', 'realised', 'available'))",
            name=op.f("ck_transfer_path_known"),
        ),
        sa.CheckConstraint("rupiah > 0", name=op.f("ck_transfer_moves_something")),
        sa.ForeignKeyConstraint(["fund_line_id"], ["fund_line.fund_line_id"], name=op.f("fk_transfer_fund_line_id")),
        sa.PrimaryKeyConstraint("transfer_id", name=op.f("pk_transfer")),
    )
    op.create_index(op.f("ix_transfer_entitlement_id"), "transfer", ["entitlement_id"], unique=False)
    op.create_index(op.f("ix_transfer_fund_line_id"), "transfer", ["fund_line_id"], unique=False)
    op.create_table(
        "waitlist",
        sa.Column("waitlist_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("programme_version", sa.Integer(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ranked_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("families", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("frozen_by", sa.String(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["quota_id"], ["quota.quota_id"], name=op.f("fk_waitlist_quota_id")),
        sa.PrimaryKeyConstraint("waitlist_id", name=op.f("pk_waitlist")),
        sa.UniqueConstraint("quota_id", "version", name=op.f("uq_waitlist_quota_id_version")),
    )
    op.create_table(
        "offer",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("programme_version", sa.Integer(), nullable=False),
        sa.Column("quota_id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("waitlist_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state in ('open', 'accepted', 'declined', 'expired', 'withdrawn')", name=op.f("ck_offer_state_known")
        ),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.slot_id"], name=op.f("fk_offer_slot_id")),
        sa.PrimaryKeyConstraint("offer_id", name=op.f("pk_offer")),
    )
    op.create_index("ix_offer_household_id", "offer", ["household_id"], unique=False)
    op.create_index("uq_offer_open", "offer", ["slot_id"], unique=True, postgresql_where=sa.text("state = 'open'"))
    op.create_table(
        "payment",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("payment_list_id", sa.Uuid(), nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("returned_rupiah", sa.BigInteger(), nullable=False),
        sa.Column("held_elsewhere", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "state in ('listed', 'reserved', 'committed', 'paid', 'failed', 'released', 'returned', 'reversed')",
            name=op.f("ck_payment_state_known"),
        ),
        sa.CheckConstraint(
            "rupiah > 0 and returned_rupiah between 0 and rupiah", name=op.f("ck_payment_returns_at_most_itself")
        ),
        sa.ForeignKeyConstraint(
            ["entitlement_id"], ["entitlement.entitlement_id"], name=op.f("fk_payment_entitlement_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_list_id"], ["payment_list.payment_list_id"], name=op.f("fk_payment_payment_list_id")
        ),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_payment")),
    )
    op.create_index(op.f("ix_payment_enrolment_id"), "payment", ["enrolment_id"], unique=False)
    op.create_index("ix_payment_payment_list_id_state", "payment", ["payment_list_id", "state"], unique=False)
    op.create_index(
        "uq_payment_live",
        "payment",
        ["entitlement_id"],
        unique=True,
        postgresql_where=sa.text("state in ('reserved', 'committed', 'paid', 'returned')"),
    )
    op.create_table(
        "payment_exclusion",
        sa.Column("payment_list_id", sa.Uuid(), nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_list_id"], ["payment_list.payment_list_id"], name=op.f("fk_payment_exclusion_payment_list_id")
        ),
        sa.PrimaryKeyConstraint("payment_list_id", "entitlement_id", name=op.f("pk_payment_exclusion")),
    )
    op.create_table(
        "result_file",
        sa.Column("payment_list_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("received_by", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_list_id"], ["payment_list.payment_list_id"], name=op.f("fk_result_file_payment_list_id")
        ),
        sa.PrimaryKeyConstraint("payment_list_id", "sha256", name=op.f("pk_result_file")),
    )
    op.create_table(
        "skip",
        sa.Column("skip_id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("waitlist_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("skipped_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.slot_id"], name=op.f("fk_skip_slot_id")),
        sa.PrimaryKeyConstraint("skip_id", name=op.f("pk_skip")),
    )
    op.create_index(op.f("ix_skip_waitlist_id"), "skip", ["waitlist_id"], unique=False)
    op.create_table(
        "waitlist_entry",
        sa.Column("waitlist_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("announced", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "state in ('waiting', 'offered', 'enrolled', 'left')", name=op.f("ck_waitlist_entry_state_known")
        ),
        sa.ForeignKeyConstraint(["waitlist_id"], ["waitlist.waitlist_id"], name=op.f("fk_waitlist_entry_waitlist_id")),
        sa.PrimaryKeyConstraint("waitlist_id", "rank", name=op.f("pk_waitlist_entry")),
        sa.UniqueConstraint("waitlist_id", "household_id", name=op.f("uq_waitlist_entry_waitlist_id_household_id")),
    )
    op.create_index("ix_waitlist_entry_household_id", "waitlist_entry", ["household_id"], unique=False)
    op.create_table(
        "result_row",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("payment_list_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.payment_id"], name=op.f("fk_result_row_payment_id")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_result_row")),
    )
    op.create_index(op.f("ix_result_row_payment_list_id"), "result_row", ["payment_list_id"], unique=False)
    op.execute(
        """
        create function refuse_change() returns trigger language plpgsql as $$
        begin
            raise exception '% is append-only', tg_table_name using errcode = '23001';
        end $$
        """
    )
    for table in ("transfer", "programme_version", "quota_allocation"):
        op.execute(
            f"create trigger append_only before update or delete on {table} "
            "for each row execute function refuse_change()"
        )
