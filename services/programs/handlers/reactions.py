"""What others say that touches our enrolments: they rest, go on, or are found to exclude each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.programs.find_overlaps import Told, find_overlaps, holding_several
from services.programs.handlers.router import router
from services.programs.look_at import look_at
from services.programs.models import Enrolment, SeenDuplicate
from services.programs.moment import own_agency
from services.programs.rules.household import Household, VerificationStatus
from services.programs.suspend_enrolment import lift, live_enrolments, suspend
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
    live = _by_household(await live_enrolments(session, *{event.household_id for event in events}))
    for event, fact in zip(events, facts, strict=True):
        for enrolment in live.get(event.household_id, ()):
            with correlation(fact.correlation_id, fact.id):
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
async def look_again_at_enrolments(events: list[HouseholdEnrolled], session: Session, facts: list[Fact]) -> None:
    """Ours and the others' are compared: whichever of two is heard second sees both.

    Ours are also held against what was heard while a person decided: a revocation whose reaction found nobody enrolled
    and a decision that did not see the revocation may commit side by side.
    """
    live = _by_household(await live_enrolments(session, *{event.household_id for event in events}))
    several = await holding_several(session, sorted(live))
    agency = own_agency(session)
    ours = {event.household_id for event, fact in zip(events, facts, strict=True) if fact.agency == agency}
    looked = await look_at(session, sorted(ours & live.keys()))
    for event, fact in zip(events, facts, strict=True):
        with correlation(fact.correlation_id, fact.id):
            if fact.agency == agency and event.household_id in looked:
                for enrolment in live[event.household_id]:
                    if enrolment.enrolment_id == event.enrolment_id:
                        await _rest_as_heard(session, enrolment, looked[event.household_id].household)
            if event.household_id in several:
                await find_overlaps(session, event.household_id)


@router.on(OverlapDetected)
async def answer_overlap(event: OverlapDetected, session: Session, fact: Fact) -> None:
    """Another agency's rules exclude one of our enrolments: the collision stands on both sides."""
    if fact.agency != own_agency(session) and event.other_agency == own_agency(session):
        await find_overlaps(
            session, event.household_id, told=Told(event.other_enrolment_id, fact.agency, event.enrolment_id)
        )


async def _rest_as_heard(session: Session, enrolment: Enrolment, household: Household) -> None:
    """Let an enrolment rest for what its household would rest for had it been enrolled a moment before."""
    if household.verification is not None and household.verification.status is VerificationStatus.REVOKED:
        await suspend(session, enrolment, REVOKED, enrolment.household_id)
    if household.withdrawn:
        await suspend(session, enrolment, WITHDRAWN, enrolment.household_id)
    if household.duplicate_open:
        blocking = await session.execute(
            select(col(SeenDuplicate.duplicate_id)).where(
                col(SeenDuplicate.household_id) == enrolment.household_id, col(SeenDuplicate.blocks).is_(True)
            )
        )
        for duplicate_id in blocking.scalars():
            await suspend(session, enrolment, DUPLICATE, duplicate_id)


def _by_household(enrolments: Sequence[Enrolment]) -> dict[UUID, list[Enrolment]]:
    found: defaultdict[UUID, list[Enrolment]] = defaultdict(list)
    for enrolment in enrolments:
        found[enrolment.household_id].append(enrolment)
    return dict(found)
