"""Read tables: what this deployment has heard. Filled by projections alone, rebuilt from offset 0 at any time.

No clock, no serial number, no order of arrival stands in them: where a later word replaces an earlier one, the
announcer's revision or its sequence per household decides. What an agency says stands under its own name, so nobody
can speak for another's programme, enrolment, payment or service, whoever is heard first.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.programs.models.metadata import Row


class SeenHousehold(Row, table=True):
    """A household of the register; the highest revision wins."""

    __tablename__ = "seen_household"

    household_id: UUID = Field(primary_key=True)
    region: str = Field(index=True)
    members: list[str] = Field(sa_type=JSONB)
    withdrawn: bool = False
    revision: int


class SeenCohortEntry(Row, table=True):
    """An entry of a closed list; the highest revision wins."""

    __tablename__ = "seen_cohort_entry"

    entry_id: UUID = Field(primary_key=True)
    cohort: str
    outcome: str
    household_id: UUID | None = Field(default=None, index=True)
    member_id: UUID | None = None
    revision: int


class SeenProfile(Row, table=True):
    """What a household is like, as registered or as verified; the highest revision wins, an erasure removes it."""

    __tablename__ = "seen_profile"

    household_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    revision: int
    profile: dict[str, Any] = Field(sa_type=JSONB)


class SeenVerification(Row, table=True):
    """The last word of an announcer of verification about a household."""

    __tablename__ = "seen_verification"

    household_id: UUID = Field(primary_key=True)
    source: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    round: int
    status: str = Field(index=True)
    category: str | None = None
    score: int | None = None
    decided_on: date | None = None
    valid_until: date | None = None
    profile_revision: int = 0
    confirmed: list[str] = Field(sa_type=JSONB)


class SeenDuplicate(Row, table=True):
    """A question of duplicates about a household, open or decided."""

    __tablename__ = "seen_duplicate"

    duplicate_id: UUID = Field(primary_key=True)
    household_id: UUID = Field(primary_key=True, index=True)
    source: str
    sequence: int = Field(sa_type=BigInteger)
    blocks: bool


class SeenProgramme(Row, table=True):
    """A programme of any agency."""

    __tablename__ = "seen_programme"
    __table_args__ = (Index("ix_seen_programme_agency_programme", "agency", "programme"),)

    agency: str = Field(primary_key=True)
    programme_id: UUID = Field(primary_key=True)
    programme: str
    version: int
    title: str
    benefit_kind: str
    strategy: str
    unit: str
    status: str


class SeenEnrolment(Row, table=True):
    """An enrolment in any agency, ours included."""

    __tablename__ = "seen_enrolment"

    agency: str = Field(primary_key=True)
    enrolment_id: UUID = Field(primary_key=True)
    household_id: UUID = Field(index=True)
    region: str
    programme_id: UUID
    programme: str
    unit: str
    persons: int
    status: str
    reason: str | None = None
    started_on: date
    ended_on: date | None = None
    sequence: int = Field(sa_type=BigInteger)


class SeenPayment(Row, table=True):
    """A payment of any agency, ours included."""

    __tablename__ = "seen_payment"

    agency: str = Field(primary_key=True)
    payment_id: UUID = Field(primary_key=True)
    household_id: UUID = Field(index=True)
    programme: str
    enrolment_id: UUID
    entitlement_id: UUID
    period: str
    fund_line: str
    rupiah: int = Field(sa_type=BigInteger)
    persons: int
    status: str
    reason: str | None = None
    settled_on: date
    returned_rupiah: int = Field(default=0, sa_type=BigInteger)
    sequence: int = Field(sa_type=BigInteger)


class SeenService(Row, table=True):
    """A service that reached a household, from any agency."""

    __tablename__ = "seen_service"

    agency: str = Field(primary_key=True)
    delivery_id: UUID = Field(primary_key=True)
    household_id: UUID = Field(index=True)
    programme: str
    service: str
    persons: int
    delivered_on: date
