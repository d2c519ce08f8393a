"""Rows held because their person number is taken: an open question for people, never merged by a machine."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text, text
from sqlmodel import Field

from services.intake.models.kinds import Base, codes, one_of


class HeldRow(Base, table=True):
    """A row that was not registered because another active person has its number; its id is the duplicate's id."""

    __tablename__: ClassVar[Any] = "held_row"
    __table_args__ = (
        one_of("state", "open", "resolved"),
        Index("uq_held_row_row_digest", "row_digest", unique=True),
        Index("ix_held_row_nik_index", "nik_index"),
        Index("ix_held_row_open", "region", "id", postgresql_where=text("state = 'open'")),
    )

    id: UUID = Field(primary_key=True)
    import_id: UUID | None = Field(default=None, index=True)
    row_number: int | None = None
    row_digest: bytes = Field(sa_type=LargeBinary)
    household_id: UUID | None = Field(
        default=None, index=True, description="Household of the row's family, where it has one."
    )
    region: str = Field(sa_type=Text)
    nik_index: bytes = Field(sa_type=LargeBinary)
    other_household_id: UUID = Field(index=True)
    other_member_id: UUID
    other_region: str = Field(sa_type=Text)
    key_id: UUID = Field(description="Whose key seals the row: the household's, or the import's.")
    sealed: bytes = Field(description="The row as received.")
    key_version: int
    reasons: list[str] = Field(sa_column=codes())
    state: str = Field(default="open", sa_type=Text)
    resolution: str | None = Field(default=None, sa_type=Text)
    decided_by: str | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = None
