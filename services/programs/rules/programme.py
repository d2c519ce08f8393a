"""A programme as data: what an agency gives, to whom, by which law, out of which money. Checked when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.programs.rules.predicates import Predicate, Stated, is_within
from shared.events.codes import is_listed
from shared.events.fields import (
    AgencyCode,
    Code,
    CohortCode,
    FundLineCode,
    Period,
    ProgrammeCode,
    ProgrammeTitle,
    RegionCode,
    Rupiah,
)

RankBy = Literal["score", "persons", "verified-on", "decile", "income-per-person", "household-id"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LegalBasis(Stated):
    """The act the programme rests on. A programme without one in force stays PENDING_REGULATION."""

    title: ProgrammeTitle


class Benefit(Stated):
    """What one enrolment gives."""

    kind: Code
    rupiah: Annotated[int, Field(ge=1, le=10_000_000_000)]
    per: Literal["person", "family", "house"]
    periods: list[Period] = Field(min_length=1)
    reserve: Literal["enrolment", "payment-list"] = Field(
        description="When money is set aside: with the place, so that nobody is enrolled unpaid, or with the list."
    )


class Quota(Stated):
    """Places in a region. ``slots`` are entities that change hands; ``counted`` only counts what is taken."""

    region: RegionCode
    period: Period
    places: Annotated[int, Field(ge=0, le=1_000_000)]
    kind: Literal["slots", "counted"] = "slots"


class FundLine(Stated):
    """A budget line: source × fiscal year × region × component, with its ceiling."""

    code: FundLineCode
    region: RegionCode
    fiscal_year: int = Field(ge=2000, le=2200)
    funding: Literal["apbd-city", "apbd-province", "apbn", "village-fund", "csr", "special-transfer"]
    component: Code
    ceiling_rupiah: Rupiah


class Exclusion(Stated):
    """Enrolments beside which this programme may not be held. What no exclusion names may be held together."""

    programmes: list[ProgrammeCode] = Field(default_factory=list)
    benefit_kinds: list[Code] = Field(default_factory=list)
    ever: bool = Field(False, description="Also what has ended; otherwise only what runs now.")

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.programmes and not self.benefit_kinds:
            raise ValueError("names neither programmes nor benefit_kinds")
        return self


class Stage(Stated):
    """A step of the programme; ``gate`` is what must be evidenced before the next one."""

    code: Code
    title: ProgrammeTitle
    gate: list[Code] = Field(default_factory=list)


class Waitlist(Stated):
    offer_days: int = Field(ge=1, le=90, description="Days in which a family answers an offer.")


class Graduation(Stated):
    """When a household may leave because it succeeded."""

    days_min: int = Field(ge=0, le=3_650, description="Days since enrolment.")
    services_min: dict[Code, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict)
    criteria: list[Code] = Field(min_length=1, description="Each must be evidenced.")
    reasons: list[Code] = Field(min_length=1)
    objection_days: int = Field(ge=0, le=90)


class Programme(_Part):
    """A version of a programme file."""

    code: ProgrammeCode
    version: int = Field(ge=1, le=10_000)
    title: ProgrammeTitle
    agency: AgencyCode
    region: RegionCode
    status: Literal["draft", "pending-regulation", "active", "closed"]
    strategy: Literal["reduce-burden", "raise-income", "poverty-pockets"]
    unit: Literal["person", "family", "house"]
    valid_from: date
    valid_to: date | None = None
    pilot: bool = False
    legal_basis: LegalBasis
    cohort: CohortCode | None = None
    benefit: Benefit
    eligibility: list[Predicate] = Field(min_length=1)
    ranking: list[RankBy] = Field(min_length=1)
    quotas: list[Quota] = Field(default_factory=list)
    fund_lines: list[FundLine] = Field(min_length=1)
    exclusions: list[Exclusion] = Field(default_factory=list)
    stages: list[Stage] = Field(default_factory=list)
    services: list[Code] = Field(default_factory=list, description="Services the programme delivers, e.g. coaching.")
    waitlist: Waitlist | None = None
    graduation: Graduation | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        mistakes = list(self._mistakes())
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return self

    @property
    def has_slots(self) -> bool:
        return any(quota.kind == "slots" for quota in self.quotas)

    @property
    def pays_from(self) -> FundLine:
        """The line that pays. A programme with several components pays from its first."""
        return self.fund_lines[0]

    def _mistakes(self) -> Iterator[str]:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            yield "valid_to is before valid_from"
        if self.ranking[-1] != "household-id" or len(set(self.ranking)) != len(self.ranking):
            yield "ranking must name each rule once and end with household-id, so that no two ranks are equal"
        yield from self._mistakes_of_places()
        yield from self._mistakes_of_codes()
        for line in self.fund_lines:
            if not is_within(line.region, self.region):
                yield f"fund line {line.code} lies outside {self.region}"
        if len({line.code for line in self.fund_lines}) != len(self.fund_lines):
            yield "a fund line stands twice"
        if self.graduation is not None:
            for service in self.graduation.services_min:
                if service not in self.services:
                    yield f"graduation asks for {service}, which services does not name"

    def _mistakes_of_codes(self) -> Iterator[str]:
        codes = [("ProgrammePublished.benefit_kind", self.benefit.kind)]
        codes += [("ServiceDelivered.service", service) for service in self.services]
        codes += [
            ("GraduationProposed.reason", reason) for reason in (self.graduation.reasons if self.graduation else [])
        ]
        for field, code in codes:
            if not is_listed(field, code, self.valid_from):
                yield f"{code} stands in no code list of {field}"

    def _mistakes_of_places(self) -> Iterator[str]:
        places = [(quota.region, quota.period) for quota in self.quotas]
        if len(set(places)) != len(places):
            yield "a quota stands twice for one region and period"
        if len({quota.kind for quota in self.quotas}) > 1:
            yield "quotas are all slots or all counted"
        if self.unit == "person" and self.has_slots:
            yield "slots hold one family or house each; persons are counted"
        if self.has_slots and self.waitlist is None:
            yield "a programme with slots states its waitlist"
        for quota in self.quotas:
            if not is_within(quota.region, self.region):
                yield f"quota of {quota.region} lies outside {self.region}"
