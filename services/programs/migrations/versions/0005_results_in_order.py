"""The next results of a list are the head of an index, however many wait."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_index("ix_result_row_payment_list_id_payment_id", "result_row", ["payment_list_id", "payment_id"])
    op.drop_index(op.f("ix_result_row_payment_list_id"), table_name="result_row")
