"""Marks are locked by a function, whose plans are right however much the table grows."""

from alembic import op

from shared.messaging.heard import LOCK_MARKS

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(LOCK_MARKS)


def downgrade() -> None:
    op.execute("drop function kernel.lock_marks(text[], text[])")
