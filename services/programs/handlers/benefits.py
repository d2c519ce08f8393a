"""What this deployment remembers of benefits: programmes, enrolments, payments and services of every agency.

Each fold is independent of order: the highest revision wins, or the highest sequence of a source about a household.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from services.programs.handlers.folding import sequence_of, upsert
from services.programs.handlers.router import router
from services.programs.models import (
    Row,
    SeenEnrolment,
    SeenPayment,
)
from services.programs.rules.household import HeldStatus
from shared.events.programs import (
    AidDisbursed,
    AidFailed,
    AidReturned,
    AidReversed,
    EnrolmentEnded,
    EnrolmentResumed,
    EnrolmentSuspended,
    EnrolmentVoided,
    GraduationReversed,
    HouseholdEnrolled,
    HouseholdGraduated,
    ProgrammePublished,
    ServiceDelivered,
)
from shared.messaging import Fact, Session


@router.project(ProgrammePublished)
async def remember_programme(event: ProgrammePublished, session: Session, fact: Fact) -> None:
    row = {
        "programme_id": event.programme_id,
        "agency": fact.agency,
        "programme": event.programme,
        "version": event.version,
        "title": event.title,
        "benefit_kind": event.benefit_kind,
        "strategy": event.strategy,
        "unit": event.unit.value,
        "status": event.status.value,
    }
    await upsert(session, "seen_programme", [row], newer="version")


@router.project(HouseholdEnrolled, batch=True)
async def remember_enrolments(events: list[HouseholdEnrolled], session: Session, facts: list[Fact]) -> None:
    rows = [
        {
            "enrolment_id": event.enrolment_id,
            "household_id": event.household_id,
            "region": event.region,
            "agency": fact.agency,
            "programme_id": event.programme_id,
            "programme": event.programme,
            "unit": event.unit.value,
            "persons": event.persons,
            "status": HeldStatus.ACTIVE.value,
            "reason": None,
            "started_on": event.started_on,
            "ended_on": None,
            "sequence": sequence_of(fact),
        }
        for event, fact in zip(events, facts, strict=True)
    ]
    await upsert(session, "seen_enrolment", rows, newer="sequence")


@router.project(EnrolmentSuspended)
async def remember_suspension(event: EnrolmentSuspended, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.SUSPENDED)


@router.project(EnrolmentResumed)
async def remember_resumption(event: EnrolmentResumed, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.ACTIVE)


@router.project(EnrolmentEnded)
async def remember_end(event: EnrolmentEnded, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.ENDED, ended_on=event.ended_on)


@router.project(EnrolmentVoided)
async def remember_void(event: EnrolmentVoided, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.VOIDED, ended_on=event.voided_on)


@router.project(HouseholdGraduated)
async def remember_graduation(event: HouseholdGraduated, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.GRADUATED, ended_on=event.graduated_on)


@router.project(GraduationReversed)
async def remember_reversed_graduation(event: GraduationReversed, session: Session, fact: Fact) -> None:
    await _turn(session, event, fact, HeldStatus.ACTIVE)


@router.project(AidDisbursed, batch=True)
async def remember_payments(events: list[AidDisbursed], session: Session, facts: list[Fact]) -> None:
    rows = [_payment(event, fact, "paid", event.paid_on) for event, fact in zip(events, facts, strict=True)]
    await upsert(session, "seen_payment", rows, newer="sequence")


@router.project(AidFailed, batch=True)
async def remember_failures(events: list[AidFailed], session: Session, facts: list[Fact]) -> None:
    rows = [
        _payment(event, fact, "failed", event.failed_on) | {"reason": event.reason}
        for event, fact in zip(events, facts, strict=True)
    ]
    await upsert(session, "seen_payment", rows, newer="sequence")


@router.project(AidReturned)
async def remember_return(event: AidReturned, session: Session, fact: Fact) -> None:
    """What comes back adds up: money may return in parts."""
    back = func.least(col(SeenPayment.returned_rupiah) + event.rupiah, col(SeenPayment.rupiah))
    await session.execute(
        update(SeenPayment)
        .where(*_payment_of(event, fact))
        .values(status="returned", reason=event.reason, returned_rupiah=back, sequence=sequence_of(fact))
        .execution_options(synchronize_session=False)
    )


@router.project(AidReversed)
async def remember_reversal(event: AidReversed, session: Session, fact: Fact) -> None:
    await session.execute(
        update(SeenPayment)
        .where(*_payment_of(event, fact))
        .values(status="reversed", reason=event.reason, sequence=sequence_of(fact))
        .execution_options(synchronize_session=False)
    )


@router.project(ServiceDelivered)
async def remember_service(event: ServiceDelivered, session: Session, fact: Fact) -> None:
    row = {
        "delivery_id": event.delivery_id,
        "household_id": event.household_id,
        "agency": fact.agency,
        "programme": event.programme,
        "service": event.service,
        "persons": event.persons,
        "delivered_on": event.delivered_on,
    }
    statement = insert(Row.metadata.tables["seen_service"]).on_conflict_do_nothing()
    await session.execute(statement, [row])


async def _turn(
    session: Session,
    event: EnrolmentSuspended
    | EnrolmentResumed
    | EnrolmentEnded
    | EnrolmentVoided
    | HouseholdGraduated
    | GraduationReversed,
    fact: Fact,
    status: HeldStatus,
    **changes: Any,
) -> None:
    await session.execute(
        update(SeenEnrolment)
        .where(
            col(SeenEnrolment.enrolment_id) == event.enrolment_id,
            col(SeenEnrolment.agency) == fact.agency,
            col(SeenEnrolment.sequence) < sequence_of(fact),
        )
        .values({"ended_on": None, **changes, "status": status, "reason": event.reason, "sequence": sequence_of(fact)})
        .execution_options(synchronize_session=False)
    )


def _payment_of(event: AidReturned | AidReversed, fact: Fact) -> tuple[ColumnElement[bool], ...]:
    """The payment of the very agency that speaks, unless a later word of it is known."""
    return (
        col(SeenPayment.agency) == fact.agency,
        col(SeenPayment.payment_id) == event.payment_id,
        col(SeenPayment.sequence) < sequence_of(fact),
    )


def _payment(event: AidDisbursed | AidFailed, fact: Fact, status: str, on: Any) -> dict[str, Any]:
    return {
        "payment_id": event.payment_id,
        "household_id": event.household_id,
        "agency": fact.agency,
        "programme": event.programme,
        "enrolment_id": event.enrolment_id,
        "entitlement_id": event.entitlement_id,
        "period": event.period,
        "fund_line": event.fund_line,
        "rupiah": event.rupiah,
        "persons": event.persons,
        "status": status,
        "reason": None,
        "settled_on": on,
        "returned_rupiah": 0,
        "sequence": sequence_of(fact),
    }
