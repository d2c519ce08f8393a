"""Programmes and what they may give: versions, quotas, fund lines."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.programs.models.metadata import Row


class ProgrammeRow(Row, table=True):
    """A programme of this agency and its version in force."""

    __tablename__ = "programme"

    programme_id: UUID = Field(primary_key=True)
    code: str = Field(unique=True)
    version: int


class ProgrammeVersion(Row, table=True):
    """A published version: the file as it was read. Never changed; enrolments point at theirs."""

    __tablename__ = "programme_version"
    __table_args__ = (ForeignKeyConstraint(["programme_id"], ["programme.programme_id"]),)

    programme_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    sha256: str
    source_text: str
    document: dict[str, Any] = Field(sa_type=JSONB)
    published_by: str
    published_at: datetime


class Quota(Row, table=True):
    """Places of a programme in a region and period, and how many of them are taken. Never more than there are."""

    __tablename__ = "quota"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id"], ["programme.programme_id"]),
        UniqueConstraint("programme_id", "region", "period"),
        CheckConstraint("taken between 0 and places", name="not_oversold"),
        CheckConstraint("kind in ('slots', 'counted')", name="kind_known"),
    )

    quota_id: UUID = Field(primary_key=True)
    programme_id: UUID
    region: str
    period: str
    unit: str
    kind: str
    places: int
    taken: int = 0
    threshold_told: bool = False


class QuotaAllocation(Row, table=True):
    """Each number of places a quota ever had, with who changed it and why."""

    __tablename__ = "quota_allocation"
    __table_args__ = (ForeignKeyConstraint(["quota_id"], ["quota.quota_id"]),)

    quota_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    places: int
    reason: str
    allocated_by: str
    allocated_at: datetime


class FundLineRow(Row, table=True):
    """A budget line. Its five accounts are never below zero and together are what was granted."""

    __tablename__ = "fund_line"
    __table_args__ = (
        ForeignKeyConstraint(["programme_id"], ["programme.programme_id"]),
        CheckConstraint(
            "available >= 0 and reserved >= 0 and committed >= 0 and realised >= 0 and returned >= 0",
            name="not_overspent",
        ),
        CheckConstraint(
            "available + reserved + committed + realised + returned = ceiling_rupiah", name="sums_to_ceiling"
        ),
    )

    fund_line_id: UUID = Field(primary_key=True)
    programme_id: UUID = Field(index=True)
    code: str = Field(unique=True)
    region: str
    fiscal_year: int
    funding: str
    component: str
    ceiling_rupiah: int = Field(sa_type=BigInteger)
    available: int = Field(sa_type=BigInteger)
    reserved: int = Field(default=0, sa_type=BigInteger)
    committed: int = Field(default=0, sa_type=BigInteger)
    realised: int = Field(default=0, sa_type=BigInteger)
    returned: int = Field(default=0, sa_type=BigInteger)
