"""What verification announces: the course of a case, its outcome per member, and what the visit established."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.events.envelope import Event
from shared.events.fields import (
    AgencyCode,
    Category,
    Code,
    Count,
    Date,
    HouseholdId,
    OutcomeOfMember,
    RegionCode,
    Revision,
    Sha256,
)
from shared.events.intake import Housing, MemberProfile

_HOUSEHOLD = "0192f1d0-7c11-7a10-8a00-0000000000a1"
_MEMBER = "0192f1d0-7c11-7a10-8a00-0000000000b1"
_CASE = "0192f1d0-7c11-7a10-8a00-000000000101"
_DECISION = "0192f1d0-7c11-7a10-8a00-000000000102"
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class _OfVerification(Event):
    announcer: ClassVar[Literal["verification"]] = "verification"


class VerificationOpened(_OfVerification):
    """A household is to be visited."""

    type = "verification.opened.v1"
    example = {"case_id": _CASE, "household_id": _HOUSEHOLD, "region": "64.72.05.1002", "round": 1, "reason": "cohort"}

    case_id: UUID
    household_id: HouseholdId
    region: RegionCode
    round: Count
    reason: Code


class VisitRecorded(_OfVerification):
    """Somebody was at the door and wrote down what they found; nothing is decided yet."""

    type = "verification.visit-recorded.v1"
    example = {
        "case_id": _CASE,
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "visited_on": "2023-02-14",
        "questionnaire": "p3ke-visit-1",
        "evidence_count": 2,
    }

    case_id: UUID
    household_id: HouseholdId
    region: RegionCode
    visited_on: Date
    questionnaire: Code
    evidence_count: Count


class HouseholdVerified(_OfVerification):
    """Two people confirmed a household, member by member, by a versioned rule."""

    type = "household.verified.v1"
    example = {
        "case_id": _CASE,
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "round": 1,
        "category": "extreme-poor",
        "score": 74,
        "rule": "kemiskinan-2022-1",
        "outcomes": [{"member_id": _MEMBER, "outcome": "confirmed"}],
        "reasons": ["floor-earth"],
        "evidence_sha256": [_DIGEST],
        "evidence_count": 1,
        "visited_on": "2023-02-14",
        "decided_on": "2023-02-20",
        "valid_until": "2024-02-20",
        "profile_revision": 1,
        "decision_id": _DECISION,
    }

    case_id: UUID
    household_id: HouseholdId
    region: RegionCode
    round: Count
    category: Category
    score: Count = Field(le=100, description="Points of the rule, 0 to 100; higher is poorer. Never decides alone.")
    rule: Code = Field(description="Version of the rule that scored.")
    outcomes: list[OutcomeOfMember]
    reasons: list[Code]
    evidence_sha256: list[Sha256]
    evidence_count: Count
    visited_on: Date
    decided_on: Date
    valid_until: Date
    profile_revision: Revision
    decision_id: UUID | None = Field(None, description="What VerificationRevoked names when it is taken back.")


class HouseholdRejected(_OfVerification):
    """Two people found that a household cannot be confirmed, with coded reasons and the outcome per member."""

    type = "household.rejected.v1"
    example = {
        "case_id": _CASE,
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "round": 1,
        "reasons": ["wage-above-minimum"],
        "rule": "kemiskinan-2022-1",
        "score": 12,
        "outcomes": [{"member_id": _MEMBER, "outcome": "confirmed"}],
        "visited_on": "2023-02-14",
        "decided_on": "2023-02-20",
        "decision_id": _DECISION,
    }

    case_id: UUID
    household_id: HouseholdId
    region: RegionCode
    round: Count
    reasons: list[Code] = Field(min_length=1)
    rule: Code
    score: Count | None = Field(None, le=100)
    outcomes: list[OutcomeOfMember]
    visited_on: Date
    decided_on: Date
    decision_id: UUID | None = Field(None, description="What VerificationRevoked names when it is taken back.")


class VerificationRevoked(_OfVerification):
    """A decision on a case was taken back by a second person; what rested on it has to be looked at again."""

    type = "verification.revoked.v1"
    example = {
        "case_id": _CASE,
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "round": 1,
        "reason": "evidence-of-another-house",
        "corrects": _DECISION,
    }

    case_id: UUID
    household_id: HouseholdId
    region: RegionCode
    round: Count
    reason: Code
    corrects: UUID = Field(description="Id of the decision that is taken back.")


class VerificationExpired(_OfVerification):
    """A verification is older than its validity; the household is to be visited again."""

    type = "verification.expired.v1"
    example = {
        "case_id": _CASE,
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "round": 1,
        "expired_on": "2024-02-21",
    }

    case_id: UUID
    household_id: HouseholdId
    region: RegionCode
    round: Count
    expired_on: Date


class VerificationClosed(_OfVerification):
    """A case ended before anything was decided, because the household left; nobody has to do with it any more."""

    type = "verification.closed.v1"
    example = {
        "case_id": _CASE,
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "round": 1,
        "reason": "household-withdrawn",
    }

    case_id: UUID
    household_id: HouseholdId
    region: RegionCode = Field(description="Of the case. Where the household went, the announcer may have no word.")
    round: Count
    reason: Code


class VisitsOverdue(_OfVerification):
    """Cases of a kelurahan or desa whose visit is overdue, counted once a day: one fact per place."""

    type = "verification.visits-overdue.v1"
    subject_kind = "region"
    subject_field = "region_id"
    example = {
        "region_id": "0192f1d0-7c11-7a10-8a00-000000000109",
        "region": "64.72.05.1002",
        "counted_on": "2023-03-01",
        "households": 4,
        "agency": "dinsos-samarinda",
    }

    region_id: UUID
    region: RegionCode
    counted_on: Date
    households: Count
    agency: AgencyCode


class VerifiedProfile(_OfVerification):
    """The eligibility facts that the last visit established, of the members it confirmed.

    On a profile topic; the highest revision wins.
    """

    type = "household.verified-profile.v1"
    kind = "profiles"
    example = {
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "revision": 1,
        "category": "extreme-poor",
        "members": [
            {
                "member_id": _MEMBER,
                "sex": "female",
                "birth_year": 1984,
                "relation": "head",
                "works": True,
                "disability": False,
                "pregnant": False,
                "at_school": False,
            },
        ],
        "housing": {"tenure": "own", "floor": "earth", "wall": "woven-bamboo", "roof": "thatch", "floor_area_m2": 24},
        "owns_land": True,
        "unfit_house": True,
        "has_business": True,
        "committed": True,
        "house_helped_before": False,
        "income_per_person_rupiah": 310000,
    }

    household_id: HouseholdId
    region: RegionCode
    revision: Revision
    category: Category
    members: list[MemberProfile]
    housing: Housing | None = None
    owns_land: bool | None = None
    unfit_house: bool | None = Field(None, description="Rumah tidak layak huni by the questionnaire's criteria.")
    has_business: bool | None = Field(None, description="A business, or one that is about to start.")
    committed: bool | None = Field(None, description="Has declared to be willing to work in a coached business.")
    house_helped_before: bool | None = Field(None, description="The house was repaired with public money before.")
    income_per_person_rupiah: int | None = Field(None, ge=0)
