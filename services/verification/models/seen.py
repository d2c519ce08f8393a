"""Read tables: households, closed lists and open questions as intake announces them. No clock, no order of arrival."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.verification.models.metadata import Base


class Household(Base, table=True):
    """A household at its highest revision."""

    __tablename__: ClassVar[Any] = "household"

    household_id: UUID = Field(primary_key=True)
    region: str = Field(sa_type=Text)
    members: list[str] = Field(sa_column=Column(JSONB, nullable=False), description="Member ids, sorted.")
    revision: int
    withdrawn: bool = False


class HouseholdFeatures(Base, table=True):
    """What a household's members and house are like by the register's profile; fills what a visit did not ask."""

    __tablename__: ClassVar[Any] = "household_features"

    household_id: UUID = Field(primary_key=True)
    revision: int
    members: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))


class CohortEntry(Base, table=True):
    """A row of a closed list by its last word (highest revision)."""

    __tablename__: ClassVar[Any] = "cohort_entry"
    __table_args__ = (
        Index("ix_cohort_entry_household_id", "household_id", postgresql_where=text("outcome = 'member'")),
    )

    entry_id: UUID = Field(primary_key=True)
    cohort_id: UUID
    cohort: str = Field(sa_type=Text)
    household_id: UUID | None = None
    member_id: UUID | None = None
    region: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    revision: int


class DuplicateQuestion(Base, table=True):
    """A question whether two records are the same people. Open while nobody has decided it."""

    __tablename__: ClassVar[Any] = "duplicate_question"
    __table_args__ = (Index("ix_duplicate_question_household_id", "household_id"),)

    duplicate_id: UUID = Field(primary_key=True)
    household_id: UUID = Field(primary_key=True)
    suspected: bool = False
    resolved: bool = False
    reasons: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    resolution: str | None = Field(None, sa_type=Text)
