"""What an agency's programs deployment announces: what there is to give, who waits, who is enrolled, every rupiah."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.events.envelope import Event
from shared.events.fields import (
    AgencyCode,
    Code,
    CohortCode,
    Count,
    Date,
    Decree,
    FundLineCode,
    Goods,
    HouseholdId,
    Instant,
    MemberId,
    Period,
    ProgrammeCode,
    ProgrammeStatus,
    ProgrammeTitle,
    Rank,
    RegionCode,
    Rupiah,
    Unit,
)

_HOUSEHOLD = "0192f1d0-7c11-7a10-8a00-0000000000a1"
_MEMBER = "0192f1d0-7c11-7a10-8a00-0000000000b1"
_PROGRAMME = "0192f1d0-7c11-7a10-8a00-000000000201"
_QUOTA = "0192f1d0-7c11-7a10-8a00-000000000202"
_SLOT = "0192f1d0-7c11-7a10-8a00-000000000203"
_OFFER = "0192f1d0-7c11-7a10-8a00-000000000204"
_ENROLMENT = "0192f1d0-7c11-7a10-8a00-000000000205"
_ENTITLEMENT = "0192f1d0-7c11-7a10-8a00-000000000206"
_PAYMENT = "0192f1d0-7c11-7a10-8a00-000000000207"
_LIST = "0192f1d0-7c11-7a10-8a00-000000000208"
_DECISION = "0192f1d0-7c11-7a10-8a00-000000000209"
_REGION = "64.72.05.1002"
_DECREE = {"number": "460/112/HK-KS/2022", "dated": "2022-12-19", "list_sha256": "ab" * 32}
_OF = {"programme_id": _PROGRAMME, "programme": "UEP-2023", "household_id": _HOUSEHOLD, "region": _REGION}


class _OfPrograms(Event):
    announcer: ClassVar[Literal["programs"]] = "programs"


class _OfHousehold(_OfPrograms):
    """A fact about one household in one programme."""

    programme_id: UUID
    programme: ProgrammeCode
    household_id: HouseholdId
    region: RegionCode


class ProgrammePublished(_OfPrograms):
    """A version of a programme is in force: what it gives, to whom, by which law. Enrolments keep their version."""

    type = "programme.published.v1"
    subject_kind = "programme"
    subject_field = "programme_id"
    example = {
        "programme_id": _PROGRAMME,
        "programme": "UEP-2023",
        "version": 1,
        "title": "Usaha Ekonomi Produktif 2023",
        "agency": "dinkop-samarinda",
        "region": "64.72",
        "status": "active",
        "unit": "family",
        "benefit_kind": "capital-grant",
        "strategy": "raise-income",
        "legal_basis": "Inpres 4/2022",
        "cohort": "P3KE-9000",
        "valid_from": "2023-01-01",
        "valid_to": "2023-12-31",
    }

    programme_id: UUID
    programme: ProgrammeCode
    version: Count
    title: ProgrammeTitle
    agency: AgencyCode
    region: RegionCode
    status: ProgrammeStatus
    unit: Unit
    benefit_kind: Code
    strategy: Code = Field(description="Which of the three strategies of Inpres 4/2022 it serves.")
    legal_basis: ProgrammeTitle
    cohort: CohortCode | None = Field(None, description="The closed list outside which nobody may be enrolled.")
    valid_from: Date
    valid_to: Date | None = None


class QuotaAllocated(_OfPrograms):
    """How many places a programme has in a region and period. A later allocation replaces the number."""

    type = "programme.quota-allocated.v1"
    subject_kind = "programme"
    subject_field = "programme_id"
    example = {
        "programme_id": _PROGRAMME,
        "programme": "UEP-2023",
        "quota_id": _QUOTA,
        "region": "64.72.05",
        "period": "2023",
        "unit": "family",
        "places": 40,
    }

    programme_id: UUID
    programme: ProgrammeCode
    quota_id: UUID
    region: RegionCode
    period: Period
    unit: Unit
    places: Count


class FundLineOpened(_OfPrograms):
    """A budget line from which a programme pays, with its ceiling. A later one replaces the ceiling."""

    type = "programme.fund-line-opened.v1"
    subject_kind = "programme"
    subject_field = "programme_id"
    example = {
        "programme_id": _PROGRAMME,
        "programme": "UEP-2023",
        "fund_line": "APBD-2023/64.72/UEP",
        "region": "64.72",
        "fiscal_year": 2023,
        "source": "apbd-city",
        "ceiling_rupiah": 600_000_000,
    }

    programme_id: UUID
    programme: ProgrammeCode
    fund_line: FundLineCode
    region: RegionCode
    fiscal_year: Count
    source: Code
    ceiling_rupiah: Rupiah


class HouseholdWaitlisted(_OfHousehold):
    """A household fits and waits; its rank in the frozen list stands with the reason of the rank."""

    type = "household.waitlisted.v1"
    example = {
        **_OF,
        "waitlist_id": "0192f1d0-7c11-7a10-8a00-00000000020a",
        "waitlist_version": 1,
        "quota_id": _QUOTA,
        "rank": 3,
        "ranked_by": ["score", "verified-on", "household-id"],
    }

    waitlist_id: UUID
    waitlist_version: Count
    quota_id: UUID
    rank: Rank
    ranked_by: list[Code]


class SlotOffered(_OfHousehold):
    """A vacant place is held for a household until the offer expires."""

    type = "slot.offered.v1"
    example = {
        **_OF,
        "offer_id": _OFFER,
        "slot_id": _SLOT,
        "quota_id": _QUOTA,
        "rank": 3,
        "expires_at": "2023-03-15T16:00:00Z",
    }

    offer_id: UUID
    slot_id: UUID
    quota_id: UUID
    rank: Rank
    expires_at: Instant


class OfferDeclined(_OfHousehold):
    """An offer ended without enrolment: declined by the household, expired, or withdrawn by a re-check."""

    type = "offer.declined.v1"
    example = {**_OF, "offer_id": _OFFER, "slot_id": _SLOT, "quota_id": _QUOTA, "rank": 3, "reason": "expired"}

    offer_id: UUID
    slot_id: UUID
    quota_id: UUID
    rank: Rank
    reason: Code


class HouseholdEnrolled(_OfHousehold):
    """A household takes part in a programme, by a decision of a second person."""

    type = "household.enrolled.v1"
    example = {
        **_OF,
        "enrolment_id": _ENROLMENT,
        "programme_version": 1,
        "unit": "family",
        "members": [_MEMBER],
        "persons": 1,
        "slot_id": _SLOT,
        "quota_id": _QUOTA,
        "rank": 3,
        "reasons": ["highest-rank"],
        "decree": _DECREE,
        "started_on": "2023-03-10",
        "decision_id": _DECISION,
    }

    enrolment_id: UUID
    programme_version: Count
    unit: Unit
    members: list[MemberId] = Field(description="The members who benefit.")
    persons: Count
    slot_id: UUID | None = None
    quota_id: UUID | None = None
    rank: Rank | None = None
    reasons: list[Code] = Field(default_factory=list, description="Why this household, e.g. its rank.")
    decree: Decree | None = None
    started_on: Date
    decision_id: UUID | None = Field(None, description="Common to all households that one decision enrolled.")


class _OfEnrolment(_OfHousehold):
    enrolment_id: UUID
    reason: Code


class EnrolmentSuspended(_OfEnrolment):
    """An enrolment rests until somebody decides; nothing is paid meanwhile."""

    type = "enrolment.suspended.v1"
    example = {**_OF, "enrolment_id": _ENROLMENT, "reason": "verification-revoked", "suspended_on": "2023-04-01"}

    suspended_on: Date


class EnrolmentResumed(_OfEnrolment):
    """A suspended enrolment goes on."""

    type = "enrolment.resumed.v1"
    example = {**_OF, "enrolment_id": _ENROLMENT, "reason": "verified-again", "resumed_on": "2023-04-20"}

    resumed_on: Date


class EnrolmentEnded(_OfEnrolment):
    """An enrolment ended otherwise than by graduation."""

    type = "enrolment.ended.v1"
    example = {**_OF, "enrolment_id": _ENROLMENT, "reason": "period-over", "ended_on": "2023-12-31"}

    ended_on: Date


class EnrolmentVoided(_OfEnrolment):
    """An enrolment should never have been: its place, its rank and its money went back where they came from."""

    type = "enrolment.voided.v1"
    example = {
        **_OF,
        "enrolment_id": _ENROLMENT,
        "reason": "entered-in-error",
        "voided_on": "2023-03-12",
        "slot_id": _SLOT,
        "rank": 3,
        "returned_rupiah": 0,
        "corrects": _DECISION,
    }

    voided_on: Date
    slot_id: UUID | None = None
    rank: Rank | None = None
    returned_rupiah: Rupiah = Field(description="Reserved or committed money that returned to its fund line.")
    corrects: UUID = Field(description="The decision that is taken back.")


class _OfPayment(_OfHousehold):
    payment_id: UUID
    entitlement_id: UUID
    enrolment_id: UUID
    period: Period
    fund_line: FundLineCode
    rupiah: Rupiah
    persons: Count = Field(description="Persons for whom it is; families count once each.")


class AidDisbursed(_OfPayment):
    """Money or goods reached a household's payee: one fact per entitlement, ever."""

    type = "aid.disbursed.v1"
    example = {
        **_OF,
        "payment_id": _PAYMENT,
        "entitlement_id": _ENTITLEMENT,
        "enrolment_id": _ENROLMENT,
        "period": "2023",
        "fund_line": "APBD-2023/64.72/UEP",
        "rupiah": 900_000,
        "persons": 3,
        "payment_list_id": _LIST,
        "paid_on": "2023-03-20",
        "decree": _DECREE,
        "goods": [],
    }

    payment_list_id: UUID
    paid_on: Date
    decree: Decree
    goods: list[Goods] = Field(default_factory=list)


class AidFailed(_OfPayment):
    """The payer could not pay; the money returned to the fund line, the entitlement stays open."""

    type = "aid.failed.v1"
    example = {
        **_OF,
        "payment_id": _PAYMENT,
        "entitlement_id": _ENTITLEMENT,
        "enrolment_id": _ENROLMENT,
        "period": "2023",
        "fund_line": "APBD-2023/64.72/UEP",
        "rupiah": 900_000,
        "persons": 3,
        "payment_list_id": _LIST,
        "failed_on": "2023-03-20",
        "reason": "account-closed",
    }

    payment_list_id: UUID
    failed_on: Date
    reason: Code


class AidReturned(_OfPayment):
    """Money that had been paid came back, whole or in part (``rupiah`` is what came back)."""

    type = "aid.returned.v1"
    example = {
        **_OF,
        "payment_id": _PAYMENT,
        "entitlement_id": _ENTITLEMENT,
        "enrolment_id": _ENROLMENT,
        "period": "2023",
        "fund_line": "APBD-2023/64.72/UEP",
        "rupiah": 900_000,
        "persons": 3,
        "returned_on": "2023-04-02",
        "reason": "recipient-died",
    }

    returned_on: Date
    reason: Code


class AidReversed(_OfPayment):
    """A payment was recorded in error; the counter-entry takes it back in full."""

    type = "aid.reversed.v1"
    example = {
        **_OF,
        "payment_id": _PAYMENT,
        "entitlement_id": _ENTITLEMENT,
        "enrolment_id": _ENROLMENT,
        "period": "2023",
        "fund_line": "APBD-2023/64.72/UEP",
        "rupiah": 900_000,
        "persons": 3,
        "reversed_on": "2023-03-22",
        "reason": "recorded-in-error",
        "corrects": _PAYMENT,
    }

    reversed_on: Date
    reason: Code
    corrects: UUID


class ServiceDelivered(_OfHousehold):
    """A service reached a household: coaching, training, mentoring."""

    type = "service.delivered.v1"
    example = {
        **_OF,
        "delivery_id": "0192f1d0-7c11-7a10-8a00-00000000020b",
        "enrolment_id": _ENROLMENT,
        "service": "coaching",
        "members": [_MEMBER],
        "persons": 1,
        "delivered_on": "2023-05-10",
        "minutes": 90,
    }

    delivery_id: UUID
    enrolment_id: UUID
    service: Code = Field(description="What was delivered: coaching, training, mentoring.")
    members: list[MemberId]
    persons: Count
    delivered_on: Date
    minutes: Count | None = None


class GraduationProposed(_OfEnrolment):
    """Somebody proposed that a household leaves a programme because it succeeded; a second person decides."""

    type = "graduation.proposed.v1"
    example = {
        **_OF,
        "enrolment_id": _ENROLMENT,
        "graduation_id": "0192f1d0-7c11-7a10-8a00-00000000020c",
        "reason": "income-risen",
        "proposed_on": "2023-09-01",
        "objections_until": "2023-09-15",
    }

    graduation_id: UUID
    proposed_on: Date
    objections_until: Date


class HouseholdGraduated(_OfEnrolment):
    """A household left a programme because it succeeded. Leaving a programme is not leaving poverty."""

    type = "household.graduated.v1"
    example = {
        **_OF,
        "enrolment_id": _ENROLMENT,
        "graduation_id": "0192f1d0-7c11-7a10-8a00-00000000020c",
        "persons": 1,
        "reason": "income-risen",
        "graduated_on": "2023-09-16",
        "slot_id": _SLOT,
        "decision_id": _DECISION,
    }

    graduation_id: UUID
    persons: Count
    graduated_on: Date
    slot_id: UUID | None = None
    decision_id: UUID


class GraduationReversed(_OfEnrolment):
    """A graduation was taken back; the household returns to its enrolment when a place is free, else to its rank."""

    type = "graduation.reversed.v1"
    example = {
        **_OF,
        "enrolment_id": _ENROLMENT,
        "graduation_id": "0192f1d0-7c11-7a10-8a00-00000000020c",
        "reason": "recorded-in-error",
        "reversed_on": "2023-09-20",
        "corrects": _DECISION,
    }

    graduation_id: UUID
    reversed_on: Date
    corrects: UUID


class SlotReleased(_OfHousehold):
    """The place a household held is free again. The household is the one that leaves."""

    type = "slot.released.v1"
    example = {**_OF, "slot_id": _SLOT, "quota_id": _QUOTA, "reason": "graduated", "released_on": "2023-09-16"}

    slot_id: UUID
    quota_id: UUID
    reason: Code
    released_on: Date


class SlotFilled(_OfHousehold):
    """A place has its household. Says whom it succeeds, if the place had been released."""

    type = "slot.filled.v1"
    example = {
        **_OF,
        "slot_id": _SLOT,
        "quota_id": _QUOTA,
        "enrolment_id": _ENROLMENT,
        "rank": 4,
        "succeeds": "0192f1d0-7c11-7a10-8a00-0000000000a2",
        "filled_on": "2023-09-20",
    }

    slot_id: UUID
    quota_id: UUID
    enrolment_id: UUID
    rank: Rank | None = None
    succeeds: HouseholdId | None = None
    filled_on: Date


class PaymentListSubmitted(_OfPrograms):
    """A payment list waits for its second person."""

    type = "payment-list.submitted.v1"
    subject_kind = "payment-list"
    subject_field = "payment_list_id"
    example = {
        "payment_list_id": _LIST,
        "programme_id": _PROGRAMME,
        "programme": "BLT-2022",
        "region": "64.72",
        "period": "2022",
        "fund_line": "APBD-2022/64.72/BLT",
        "families": 1456,
        "persons": 6973,
        "rupiah": 2_091_900_000,
        "submitted_on": "2022-12-20",
    }

    payment_list_id: UUID
    programme_id: UUID
    programme: ProgrammeCode
    region: RegionCode
    period: Period
    fund_line: FundLineCode
    families: Count
    persons: Count
    rupiah: Rupiah
    submitted_on: Date


class PaymentListSettled(_OfPrograms):
    """Every item of a payment list has its result: paid and failed together are what was on the list."""

    type = "payment-list.settled.v1"
    subject_kind = "payment-list"
    subject_field = "payment_list_id"
    example = {
        "payment_list_id": _LIST,
        "programme_id": _PROGRAMME,
        "programme": "BLT-2022",
        "region": "64.72",
        "period": "2022",
        "fund_line": "APBD-2022/64.72/BLT",
        "families_paid": 1450,
        "families_failed": 6,
        "persons_paid": 6945,
        "persons_failed": 28,
        "paid_rupiah": 2_083_500_000,
        "failed_rupiah": 8_400_000,
        "settled_on": "2022-12-28",
    }

    payment_list_id: UUID
    programme_id: UUID
    programme: ProgrammeCode
    region: RegionCode
    period: Period
    fund_line: FundLineCode
    families_paid: Count
    families_failed: Count
    persons_paid: Count
    persons_failed: Count
    paid_rupiah: Rupiah
    failed_rupiah: Rupiah
    settled_on: Date


class FundLineExhausted(_OfPrograms):
    """A reservation was refused because a fund line had not enough left. Says what was asked and what was there."""

    type = "fund-line.exhausted.v1"
    subject_kind = "programme"
    subject_field = "programme_id"
    example = {
        "programme_id": _PROGRAMME,
        "programme": "RTLH-2023",
        "region": "64.72",
        "fund_line": "APBD-2023/64.72/RTLH",
        "asked_rupiah": 20_000_000,
        "available_rupiah": 0,
        "refused_on": "2023-06-01",
    }

    programme_id: UUID
    programme: ProgrammeCode
    region: RegionCode
    fund_line: FundLineCode
    asked_rupiah: Rupiah
    available_rupiah: Rupiah
    refused_on: Date


class QuotaThresholdReached(_OfPrograms):
    """A quota has reached a share of its places; told once per quota and threshold."""

    type = "quota.threshold-reached.v1"
    subject_kind = "programme"
    subject_field = "programme_id"
    example = {
        "programme_id": _PROGRAMME,
        "programme": "UEP-2023",
        "quota_id": _QUOTA,
        "region": "64.72.05",
        "unit": "family",
        "places": 40,
        "taken": 36,
        "threshold_percent": 90,
    }

    programme_id: UUID
    programme: ProgrammeCode
    quota_id: UUID
    region: RegionCode
    unit: Unit
    places: Count
    taken: Count
    threshold_percent: Count = Field(le=100)


class OverlapDetected(_OfHousehold):
    """Two enrolments of a household exclude each other; the later one rests until a person has decided."""

    type = "overlap.detected.v1"
    example = {
        **_OF,
        "enrolment_id": _ENROLMENT,
        "other_agency": "dinkop-samarinda",
        "other_programme": "WRSE-2023",
        "other_enrolment_id": "0192f1d0-7c11-7a10-8a00-00000000020d",
        "reason": "excluded-by-programme",
    }

    enrolment_id: UUID
    other_agency: AgencyCode
    other_programme: ProgrammeCode
    other_enrolment_id: UUID
    reason: Code
