"""Who takes part, by whose decision, and how it went on."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.programs.models.metadata import Row, one_of, two_people
from services.programs.rules.household import HeldStatus

_LIVE = "status in ('active', 'suspended')"


class ProposalState(StrEnum):
    PROPOSED = "proposed"
    ENROLLING = "enrolling"
    """Approved; its households are being enrolled in chunks."""
    DONE = "done"
    REFUSED = "refused"


class ItemState(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ENROLLED = "enrolled"


class CorrectionKind(StrEnum):
    VOID = "void"
    END = "end"
    RESUME = "resume"
    REVERSE_GRADUATION = "reverse-graduation"
    REVERSE_PAYMENT = "reverse-payment"
    RETURN_PAYMENT = "return-payment"


class CorrectionState(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"


class GraduationState(StrEnum):
    PROPOSED = "proposed"
    GRADUATED = "graduated"
    REFUSED = "refused"
    REVERSED = "reversed"


class Proposal(Row, table=True):
    """A list of households that one person proposes to enrol and another decides on."""

    __tablename__ = "proposal"
    __table_args__ = (one_of("state", ProposalState), two_people("proposed_by", "decided_by"))

    proposal_id: UUID = Field(primary_key=True)
    programme_id: UUID = Field(index=True)
    programme_version: int
    state: str = ProposalState.PROPOSED
    accepted: int
    refused: int
    persons: int
    rupiah: int = Field(sa_type=BigInteger)
    list_sha256: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None = None
    decree_number: str | None = None
    decree_dated: date | None = None
    started_on: date | None = None
    correlation_id: UUID


class ProposalItem(Row, table=True):
    """A household of a proposal: what would happen to it, why not, and what others already give."""

    __tablename__ = "proposal_item"
    __table_args__ = (
        ForeignKeyConstraint(["proposal_id"], ["proposal.proposal_id"]),
        UniqueConstraint("proposal_id", "household_id"),
        one_of("state", ItemState),
    )

    proposal_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    household_id: UUID
    region: str
    quota_id: UUID | None = None
    persons: int
    rupiah: int = Field(sa_type=BigInteger)
    state: str
    reasons: list[dict[str, Any]] = Field(sa_type=JSONB)
    held_elsewhere: list[dict[str, Any]] = Field(sa_type=JSONB)


class Enrolment(Row, table=True):
    """A household in a programme version; at most one live enrolment per household and programme."""

    __tablename__ = "enrolment"
    __table_args__ = (
        one_of("status", HeldStatus),
        Index("uq_enrolment_live", "programme_id", "household_id", unique=True, postgresql_where=text(_LIVE)),
        Index("ix_enrolment_programme_id_status", "programme_id", "status"),
    )

    enrolment_id: UUID = Field(primary_key=True)
    programme_id: UUID
    programme: str
    programme_version: int
    household_id: UUID = Field(index=True)
    region: str
    unit: str
    members: list[str] = Field(sa_type=JSONB)
    slot_id: UUID | None = None
    quota_id: UUID | None = None
    units: int
    """What it takes of its quota."""
    waitlist_id: UUID | None = None
    rank: int | None = None
    status: str = HeldStatus.ACTIVE
    reason: str | None = None
    started_on: date
    ended_on: date | None = None
    decision_id: UUID
    decided_by: str
    correlation_id: UUID


class EnrolledMember(Row, table=True):
    """A person who benefits from an enrolment; nobody benefits twice from one programme."""

    __tablename__ = "enrolled_member"
    __table_args__ = (
        ForeignKeyConstraint(["enrolment_id"], ["enrolment.enrolment_id"]),
        Index("uq_enrolled_member_live", "programme_id", "member_id", unique=True, postgresql_where=text("live")),
    )

    enrolment_id: UUID = Field(primary_key=True)
    member_id: UUID = Field(primary_key=True)
    programme_id: UUID
    live: bool = True


class Suspension(Row, table=True):
    """A reason for which an enrolment rests. It goes on when none is left."""

    __tablename__ = "suspension"
    __table_args__ = (ForeignKeyConstraint(["enrolment_id"], ["enrolment.enrolment_id"]),)

    enrolment_id: UUID = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    cause_id: UUID = Field(primary_key=True)
    since: date
    lifted_on: date | None = None


class Overlap(Row, table=True):
    """Two enrolments that exclude each other, as this deployment found them; told once."""

    __tablename__ = "overlap"
    __table_args__ = (ForeignKeyConstraint(["enrolment_id"], ["enrolment.enrolment_id"]),)

    enrolment_id: UUID = Field(primary_key=True)
    other_enrolment_id: UUID = Field(primary_key=True)
    other_agency: str
    other_programme: str
    found_on: date


class Delivery(Row, table=True):
    """A service that reached a household: coaching, training, mentoring."""

    __tablename__ = "delivery"
    __table_args__ = (ForeignKeyConstraint(["enrolment_id"], ["enrolment.enrolment_id"]),)

    delivery_id: UUID = Field(primary_key=True)
    enrolment_id: UUID = Field(index=True)
    service: str
    members: list[str] = Field(sa_type=JSONB)
    delivered_on: date
    minutes: int | None = None
    recorded_by: str


class GraduationRow(Row, table=True):
    """A proposal that a household leaves because it succeeded, and what became of it."""

    __tablename__ = "graduation"
    __table_args__ = (
        ForeignKeyConstraint(["enrolment_id"], ["enrolment.enrolment_id"]),
        one_of("state", GraduationState),
        two_people("proposed_by", "decided_by"),
        Index("uq_graduation_open", "enrolment_id", unique=True, postgresql_where=text("state = 'proposed'")),
    )

    graduation_id: UUID = Field(primary_key=True)
    enrolment_id: UUID = Field(index=True)
    state: str = GraduationState.PROPOSED
    reason: str
    evidence: list[str] = Field(sa_type=JSONB)
    proposed_by: str
    proposed_on: date
    objections_until: date
    decided_by: str | None = None
    decided_on: date | None = None
    decision_id: UUID | None = None
    correlation_id: UUID
    """One id from the proposal to the household that succeeds."""


class Objection(Row, table=True):
    """Somebody objects to a graduation; it is answered before anybody decides."""

    __tablename__ = "objection"
    __table_args__ = (ForeignKeyConstraint(["graduation_id"], ["graduation.graduation_id"]),)

    objection_id: UUID = Field(primary_key=True)
    graduation_id: UUID = Field(index=True)
    reason: str
    filed_by: str
    filed_on: date
    answer: str | None = None
    answered_by: str | None = None


class Correction(Row, table=True):
    """One person asks that a decision be taken back, another decides. Both stay in the history."""

    __tablename__ = "correction"
    __table_args__ = (
        one_of("kind", CorrectionKind),
        one_of("state", CorrectionState),
        two_people("requested_by", "decided_by"),
        CheckConstraint("rupiah is null or rupiah > 0", name="returns_something"),
        Index("uq_correction_open", "kind", "target_id", unique=True, postgresql_where=text("state = 'requested'")),
    )

    correction_id: UUID = Field(primary_key=True)
    kind: str
    target_id: UUID
    region: str
    reason: str
    rupiah: int | None = Field(default=None, sa_type=BigInteger)
    state: str = CorrectionState.REQUESTED
    requested_by: str
    requested_at: datetime
    decided_by: str | None = None
