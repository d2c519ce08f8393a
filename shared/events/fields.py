"""The kinds of field an event may have. A fact topic carries nothing that is not of one of these kinds."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

HouseholdId = UUID
MemberId = UUID

RegionCode = Annotated[
    str, Field(pattern=r"^[0-9]{2}(\.[0-9]{2}(\.[0-9]{2}(\.[0-9]{4})?)?)?$", examples=["64.72.05.1002"])
]
"""Kemendagri code with dots: province, kab/kota, kecamatan, kelurahan or desa."""

AgencyCode = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40, examples=["dinsos-samarinda"])
]
"""An agency of the directory."""

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]
"""A word of a dated code list (reasons, kinds, registers). New words break no reader."""

ProgrammeCode = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,39}$", examples=["BLT-2022"])]
CohortCode = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,39}$", examples=["P3KE-9000"])]
FundLineCode = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9./-]{1,59}$", examples=["APBD-2022/64.72/BLT"])]

Rupiah = Annotated[int, Field(ge=0, le=999_999_999_999_999, strict=True)]
"""Whole rupiah. Fifteen digits are exact in every JSON reader and never look like an id number."""

Count = Annotated[int, Field(ge=0, le=2_000_000_000, strict=True)]
Rank = Annotated[int, Field(ge=1, le=2_000_000_000, strict=True)]
Revision = Annotated[int, Field(ge=1, le=2_000_000_000, strict=True)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Period = Annotated[
    str, Field(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2]|T[1-4]|S[1-2]))?$", examples=["2022", "2022-12", "2022-T4"])
]
"""Year, month, quarter (T) or half (S) of the programme's calendar."""

DecreeNumber = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[0-9A-Za-z][0-9A-Za-z ./-]*$")]
"""Number of a published decree (SK). It names an act of government, never a person."""

ProgrammeTitle = Annotated[str, Field(min_length=3, max_length=120, pattern=r"^[0-9A-Za-z(][0-9A-Za-z ,.:;()/&'-]*$")]
"""Title of a published programme or of the act it rests on: one line of letters, digits and plain signs."""

Date = date
Instant = AwareDatetime


class Part(BaseModel):
    """A value inside an event: read tolerantly, never changed."""

    model_config = ConfigDict(frozen=True, extra="ignore")


UNKNOWN = "unknown"


class OpenEnum(StrEnum):
    """A closed state that a newer announcer may have widened: what is not known here reads as UNKNOWN.

    Nobody announces UNKNOWN.
    """

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return cls.__members__.get("UNKNOWN")


class MemberOutcome(OpenEnum):
    """What a visit established about one member."""

    CONFIRMED = "confirmed"
    DIED = "died"
    MOVED = "moved"
    NOT_FOUND = "not-found"
    DUPLICATE = "duplicate"
    UNMATCHED = "unmatched"
    UNKNOWN = "unknown"


class CohortOutcome(OpenEnum):
    """What became of a row of a closed list when it was held against the register."""

    MEMBER = "member"
    DUPLICATE = "duplicate"
    DAMAGED = "damaged"
    UNMATCHED = "unmatched"
    UNKNOWN = "unknown"


class Category(OpenEnum):
    """Welfare category of a household after verification."""

    EXTREME_POOR = "extreme-poor"
    POOR = "poor"
    VULNERABLE = "vulnerable"
    NOT_POOR = "not-poor"
    UNKNOWN = "unknown"


class Unit(OpenEnum):
    """What a quota or a benefit counts."""

    PERSON = "person"
    FAMILY = "family"
    GROUP = "group"
    INSTITUTION = "institution"
    AREA = "area"
    HOUSE = "house"
    UNKNOWN = "unknown"


class ProgrammeStatus(OpenEnum):
    DRAFT = "draft"
    PENDING_REGULATION = "pending-regulation"
    ACTIVE = "active"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Decree(Part):
    """A published decision of the head of region: number and date, and the hash of the named list it adopts."""

    number: DecreeNumber
    dated: Date
    list_sha256: Sha256 | None = None


class RegionCount(Part):
    """Persons of one kelurahan or desa."""

    region: RegionCode
    persons: Count


class OutcomeOfMember(Part):
    """The only thing a fact says of one member: whether it was found."""

    member_id: MemberId
    outcome: MemberOutcome


class Goods(Part):
    """Things handed over."""

    item: Code
    quantity: Count
    unit: Code


FACT_KINDS: tuple[Any, ...] = (
    UUID, bool, Date, Instant, RegionCode, AgencyCode, Code, ProgrammeCode, CohortCode, FundLineCode, DecreeNumber,
    ProgrammeTitle, Rupiah, Count, Rank, Revision, Sha256, Period, MemberOutcome, CohortOutcome, Category, Unit,
    ProgrammeStatus, Decree, RegionCount, OutcomeOfMember, Goods,
)  # fmt: skip
"""All that a fact may be made of, alone or in a list: ids, codes, counts, rupiah, days, and decisions of government."""
