"""What others say that touches our enrolments: they rest, go on, or are found to exclude each other."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.programs.among import among
from services.programs.find_overlaps import Told, find_overlaps, holding_several
from services.programs.handlers.router import router
from services.programs.models import Enrolment
from services.programs.moment import own_agency
from services.programs.suspend_enrolment import LIVE, lift, live_enrolments, suspend
from shared.events.intake import DuplicateResolved, DuplicateSuspected, HouseholdWithdrawn
from shared.events.programs import HouseholdEnrolled, OverlapDetected
from shared.events.verification import HouseholdVerified, VerificationRevoked
from shared.messaging import Fact, Session, correlation

REVOKED = "verification-revoked"
DUPLICATE = "duplicate-open"
WITHDRAWN = "household-withdrawn"


@router.on(VerificationRevoked)
async def rest_on_revocation(event: VerificationRevoked, session: Session) -> None:
    for enrolment in await live_enrolments(session, event.household_id):
        await suspend(session, enrolment, REVOKED, event.case_id)


@router.on(HouseholdVerified, batch=True)
async def go_on_when_verified_again(events: list[HouseholdVerified], session: Session, facts: list[Fact]) -> None:
    touched = await _enrolled(session, {event.household_id for event in events})
    for event, fact in zip(events, facts, strict=True):
        if event.household_id in touched:
            with correlation(fact.correlation_id, fact.id):
                for enrolment in await live_enrolments(session, event.household_id):
                    await lift(session, enrolment, because="verified-again", reason=REVOKED)


@router.on(HouseholdWithdrawn)
async def rest_on_withdrawal(event: HouseholdWithdrawn, session: Session) -> None:
    for enrolment in await live_enrolments(session, event.household_id):
        await suspend(session, enrolment, WITHDRAWN, event.household_id)


@router.on(DuplicateSuspected)
async def rest_on_suspicion(event: DuplicateSuspected, session: Session) -> None:
    if event.blocks_payment:
        for enrolment in await live_enrolments(session, event.household_id):
            await suspend(session, enrolment, DUPLICATE, event.duplicate_id)


@router.on(DuplicateResolved)
async def go_on_when_resolved(event: DuplicateResolved, session: Session) -> None:
    for enrolment in await live_enrolments(session, event.household_id):
        await lift(session, enrolment, because="duplicate-resolved", reason=DUPLICATE, cause_id=event.duplicate_id)


@router.on(HouseholdEnrolled, batch=True)
async def compare_enrolments(events: list[HouseholdEnrolled], session: Session, facts: list[Fact]) -> None:
    """Ours and the others': whichever of two is heard second sees both."""
    ours = await _enrolled(session, {event.household_id for event in events})
    several = await holding_several(session, sorted(ours))
    for event, fact in zip(events, facts, strict=True):
        if event.household_id in several:
            with correlation(fact.correlation_id, fact.id):
                await find_overlaps(session, event.household_id)


@router.on(OverlapDetected)
async def answer_overlap(event: OverlapDetected, session: Session, fact: Fact) -> None:
    """Another agency's rules exclude one of our enrolments: the collision stands on both sides."""
    if fact.agency != own_agency(session) and event.other_agency == own_agency(session):
        await find_overlaps(
            session, event.household_id, told=Told(event.other_enrolment_id, fact.agency, event.enrolment_id)
        )


async def _enrolled(session: Session, households: set[UUID]) -> set[UUID]:
    """Of these households, those whom we have enrolled now."""
    found = await session.execute(
        select(col(Enrolment.household_id)).where(
            among(col(Enrolment.household_id), households), col(Enrolment.status).in_(LIVE)
        )
    )
    return set(found.scalars())
