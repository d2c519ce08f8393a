"""The typed conditions of a programme file. Each answers why a household does not meet it.

What is not known is not met: a refusal then says *unknown*, so that the officer asks for a visit instead of guessing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.programs.rules.decision import Reason
from services.programs.rules.household import Held, Household, Member, VerificationStatus
from shared.events.fields import Category, Code, RegionCode

Source = Annotated[str, Field(min_length=3, max_length=300, description="Where the rule or figure comes from.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """About whom and when a condition is asked."""

    household: Household
    held: tuple[Held, ...]
    cohort: str | None
    today: date


class Stated(BaseModel):
    """A part of a programme file: nothing unknown, nothing changed later, its source beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Source


class Verified(Stated):
    """The last verification stands and gave one of these categories."""

    kind: Literal["verified"]
    categories: list[Category] = Field(min_length=1)

    def unmet(self, asked: Asked) -> Iterator[Reason]:
        found = asked.household.verification
        if found is None:
            yield Reason("not-verified")
        elif found.status is not VerificationStatus.VERIFIED:
            yield Reason(f"verification-{found.status.value}")
        elif found.valid_until is not None and found.valid_until < asked.today:
            yield Reason("verification-expired")
        elif found.category not in self.categories:
            yield Reason("category-not-served", {"category": found.category or "unknown"})


class ConfirmedMembers(Stated):
    """So many members count: confirmed by the visit and in the closed list where the programme has one."""

    kind: Literal["confirmed-members"]
    at_least: int = Field(ge=1, le=20)

    def unmet(self, asked: Asked) -> Iterator[Reason]:
        counted = len(asked.household.beneficiaries(asked.cohort))
        if counted < self.at_least:
            yield Reason("too-few-confirmed-members", {"counted": counted, "at_least": self.at_least})


class RegionWithin(Stated):
    """The household lives in one of these regions."""

    kind: Literal["region-within"]
    regions: list[RegionCode] = Field(min_length=1)

    def unmet(self, asked: Asked) -> Iterator[Reason]:
        if not any(is_within(asked.household.region, region) for region in self.regions):
            yield Reason("outside-region", {"region": asked.household.region})


class DecileAtMost(Stated):
    """The registered decile; a relative rank that local government never sets itself."""

    kind: Literal["decile-at-most"]
    decile: int = Field(ge=1, le=10)

    def unmet(self, asked: Asked) -> Iterator[Reason]:
        if asked.household.profile.decile is None:
            yield Reason("decile-unknown")
        elif asked.household.profile.decile > self.decile:
            yield Reason("decile-above-limit", {"limit": self.decile})


class VerifiedFact(Stated):
    """A yes-or-no fact of the last verified profile must be as stated."""

    kind: Literal["verified-fact"]
    fact: Literal["owns_land", "unfit_house", "has_business", "committed"]
    must_be: bool = True

    def unmet(self, asked: Asked) -> Iterator[Reason]:
        found: bool | None = getattr(asked.household.profile, self.fact)
        word = self.fact.replace("_", "-")
        if found is None:
            yield Reason(f"{word}-unknown")
        elif found is not self.must_be:
            yield Reason(f"{word}-not-met")


class TenureIn(Stated):
    """How the household holds its dwelling."""

    kind: Literal["tenure-in"]
    tenures: list[Code] = Field(min_length=1)

    def unmet(self, asked: Asked) -> Iterator[Reason]:
        if asked.household.profile.tenure is None:
            yield Reason("tenure-unknown")
        elif asked.household.profile.tenure not in self.tenures:
            yield Reason("tenure-not-served")


class IncomeAtMost(Stated):
    """Income per person and month as the visit found it."""

    kind: Literal["income-per-person-at-most"]
    rupiah: int = Field(ge=1)

    def unmet(self, asked: Asked) -> Iterator[Reason]:
        income = asked.household.profile.income_per_person_rupiah
        if income is None:
            yield Reason("income-unknown")
        elif income > self.rupiah:
            yield Reason("income-above-limit", {"limit": self.rupiah})


class MemberWith(Stated):
    """At least one confirmed member fits everything that is stated, e.g. a woman of 18 to 59 who heads the family."""

    kind: Literal["member-with"]
    sex: Literal["male", "female"] | None = None
    age_from: int | None = Field(None, ge=0, le=130)
    age_to: int | None = Field(None, ge=0, le=130)
    relations: list[Code] | None = None
    works: bool | None = None
    disability: bool | None = None
    pregnant: bool | None = None
    at_school: bool | None = None

    @model_validator(mode="after")
    def _states_something(self) -> MemberWith:
        if not self.model_fields_set - {"kind", "source"}:
            raise ValueError("states nothing about the member")
        if self.age_from is not None and self.age_to is not None and self.age_from > self.age_to:
            raise ValueError("age_from is above age_to")
        return self

    def unmet(self, asked: Asked) -> Iterator[Reason]:
        confirmed = set(asked.household.beneficiaries(None))
        if not any(
            self._fits(member, asked.today)
            for member in asked.household.profile.members
            if member.member_id in confirmed
        ):
            yield Reason("no-member-fits")

    def _fits(self, member: Member, today: date) -> bool:
        stated = (
            self.sex is None or member.sex == self.sex,
            self.relations is None or member.relation in self.relations,
            *(
                wanted is None or getattr(member, flag) is wanted
                for flag, wanted in (
                    ("works", self.works),
                    ("disability", self.disability),
                    ("pregnant", self.pregnant),
                    ("at_school", self.at_school),
                )
            ),
            self._age_fits(member, today),
        )
        return all(stated)

    def _age_fits(self, member: Member, today: date) -> bool:
        if self.age_from is None and self.age_to is None:
            return True
        if member.birth_year is None:
            return False
        age = today.year - member.birth_year
        return (self.age_from is None or age >= self.age_from) and (self.age_to is None or age <= self.age_to)


class NeverHelpedWith(Stated):
    """The household never had this kind of benefit, from any agency; what was voided never was."""

    kind: Literal["never-helped-with"]
    benefit_kinds: list[Code] = Field(min_length=1)

    def unmet(self, asked: Asked) -> Iterator[Reason]:
        for each in asked.held:
            if each.counted and each.benefit_kind in self.benefit_kinds:
                yield Reason("helped-before", {"programme": each.programme, "agency": each.agency})


Predicate = Annotated[
    Verified
    | ConfirmedMembers
    | RegionWithin
    | DecileAtMost
    | VerifiedFact
    | TenureIn
    | IncomeAtMost
    | MemberWith
    | NeverHelpedWith,
    Field(discriminator="kind"),
]


def is_within(region: str, subtree: str) -> bool:
    """Whether a dotted region code lies in a subtree (or is its root)."""
    return region == subtree or region.startswith(f"{subtree}.")
