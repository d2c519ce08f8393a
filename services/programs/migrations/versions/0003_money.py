"""Money: the journal, entitlements, payment lists and their results."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
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
    op.create_index(op.f("ix_entitlement_enrolment_id"), "entitlement", ["enrolment_id"], unique=False)
    op.create_index(op.f("ix_entitlement_household_id"), "entitlement", ["household_id"], unique=False)
    op.create_index("ix_entitlement_payable", "entitlement", ["programme_id", "period", "state"], unique=False)
    op.create_index(
        "uq_entitlement_current",
        "entitlement",
        ["programme_id", "household_id", "period"],
        unique=True,
        postgresql_where=sa.text("state not in ('void', 'reversed')"),
    )
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
        "payment",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("payment_list_id", sa.Uuid(), nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("rupiah", sa.BigInteger(), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
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
        "create trigger append_only before update or delete on transfer for each row execute function refuse_change()"
    )
