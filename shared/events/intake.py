"""What intake announces: who is in the register and which closed lists exist. Who people are never leaves intake."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.events.envelope import Event
from shared.events.fields import (
    Code,
    CohortCode,
    CohortOutcome,
    Count,
    Date,
    HouseholdId,
    MemberId,
    Part,
    RegionCode,
    RegionCount,
    Revision,
    Sha256,
)

_HOUSEHOLD = "0192f1d0-7c11-7a10-8a00-0000000000a1"
_MEMBER = "0192f1d0-7c11-7a10-8a00-0000000000b1"
_MEMBER_2 = "0192f1d0-7c11-7a10-8a00-0000000000b2"
_COHORT = "0192f1d0-7c11-7a10-8a00-0000000000c1"
_IMPORT = "0192f1d0-7c11-7a10-8a00-0000000000d1"


class _OfIntake(Event):
    announcer: ClassVar[Literal["intake"]] = "intake"


class HouseholdRegistered(_OfIntake):
    """A household entered the register. Who it is stays with intake; what it is like travels as a profile."""

    type = "household.registered.v1"
    example = {
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "registers": ["dtks"],
        "members": [_MEMBER, _MEMBER_2],
        "persons": 2,
        "without_card_reason": None,
        "revision": 1,
    }

    household_id: HouseholdId
    region: RegionCode
    registers: list[Code] = Field(description="Registers the household stands in, e.g. p3ke, dtks, own.")
    members: list[MemberId]
    persons: Count
    without_card_reason: Code | None = Field(None, description="Why there is no family card; null where there is one.")
    revision: Revision


class HouseholdUpdated(_OfIntake):
    """The roster, region or registers of a household changed; carries the whole new state of its revision."""

    type = "household.updated.v1"
    example = {**HouseholdRegistered.example, "reason": "roster-corrected", "revision": 2}

    household_id: HouseholdId
    region: RegionCode
    registers: list[Code]
    members: list[MemberId]
    persons: Count
    without_card_reason: Code | None = None
    reason: Code
    revision: Revision


class HouseholdWithdrawn(_OfIntake):
    """A household left the register by a decision: entered in error, moved away whole, or died out."""

    type = "household.withdrawn.v1"
    example = {"household_id": _HOUSEHOLD, "region": "64.72.05.1002", "reason": "entered-in-error", "revision": 3}

    household_id: HouseholdId
    region: RegionCode
    reason: Code
    revision: Revision


class DuplicateSuspected(_OfIntake):
    """Two records may be the same people. Payment to this household waits until somebody has decided."""

    type = "duplicate.suspected.v1"
    example = {
        "duplicate_id": "0192f1d0-7c11-7a10-8a00-0000000000e1",
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "reasons": ["same-national-id"],
        "blocks_payment": True,
    }

    duplicate_id: UUID
    household_id: HouseholdId
    region: RegionCode
    reasons: list[Code]
    blocks_payment: bool


class DuplicateResolved(_OfIntake):
    """Somebody decided an open question of duplicates."""

    type = "duplicate.resolved.v1"
    example = {
        "duplicate_id": "0192f1d0-7c11-7a10-8a00-0000000000e1",
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "resolution": "different-people",
    }

    duplicate_id: UUID
    household_id: HouseholdId
    region: RegionCode
    resolution: Code


class RegisterSnapshotImported(_OfIntake):
    """A register file was worked through to its end: every row is registered, held or in the reject file."""

    type = "register.snapshot-imported.v1"
    subject_kind = "register"
    subject_field = "import_id"
    example = {
        "import_id": _IMPORT,
        "region": "64.72",
        "register_code": "dtks",
        "rows": 44524,
        "persons": 44301,
        "households": 8893,
        "rejected": 180,
        "held": 43,
        "source_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    }

    import_id: UUID
    region: RegionCode
    register_code: Code
    rows: Count
    persons: Count
    households: Count
    rejected: Count = Field(description="Rows in the reject file.")
    held: Count = Field(description="Rows held as exact duplicates.")
    source_sha256: Sha256


class CohortClosed(_OfIntake):
    """A closed list was received. The baseline counts its rows as they came, before any check, and never changes."""

    type = "cohort.closed.v1"
    subject_kind = "cohort"
    subject_field = "cohort_id"
    example = {
        "cohort_id": _COHORT,
        "code": "P3KE-9000",
        "region": "64.72",
        "register_code": "p3ke",
        "received_on": "2022-12-05",
        "baseline_persons": 9032,
        "baseline_families": 1600,
        "by_region": [{"region": "64.72.05.1002", "persons": 9032}],
    }

    cohort_id: UUID
    code: CohortCode
    region: RegionCode
    register_code: Code
    received_on: Date
    baseline_persons: Count
    baseline_families: Count
    by_region: list[RegionCount]


class CohortEntryResolved(_OfIntake):
    """A row of a closed list was held against the register; each row is resolved at least once, the last word counts.

    ``household_id`` is the household of the row where one is known, also for a damaged or duplicate row; a row whose
    household nobody knows is its own subject.
    """

    type = "cohort.entry-resolved.v1"
    subject_field = "subject_uuid"
    example = {
        "cohort_id": _COHORT,
        "cohort": "P3KE-9000",
        "entry_id": "0192f1d0-7c11-7a10-8a00-0000000000f1",
        "region": "64.72.05.1002",
        "outcome": "member",
        "household_id": _HOUSEHOLD,
        "member_id": _MEMBER,
        "reasons": [],
        "revision": 1,
    }

    cohort_id: UUID
    cohort: CohortCode
    entry_id: UUID
    region: RegionCode
    outcome: CohortOutcome
    household_id: HouseholdId | None = None
    member_id: MemberId | None = None
    reasons: list[Code] = Field(default_factory=list)
    revision: Revision

    @property
    def subject_uuid(self) -> UUID:
        return self.household_id or self.entry_id

    @property
    def kind_of_subject(self) -> str:
        return "household" if self.household_id else "cohort-entry"


class MemberProfile(Part):
    """What programmes may need to know of one member. Travels on profile topics only."""

    member_id: MemberId
    sex: Literal["male", "female", "unknown"]
    birth_year: int | None = Field(None, ge=1900, le=2200)
    relation: Code
    at_school: bool | None = None
    works: bool | None = None
    disability: bool | None = None
    pregnant: bool | None = None


class HouseholdProfile(_OfIntake):
    """What a household is like, as registered. On a profile topic: READ is granted one by one; a tombstone erases."""

    type = "household.profile.v1"
    kind = "profiles"
    example = {
        "household_id": _HOUSEHOLD,
        "region": "64.72.05.1002",
        "revision": 1,
        "decile": 1,
        "members": [
            {"member_id": _MEMBER, "sex": "female", "birth_year": 1984, "relation": "head", "works": True},
            {"member_id": _MEMBER_2, "sex": "male", "birth_year": 2012, "relation": "child", "at_school": True},
        ],
        "housing": {"tenure": "own", "floor": "wood", "wall": "woven-bamboo", "roof": "zinc", "floor_area_m2": 30},
    }

    household_id: HouseholdId
    region: RegionCode
    revision: Revision
    decile: int | None = Field(None, ge=1, le=10)
    members: list[MemberProfile]
    housing: Housing | None = None


class Housing(Part):
    """Dwelling as stated, in words of the questionnaire's code lists."""

    tenure: Code | None = None
    floor: Code | None = None
    wall: Code | None = None
    roof: Code | None = None
    floor_area_m2: int | None = Field(None, ge=0, le=10_000)
    toilet: Code | None = None
    water: Code | None = None


HouseholdProfile.model_rebuild()
