"""What people and systems are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from services.programs.models import FundLineRow, Offer, PaymentList, Proposal, Waitlist
from services.programs.rules.decision import Decision
from shared.texts import Locale, text


class ReasonAnswer(BaseModel):
    code: str
    detail: str


def reasons(kept: Iterable[Mapping[str, Any]], locale: Locale) -> list[ReasonAnswer]:
    """Kept reasons in the reader's language."""
    return [
        ReasonAnswer(code=each["code"], detail=text(f"reason.{each['code']}", locale, **each["values"]))
        for each in kept
    ]


def reasons_of(decision: Decision, locale: Locale) -> list[ReasonAnswer]:
    return reasons(({"code": each.code, "values": each.values} for each in decision.reasons), locale)


class HeldAnswer(BaseModel):
    """What an agency gives or gave."""

    agency: str
    programme: str
    status: str
    started_on: date
    paid_rupiah: int


class PublishedAnswer(BaseModel):
    programme_id: UUID
    code: str
    version: int
    changed: bool


class FundLineAnswer(BaseModel):
    """A budget line in whole rupiah; ``left_rupiah`` is what nobody has set aside."""

    fund_line_id: UUID
    code: str
    fiscal_year: int
    funding: str
    ceiling_rupiah: int
    reserved_rupiah: int
    committed_rupiah: int
    realised_rupiah: int
    returned_rupiah: int
    left_rupiah: int

    @classmethod
    def of(cls, line: FundLineRow) -> FundLineAnswer:
        return cls(
            fund_line_id=line.fund_line_id,
            code=line.code,
            fiscal_year=line.fiscal_year,
            funding=line.funding,
            ceiling_rupiah=line.ceiling_rupiah,
            reserved_rupiah=line.reserved,
            committed_rupiah=line.committed,
            realised_rupiah=line.realised,
            returned_rupiah=line.returned,
            left_rupiah=line.available,
        )


class CandidateAnswer(BaseModel):
    household_id: UUID
    region: str
    eligible: bool
    persons: int
    rupiah: int
    reasons: list[ReasonAnswer]
    held: list[HeldAnswer]


class Page(BaseModel):
    """A page of a list; ``next`` is the cursor of the following page, null at the end."""

    next: str | None = None


class CandidatePage(Page):
    items: list[CandidateAnswer]


class ProposalAnswer(BaseModel):
    """What would happen, or has happened: families accepted (later: enrolled) and refused."""

    proposal_id: UUID
    programme_id: UUID
    programme_version: int
    state: str
    accepted: int
    refused: int
    persons: int
    rupiah: int
    list_sha256: str

    @classmethod
    def of(cls, proposal: Proposal) -> ProposalAnswer:
        return cls(**proposal.model_dump(include=set(cls.model_fields)))


class ProposalItemAnswer(BaseModel):
    place: int
    household_id: UUID
    region: str
    state: str
    persons: int
    rupiah: int
    reasons: list[ReasonAnswer]
    held_elsewhere: list[HeldAnswer]


class ProposalItemPage(Page):
    items: list[ProposalItemAnswer]


class EnrolmentAnswer(BaseModel):
    enrolment_id: UUID
    programme: str
    programme_version: int
    household_id: UUID
    region: str
    persons: int
    status: str
    reason: str | None
    started_on: date
    ended_on: date | None
    slot_id: UUID | None
    rank: int | None
    decision_id: UUID


class EnrolmentPage(Page):
    items: list[EnrolmentAnswer]


class WaitlistAnswer(BaseModel):
    waitlist_id: UUID
    quota_id: UUID
    region: str
    version: int
    families: int
    ranked_by: list[str]
    sha256: str

    @classmethod
    def of(cls, waitlist: Waitlist, region: str) -> WaitlistAnswer:
        kept = waitlist.model_dump(include=set(cls.model_fields) - {"region"})
        return cls(region=region, **kept)


class WaitlistsAnswer(BaseModel):
    waitlists: list[WaitlistAnswer]


class RankAnswer(BaseModel):
    quota_id: UUID
    waitlist_id: UUID
    version: int
    rank: int
    household_id: UUID
    region: str
    state: str


class RankPage(Page):
    items: list[RankAnswer]


class SlotAnswer(BaseModel):
    slot_id: UUID
    quota_id: UUID
    region: str
    number: int
    state: str
    household_id: UUID | None
    offer_id: UUID | None
    succeeds: UUID | None


class QuotaAnswer(BaseModel):
    quota_id: UUID
    region: str
    period: str
    unit: str
    places: int
    taken: int


class SlotsAnswer(BaseModel):
    """Quotas with what is taken, and the places of those whose places change hands."""

    quotas: list[QuotaAnswer]
    slots: list[SlotAnswer]


class OfferAnswer(BaseModel):
    offer_id: UUID
    programme_id: UUID
    quota_id: UUID
    slot_id: UUID
    household_id: UUID
    region: str
    rank: int
    state: str
    reason: str | None
    expires_at: datetime
    enrolment_id: UUID | None
    """Set once it was accepted."""

    @classmethod
    def of(cls, offer: Offer) -> OfferAnswer:
        kept = offer.model_dump(include=set(cls.model_fields) - {"enrolment_id"})
        return cls(**kept, enrolment_id=offer.enrolment_id if offer.state == "accepted" else None)


class OffersAnswer(BaseModel):
    offers: list[OfferAnswer]


class AcceptedAnswer(OfferAnswer):
    reasons: list[ReasonAnswer]
    """Why the last look withdrew the offer; empty where the household was enrolled."""


class PaymentListAnswer(BaseModel):
    payment_list_id: UUID
    programme: str
    period: str
    state: str
    fund_line: str
    families: int
    persons: int
    rupiah: int
    excluded: int
    list_sha256: str | None
    decree_number: str | None
    decree_dated: date | None
    by_state: dict[str, int]
    """Items per state, in families."""

    @classmethod
    def of(cls, made: PaymentList, *, fund_line: str, excluded: int, by_state: dict[str, int]) -> PaymentListAnswer:
        kept = made.model_dump(include=set(cls.model_fields) - {"fund_line", "excluded", "by_state"})
        return cls(fund_line=fund_line, excluded=excluded, by_state=by_state, **kept)


class PaymentAnswer(BaseModel):
    payment_id: UUID
    household_id: UUID
    region: str
    enrolment_id: UUID
    entitlement_id: UUID
    persons: int
    rupiah: int
    state: str
    reason: str | None
    settled_on: date | None
    returned_rupiah: int
    held_elsewhere: list[HeldAnswer]


class PaymentPage(Page):
    items: list[PaymentAnswer]


class ExclusionAnswer(BaseModel):
    household_id: UUID
    region: str
    rupiah: int
    reasons: list[ReasonAnswer]


class ExclusionPage(Page):
    items: list[ExclusionAnswer]


class ResultsAnswer(BaseModel):
    payment_list_id: UUID
    state: str
    rows: int
    taken: int
    unchanged: int
    conflicts: list[UUID]


class GraduationAnswer(BaseModel):
    graduation_id: UUID
    enrolment_id: UUID
    state: str
    reason: str
    objections_until: date


class ObjectionAnswer(BaseModel):
    objection_id: UUID
    graduation_id: UUID
    reason: str
    answer: str | None


class DeliveryAnswer(BaseModel):
    delivery_id: UUID
    enrolment_id: UUID
    service: str
    delivered_on: date


class CorrectionAnswer(BaseModel):
    correction_id: UUID
    kind: str
    target_id: UUID
    state: str
    reason: str


class BenefitAnswer(BaseModel):
    enrolment_id: UUID
    agency: str
    programme: str
    unit: str
    persons: int
    status: str
    started_on: date
    ended_on: date | None


class AidAnswer(BaseModel):
    payment_id: UUID
    agency: str
    programme: str
    period: str
    rupiah: int
    persons: int
    status: str
    settled_on: date
    returned_rupiah: int


class DeliveredAnswer(BaseModel):
    delivery_id: UUID
    agency: str
    programme: str
    service: str
    persons: int
    delivered_on: date


class BenefitsAnswer(BaseModel):
    """What all agencies give and gave a household, as they announced it."""

    household_id: UUID
    region: str
    enrolments: list[BenefitAnswer]
    payments: list[AidAnswer]
    services: list[DeliveredAnswer]


class UnservedPage(Page):
    """Verified households that receive nothing from anybody."""

    items: list[UUID]
