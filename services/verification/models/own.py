"""Own tables: cases, who visits where, visits with their evidence, and decisions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.verification.models.metadata import Base, one_of, words_of
from services.verification.rules.decisions import DecisionKind
from services.verification.rules.states import OPEN, TO_VISIT, CaseState
from shared.events.fields import Category

_IS_OPEN = text(one_of("state", sorted(OPEN)))
_IS_TO_VISIT = text(one_of("state", sorted(TO_VISIT)))


class Case(Base, table=True):
    """The verification of one household in one round. At most one case of a household is open."""

    __tablename__: ClassVar[Any] = "verification_case"
    __table_args__ = (
        CheckConstraint(one_of("state", CaseState), name="state"),
        CheckConstraint("(state = 'proposed') = (officer is null) or state = 'withdrawn'", name="officer"),
        CheckConstraint("(state in ('verified', 'expired')) <= (valid_until is not null)", name="valid_until"),
        UniqueConstraint("household_id", "round"),
        Index("uq_verification_case_open", "household_id", unique=True, postgresql_where=_IS_OPEN),
        Index("ix_verification_case_region_state", "region", "state", "id"),
        Index("ix_verification_case_officer", "officer", postgresql_where=_IS_TO_VISIT),
        Index("ix_verification_case_due", "visit_due_on", postgresql_where=_IS_TO_VISIT),
        Index("ix_verification_case_valid_until", "valid_until", postgresql_where=text("state = 'verified'")),
    )

    id: UUID = Field(primary_key=True)
    household_id: UUID
    region: str = Field(sa_type=Text)
    cohort_id: UUID | None = None
    cohort: str | None = Field(None, sa_type=Text)
    round: int = Field(ge=1)
    reason: str = Field(sa_type=Text, description="Why it was opened: cohort, revoked, expired.")
    state: CaseState = Field(sa_column=Column(words_of(CaseState), nullable=False))
    officer: str | None = Field(None, sa_type=Text, description="Subject of the field verifier who is to visit.")
    opened_at: datetime
    visit_due_on: date
    visit_id: UUID | None = Field(None, description="The visit that counts.")
    decision_id: UUID | None = Field(None, description="The decision that counts.")
    valid_until: date | None = None


class Assignment(Base, table=True):
    """A field verifier works in a region, from the day the supervisor said so until somebody ends it."""

    __tablename__: ClassVar[Any] = "assignment"
    __table_args__ = (
        Index("uq_assignment_current", "region", "officer", unique=True, postgresql_where=text("ended_at is null")),
    )

    id: UUID = Field(primary_key=True)
    region: str = Field(sa_type=Text)
    officer: str = Field(sa_type=Text)
    made_by: str = Field(sa_type=Text)
    made_at: datetime
    ended_by: str | None = Field(None, sa_type=Text)
    ended_at: datetime | None = None


class Visit(Base, table=True):
    """A visit as recorded; never changed. What people answered is sealed with the household's key."""

    __tablename__: ClassVar[Any] = "visit"
    __table_args__ = (
        CheckConstraint("(score is null) = (no_answer_reason is not null)", name="answered"),
        CheckConstraint("score between 0 and 100", name="score"),
        CheckConstraint(one_of("category", Category), name="category"),
        Index("ix_visit_case_id", "case_id"),
    )

    id: UUID = Field(primary_key=True, description="Given by the phone, so that a repeated sync is recognised.")
    case_id: UUID
    household_id: UUID
    visited_on: date
    visited_by: str = Field(sa_type=Text)
    recorded_at: datetime
    questionnaire: str = Field(sa_type=Text)
    no_answer_reason: str | None = Field(None, sa_type=Text)
    sealed: bytes = Field(sa_type=LargeBinary, description="The visit as sent: answers, positions, all of it.")
    key_version: int = Field(sa_type=SmallInteger)
    outcomes: list[dict[str, str]] = Field(sa_column=Column(JSONB, nullable=False))
    confirmed_persons: int
    evidence_count: int
    rule: str = Field(sa_type=Text)
    score: int | None = Field(None, sa_type=SmallInteger)
    category: Category | None = Field(None, sa_column=Column(words_of(Category)))
    reasons: list[str] = Field(sa_column=Column(JSONB, nullable=False), description="Only what may stand in a fact.")


class Evidence(Base, table=True):
    """The digest of a photo of a visit. Where it was taken is sealed with the visit."""

    __tablename__: ClassVar[Any] = "evidence"
    __table_args__ = (Index("ix_evidence_sha256", "sha256"),)

    visit_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True, sa_type=SmallInteger)
    household_id: UUID
    sha256: str = Field(sa_type=Text)
    captured_at: datetime


class Decision(Base, table=True):
    """What a second person decided on a visit, and whether a third one took it back."""

    __tablename__: ClassVar[Any] = "decision"
    __table_args__ = (
        CheckConstraint(one_of("kind", DecisionKind), name="kind"),
        CheckConstraint(one_of("category", Category), name="category"),
        CheckConstraint("proposed_by <> decided_by", name="two_people"),
        CheckConstraint("revoked_by not in (decided_by, proposed_by)", name="revoked_by_another"),
        CheckConstraint("(revoked_by is null) = (revoked_at is null)", name="revoked"),
        Index("ix_decision_case_id", "case_id"),
    )

    id: UUID = Field(primary_key=True)
    case_id: UUID
    household_id: UUID
    visit_id: UUID
    kind: DecisionKind = Field(sa_column=Column(words_of(DecisionKind), nullable=False))
    reasons: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    category: Category | None = Field(None, sa_column=Column(words_of(Category)))
    category_reason: str | None = Field(None, sa_type=Text)
    proposed_by: str = Field(sa_type=Text)
    decided_by: str = Field(sa_type=Text)
    decided_on: date
    decided_at: datetime
    valid_until: date | None = None
    profile_revision: int | None = None
    revoked_by: str | None = Field(None, sa_type=Text)
    revoked_at: datetime | None = None
    revoked_reason: str | None = Field(None, sa_type=Text)


class OverdueNotice(Base, table=True):
    """A kelurahan whose overdue visits were announced on a day: once a day, whatever runs twice."""

    __tablename__: ClassVar[Any] = "overdue_notice"

    region: str = Field(primary_key=True, sa_type=Text)
    counted_on: date = Field(primary_key=True)
    households: int
