"""Places that change hands: slots, frozen waitlists, offers."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.programs.models.metadata import Row, one_of


class SlotState(StrEnum):
    VACANT = "vacant"
    OFFERED = "offered"
    FILLED = "filled"
    RELEASED = "released"
    """Free again: as free as VACANT, but it remembers whom the next household succeeds."""
    WITHDRAWN = "withdrawn"
    """Taken out by a smaller quota."""


class EntryState(StrEnum):
    WAITING = "waiting"
    RETURNED = "returned"
    """Waits again at the rank it had, though a newer list was frozen without it: it is asked before that list."""
    OFFERED = "offered"
    ENROLLED = "enrolled"
    LEFT = "left"
    """Declined, or left the programme after it had been enrolled from this list."""


class OfferState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


_HELD = "state in ('offered', 'filled')"


class Slot(Row, table=True):
    """One place of a quota. A household holds at most one place of a programme."""

    __tablename__ = "slot"
    __table_args__ = (
        ForeignKeyConstraint(["quota_id"], ["quota.quota_id"]),
        UniqueConstraint("quota_id", "number"),
        one_of("state", SlotState),
        CheckConstraint(f"({_HELD}) = (household_id is not null)", name="held_by_a_household"),
        Index("uq_slot_held", "programme_id", "household_id", unique=True, postgresql_where=text(_HELD)),
        Index("ix_slot_free", "quota_id", "number", postgresql_where=text("state in ('vacant', 'released')")),
    )

    slot_id: UUID = Field(primary_key=True)
    programme_id: UUID
    quota_id: UUID
    number: int
    state: str = SlotState.VACANT
    household_id: UUID | None = None
    enrolment_id: UUID | None = None
    offer_id: UUID | None = None
    succeeds: UUID | None = None
    """The household that left this place last."""
    correlation_id: UUID | None = None
    """Runs from the release to the successor."""


class Waitlist(Row, table=True):
    """A frozen ranking of a quota. A new version replaces it for future offers; it stays as it was."""

    __tablename__ = "waitlist"
    __table_args__ = (
        ForeignKeyConstraint(["quota_id"], ["quota.quota_id"]),
        UniqueConstraint("quota_id", "version"),
    )

    waitlist_id: UUID = Field(primary_key=True)
    programme_id: UUID
    programme_version: int
    quota_id: UUID
    version: int
    ranked_by: list[str] = Field(sa_type=JSONB)
    families: int
    sha256: str
    decision_id: UUID
    frozen_by: str
    frozen_at: datetime


class WaitlistEntry(Row, table=True):
    """A household at its rank. Rank and household never change; the state does."""

    __tablename__ = "waitlist_entry"
    __table_args__ = (
        ForeignKeyConstraint(["waitlist_id"], ["waitlist.waitlist_id"]),
        UniqueConstraint("waitlist_id", "household_id"),
        one_of("state", EntryState),
        Index("ix_waitlist_entry_household_id", "household_id"),
    )

    waitlist_id: UUID = Field(primary_key=True)
    rank: int = Field(primary_key=True)
    household_id: UUID
    region: str
    state: str = EntryState.WAITING
    announced: bool = False


class Skip(Row, table=True):
    """A household that an offer passed over, with every coded reason."""

    __tablename__ = "skip"
    __table_args__ = (ForeignKeyConstraint(["slot_id"], ["slot.slot_id"]),)

    skip_id: UUID = Field(primary_key=True)
    slot_id: UUID
    waitlist_id: UUID = Field(index=True)
    rank: int
    household_id: UUID
    reasons: list[dict[str, Any]] = Field(sa_type=JSONB)
    skipped_on: date


class Offer(Row, table=True):
    """A place and its money held for a household until it answers or the offer expires."""

    __tablename__ = "offer"
    __table_args__ = (
        ForeignKeyConstraint(["slot_id"], ["slot.slot_id"]),
        one_of("state", OfferState),
        Index("uq_offer_open", "slot_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_offer_household_id", "household_id"),
    )

    offer_id: UUID = Field(primary_key=True)
    enrolment_id: UUID
    """The id the enrolment will have if the offer is accepted; money is reserved under it."""
    programme_id: UUID
    programme_version: int
    quota_id: UUID
    slot_id: UUID
    waitlist_id: UUID
    rank: int
    household_id: UUID
    region: str
    state: str = OfferState.OPEN
    reason: str | None = None
    offered_at: datetime
    expires_at: datetime
    answered_by: str | None = None
    correlation_id: UUID
