"""Programmes with their quotas and fund lines; places, waitlists and offers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "programme",
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("programme_id", name=op.f("pk_programme")),
        sa.UniqueConstraint("code", name=op.f("uq_programme_code")),
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
            "state in ('waiting', 'returned', 'offered', 'enrolled', 'left')",
            name=op.f("ck_waitlist_entry_state_known"),
        ),
        sa.ForeignKeyConstraint(["waitlist_id"], ["waitlist.waitlist_id"], name=op.f("fk_waitlist_entry_waitlist_id")),
        sa.PrimaryKeyConstraint("waitlist_id", "rank", name=op.f("pk_waitlist_entry")),
        sa.UniqueConstraint("waitlist_id", "household_id", name=op.f("uq_waitlist_entry_waitlist_id_household_id")),
    )
    op.create_index("ix_waitlist_entry_household_id", "waitlist_entry", ["household_id"], unique=False)
    op.execute(
        """
        create function refuse_change() returns trigger language plpgsql as $$
        begin
            raise exception '% is append-only', tg_table_name using errcode = '23001';
        end $$
        """
    )
    for table in ("programme_version", "quota_allocation"):
        op.execute(
            f"create trigger append_only before update or delete on {table} "
            "for each row execute function refuse_change()"
        )
