"""Closed lists as received: every row has an id before anything is checked, so that the baseline always holds."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text, text
from sqlmodel import Field

from services.intake.models.kinds import Base, codes, one_of


class Cohort(Base, table=True):
    """A closed list. Its baseline never changes."""

    __tablename__: ClassVar[Any] = "cohort"

    id: UUID = Field(primary_key=True)
    code: str = Field(sa_type=Text, unique=True)
    region: str = Field(sa_type=Text)
    register_code: str = Field(sa_type=Text)
    numbering: str = Field(sa_type=Text)
    received_on: date
    baseline_persons: int
    baseline_families: int
    closed_at: datetime


class CohortEntry(Base, table=True):
    """A row of a closed list and what it came to when it was held against the register."""

    __tablename__: ClassVar[Any] = "cohort_entry"
    __table_args__ = (
        one_of("outcome", "member", "duplicate", "damaged", "unmatched"),
        Index("uq_cohort_entry_row_number", "cohort_id", "row_number", unique=True),
        Index("ix_cohort_entry_part", "cohort_id", "part"),
        Index("ix_cohort_entry_nik_index", "nik_index", postgresql_where=text("nik_index is not null")),
        Index("ix_cohort_entry_waiting", "numbering", "reference", postgresql_where=text("waits")),
    )

    id: UUID = Field(primary_key=True)
    cohort_id: UUID = Field(foreign_key="cohort.id")
    row_number: int
    part: int
    region: str = Field(
        sa_type=Text, description="As stated where it is a code of the list's region, else that region."
    )
    numbering: str = Field(sa_type=Text)
    reference: str = Field(sa_type=Text)
    sealed: bytes = Field(description="The row as received, under the list's key.")
    key_version: int
    outcome: str | None = Field(default=None, sa_type=Text)
    reasons: list[str] = Field(sa_column=codes())
    nik_index: bytes | None = Field(default=None, sa_type=LargeBinary)
    known_to_registry: bool | None = Field(default=None, description="Whether the civil registry knows the person.")
    household_id: UUID | None = Field(default=None, index=True)
    member_id: UUID | None = None
    waits: bool = Field(default=False, description="To be held against the register again when its household enters.")
    revision: int = 0
