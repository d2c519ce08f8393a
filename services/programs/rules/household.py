"""A household as a programme sees it: ids, regions, coded outcomes. Who the people are is not known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID


class VerificationStatus(StrEnum):
    VERIFIED = "verified"
    REJECTED = "rejected"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Verification:
    """The last word of verification about a household."""

    status: VerificationStatus
    category: str | None = None
    score: int | None = None
    decided_on: date | None = None
    valid_until: date | None = None
    profile_revision: int = 0
    confirmed: frozenset[UUID] = frozenset()
    """Members whom the visit confirmed."""


@dataclass(frozen=True, slots=True)
class Member:
    """What a profile says of one member; None is unknown."""

    member_id: UUID
    sex: str = "unknown"
    birth_year: int | None = None
    relation: str = "other"
    at_school: bool | None = None
    works: bool | None = None
    disability: bool | None = None
    pregnant: bool | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a household's life: as verified where somebody was there, else as registered."""

    verified_revision: int = 0
    """0 where no verified profile has come yet, or this deployment may not read it."""
    decile: int | None = None
    members: tuple[Member, ...] = ()
    tenure: str | None = None
    owns_land: bool | None = None
    unfit_house: bool | None = None
    has_business: bool | None = None
    committed: bool | None = None
    income_per_person_rupiah: int | None = None


class HeldStatus(StrEnum):
    """Where an enrolment stands, in any agency."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"
    GRADUATED = "graduated"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Held:
    """An enrolment a household has or had, in any agency."""

    enrolment_id: UUID
    agency: str
    programme: str
    benefit_kind: str | None
    """None where the other agency has not published the programme here."""
    status: HeldStatus
    started_on: date
    paid_rupiah: int = 0

    @property
    def live(self) -> bool:
        return self.status in (HeldStatus.ACTIVE, HeldStatus.SUSPENDED)

    @property
    def counted(self) -> bool:
        """A voided enrolment should never have been, so it counts as never held."""
        return self.status is not HeldStatus.VOIDED


@dataclass(frozen=True, slots=True)
class Household:
    """All that eligibility asks about."""

    household_id: UUID
    region: str
    members: frozenset[UUID]
    withdrawn: bool = False
    cohorts: Mapping[str, frozenset[UUID]] = field(default_factory=dict)
    """Closed list → the members of this household who stand in it."""
    verification: Verification | None = None
    profile: Profile = Profile()
    duplicate_open: bool = False

    def beneficiaries(self, cohort: str | None) -> list[UUID]:
        """Members who count: confirmed by the visit, still in the household, and in the closed list if there is one."""
        if self.verification is None or self.verification.status is not VerificationStatus.VERIFIED:
            return []
        counted = self.verification.confirmed & self.members
        if cohort is not None:
            counted &= self.cohorts.get(cohort, frozenset())
        return sorted(counted)
