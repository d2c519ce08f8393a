"""Lets an enrolment rest, and lets it go on when no reason is left."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.programs.among import among
from services.programs.models import Enrolment, Suspension
from services.programs.moment import today
from services.programs.rules.household import HeldStatus
from shared.events.programs import EnrolmentResumed, EnrolmentSuspended
from shared.messaging import Session, announce

LIVE = (HeldStatus.ACTIVE, HeldStatus.SUSPENDED)


async def live_enrolments(session: Session, *household_ids: UUID) -> list[Enrolment]:
    """Our live enrolments of these households, locked in one order by everyone."""
    found = await session.execute(
        select(Enrolment)
        .where(among(col(Enrolment.household_id), household_ids), col(Enrolment.status).in_(LIVE))
        .order_by(col(Enrolment.enrolment_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found.scalars())


async def suspend(session: Session, enrolment: Enrolment, reason: str, cause_id: UUID) -> None:
    """Nothing is paid until the reason is lifted. The same reason from the same cause counts once."""
    known = await session.get(Suspension, (enrolment.enrolment_id, reason, cause_id))
    if known is not None and known.lifted_on is None:
        return
    if known is None:
        session.add(
            Suspension(enrolment_id=enrolment.enrolment_id, reason=reason, cause_id=cause_id, since=today(session))
        )
    else:
        known.since, known.lifted_on = today(session), None
    if enrolment.status == HeldStatus.ACTIVE:
        enrolment.status = HeldStatus.SUSPENDED
        enrolment.reason = reason
        announce(session, EnrolmentSuspended(**of(enrolment), reason=reason, suspended_on=today(session)))
    await session.flush()


async def lift(
    session: Session, enrolment: Enrolment, *, because: str, reason: str | None = None, cause_id: UUID | None = None
) -> None:
    """Lift the reasons given (all where none is given); the enrolment goes on when none is left."""
    open_ones = await session.execute(
        select(Suspension).where(
            col(Suspension.enrolment_id) == enrolment.enrolment_id, col(Suspension.lifted_on).is_(None)
        )
    )
    left = 0
    for each in open_ones.scalars():
        if reason in (None, each.reason) and cause_id in (None, each.cause_id):
            each.lifted_on = today(session)
        else:
            left += 1
    if left == 0 and enrolment.status == HeldStatus.SUSPENDED:
        enrolment.status = HeldStatus.ACTIVE
        enrolment.reason = None
        announce(session, EnrolmentResumed(**of(enrolment), reason=because, resumed_on=today(session)))
    await session.flush()


def of(enrolment: Enrolment) -> dict[str, object]:
    """What every fact about an enrolment names."""
    return {
        "programme_id": enrolment.programme_id,
        "programme": enrolment.programme,
        "household_id": enrolment.household_id,
        "region": enrolment.region,
        "enrolment_id": enrolment.enrolment_id,
    }
