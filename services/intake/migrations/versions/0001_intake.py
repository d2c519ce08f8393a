"""Households, cohorts, imports, duplicates, open cases."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "cohort",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("register_code", sa.Text(), nullable=False),
        sa.Column("numbering", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("baseline_persons", sa.Integer(), nullable=False),
        sa.Column("baseline_families", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort")),
        sa.UniqueConstraint("code", name=op.f("uq_cohort_code")),
    )
    op.create_table(
        "held_row",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("row_number", sa.Integer(), nullable=True),
        sa.Column("row_digest", sa.LargeBinary(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("nik_index", sa.LargeBinary(), nullable=False),
        sa.Column("other_household_id", sa.Uuid(), nullable=False),
        sa.Column("other_member_id", sa.Uuid(), nullable=False),
        sa.Column("other_region", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('open', 'resolved')", name=op.f("ck_held_row_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_row")),
    )
    op.create_index(op.f("ix_held_row_household_id"), "held_row", ["household_id"], unique=False)
    op.create_index(op.f("ix_held_row_import_id"), "held_row", ["import_id"], unique=False)
    op.create_index("ix_held_row_nik_index", "held_row", ["nik_index"], unique=False)
    op.create_index(
        "ix_held_row_open", "held_row", ["region", "id"], unique=False, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index(op.f("ix_held_row_other_household_id"), "held_row", ["other_household_id"], unique=False)
    op.create_index("uq_held_row_row_digest", "held_row", ["row_digest"], unique=True)
    op.create_table(
        "household",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("registers", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("without_card_reason", sa.Text(), nullable=True),
        sa.Column("decile", sa.SmallInteger(), nullable=True),
        sa.Column("housing", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('active', 'withdrawn')", name=op.f("ck_household_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
    )
    op.create_index(op.f("ix_household_region_id"), "household", ["region", "id"], unique=False)
    op.create_table(
        "import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("register_code", sa.Text(), nullable=False),
        sa.Column("numbering", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("cohort_id", sa.Uuid(), nullable=True),
        sa.Column("source_sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("header", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("delimiter", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("parts_done", sa.Integer(), nullable=False),
        sa.Column("registered", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("warned", sa.Integer(), nullable=False),
        sa.Column("households", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('register', 'cohort')", name=op.f("ck_import_kind")),
        sa.CheckConstraint("state in ('working', 'done')", name=op.f("ck_import_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import")),
    )
    op.create_index("ix_import_created_at", "import", ["created_at", "id"], unique=False)
    op.create_index("uq_import_source", "import", ["kind", "register_code", "numbering", "source_sha256"], unique=True)
    op.create_table(
        "open_case",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("household_id", "source", "case_id", name=op.f("pk_open_case")),
    )
    op.create_table(
        "cohort_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cohort_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("numbering", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("nik_index", sa.LargeBinary(), nullable=True),
        sa.Column("known_to_registry", sa.Boolean(), nullable=True),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "outcome in ('member', 'duplicate', 'damaged', 'unmatched')", name=op.f("ck_cohort_entry_outcome")
        ),
        sa.ForeignKeyConstraint(["cohort_id"], ["cohort.id"], name=op.f("fk_cohort_entry_cohort_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort_entry")),
    )
    op.create_index(op.f("ix_cohort_entry_household_id"), "cohort_entry", ["household_id"], unique=False)
    op.create_index(
        "ix_cohort_entry_nik_index",
        "cohort_entry",
        ["nik_index"],
        unique=False,
        postgresql_where=sa.text("nik_index is not null"),
    )
    op.create_index("ix_cohort_entry_part", "cohort_entry", ["cohort_id", "part"], unique=False)
    op.create_index(
        "ix_cohort_entry_waiting",
        "cohort_entry",
        ["numbering", "reference"],
        unique=False,
        postgresql_where=sa.text("waits"),
    )
    op.create_index("uq_cohort_entry_row_number", "cohort_entry", ["cohort_id", "row_number"], unique=True)
    op.create_table(
        "family_card",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("kk_index", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_family_card_household_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family_card")),
    )
    op.create_index(op.f("ix_family_card_household_id"), "family_card", ["household_id"], unique=False)
    op.create_index(
        "uq_family_card_kk_index",
        "family_card",
        ["kk_index"],
        unique=True,
        postgresql_where=sa.text("valid_to is null"),
    )
    op.create_table(
        "household_reference",
        sa.Column("numbering", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_household_reference_household_id")),
        sa.PrimaryKeyConstraint("numbering", "reference", name=op.f("pk_household_reference")),
    )
    op.create_index(op.f("ix_household_reference_household_id"), "household_reference", ["household_id"], unique=False)
    op.create_table(
        "import_part",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_import_part_import_id")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_part")),
    )
    op.create_table(
        "import_reject",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["import.id"], name=op.f("fk_import_reject_import_id")),
        sa.PrimaryKeyConstraint("import_id", "row_number", name=op.f("pk_import_reject")),
    )
    op.create_table(
        "member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("nik_index", sa.LargeBinary(), nullable=True),
        sa.Column("no_nik_reason", sa.Text(), nullable=True),
        sa.Column("name_index", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("sex", sa.Text(), nullable=False),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("at_school", sa.Boolean(), nullable=True),
        sa.Column("works", sa.Boolean(), nullable=True),
        sa.Column("has_business", sa.Boolean(), nullable=True),
        sa.Column("disability", sa.Boolean(), nullable=True),
        sa.Column("pregnant", sa.Boolean(), nullable=True),
        sa.Column("dukcapil", sa.Text(), nullable=False),
        sa.Column("dukcapil_on", sa.Date(), nullable=True),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("left_reason", sa.Text(), nullable=True),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("row_digest", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "dukcapil in ('unchecked', 'match', 'no-match', 'deceased')", name=op.f("ck_member_dukcapil")
        ),
        sa.CheckConstraint("sex in ('male', 'female', 'unknown')", name=op.f("ck_member_sex")),
        sa.CheckConstraint("state in ('active', 'left')", name=op.f("ck_member_state")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_member_household_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
    )
    op.create_index(op.f("ix_member_household_id"), "member", ["household_id"], unique=False)
    op.create_index(op.f("ix_member_import_id"), "member", ["import_id"], unique=False)
    op.create_index("ix_member_name_index", "member", ["name_index"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_member_row_digest", "member", ["row_digest"], unique=False, postgresql_where=sa.text("nik_index is null")
    )
    op.create_index(
        "uq_member_nik_index", "member", ["nik_index"], unique=True, postgresql_where=sa.text("state = 'active'")
    )


def downgrade() -> None:
    raise NotImplementedError("A deployment goes back to a release by restoring its backup, never by dropping tables.")
