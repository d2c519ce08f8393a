"""What people and systems send."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.events.fields import Code, DecreeNumber, FundLineCode, Period, ProgrammeCode, RegionCode, Rupiah, Sha256

HOUSEHOLDS_MAX = 10_000
"""So many households may stand in one list."""


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DecreeSent(Body):
    """Number and date of the decree (SK); with the hash of the list it adopts, the list is compared."""

    number: DecreeNumber
    dated: date
    list_sha256: Sha256 | None = None


class ListDecreeSent(DecreeSent):
    """A decree that adopts a payment list names the hash of the named list: of this list and no other."""

    list_sha256: Sha256


class ProgrammeSent(Body):
    """A programme file: one that ships with this release by its name, or a document of one's own."""

    file: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,80}$")] | None = None
    document: Annotated[str, Field(min_length=1, max_length=131_072)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.file is None) == (self.document is None):
            raise ValueError("either file or document")
        return self


class QuotaSent(Body):
    """Another number of places for a region and period."""

    region: RegionCode
    period: Period
    places: Annotated[int, Field(ge=0, le=1_000_000)]
    reason: Code


class ScanSent(Body):
    """Look through the households the programme might serve, and take the best so many that may enter."""

    region: RegionCode | None = None
    at_most: Annotated[int, Field(ge=1, le=HOUSEHOLDS_MAX)] | None = None


class BatchSent(Body):
    """Households to enrol: a list of one's own, or a scan."""

    households: Annotated[list[UUID], Field(min_length=1, max_length=HOUSEHOLDS_MAX)] | None = None
    scan: ScanSent | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.households is None) == (self.scan is None):
            raise ValueError("either households or scan")
        if self.households is not None and len(set(self.households)) != len(self.households):
            raise ValueError("a household stands twice")
        return self


class ProposalDecisionSent(Body):
    """The second person's word; an approval names its decree."""

    approve: bool
    decree: DecreeSent | None = None
    started_on: date | None = None

    @model_validator(mode="after")
    def _decree_with_approval(self) -> Self:
        if self.approve and self.decree is None:
            raise ValueError("an approval names its decree")
        return self


class ListDecisionSent(Body):
    """The second person's word on a payment list; an approval names its decree, and that the hash of the list."""

    approve: bool
    decree: ListDecreeSent | None = None

    @model_validator(mode="after")
    def _decree_with_approval(self) -> Self:
        if self.approve and self.decree is None:
            raise ValueError("an approval names its decree")
        return self


class OffersSent(Body):
    """Offer free places, of one region's quota or of all, at most so many."""

    region: RegionCode | None = None
    at_most: Annotated[int, Field(ge=1, le=500)] = 500


class ReasonSent(Body):
    reason: Code


class PaymentListSent(Body):
    programme: ProgrammeCode
    period: Period
    fund_line: FundLineCode | None = Field(None, description="Without it, the line that the version in force names.")


class ReturnSent(Body):
    """How much came back; without an amount, all of it."""

    reason: Code
    rupiah: Annotated[Rupiah, Field(ge=1)] | None = None


class ServiceSent(Body):
    """A coaching visit, a training, a mentoring that took place."""

    service: Code
    delivered_on: date
    minutes: Annotated[int, Field(ge=1, le=1_440)] | None = None
    members: Annotated[list[UUID], Field(min_length=1, max_length=50)] | None = Field(
        None, description="Who took part; without it everyone who benefits."
    )


class GraduationSent(Body):
    """Why the household may leave, and which criteria are evidenced."""

    reason: Code
    evidence: Annotated[list[Code], Field(max_length=50)]


class DecisionSent(Body):
    approve: bool


class AnswerSent(Body):
    answer: Code
