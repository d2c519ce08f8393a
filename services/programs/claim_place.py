"""Takes places of a quota, and gives them back. The caller holds the quota's row lock, so nothing is sold twice."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.programs.models import Quota, Slot, SlotState
from services.programs.rules.places import THRESHOLD_PERCENT, threshold_reached
from services.programs.rules.programme import Programme
from shared.events.fields import Unit
from shared.events.programs import QuotaThresholdReached
from shared.messaging import Session, announce

FREE = (SlotState.VACANT, SlotState.RELEASED)


async def claim(session: Session, programme: Programme, quota: Quota, units: int) -> list[Slot] | None:
    """Take so many units of a locked quota; None where it has not as many.

    Returns:
        The free slots that were taken, lowest number first; none of a quota that only counts.
    """
    if quota.taken + units > quota.places:
        return None
    quota.taken += units
    await session.flush()
    _tell_threshold(session, programme, quota)
    return await free_slots(session, quota.quota_id, units) if quota.kind == "slots" else []


async def free_slots(session: Session, quota_id: UUID, at_most: int) -> list[Slot]:
    """Free places of a quota, lowest number first."""
    found = await session.execute(
        select(Slot)
        .where(col(Slot.quota_id) == quota_id, col(Slot.state).in_(FREE))
        .order_by(col(Slot.number))
        .limit(at_most)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found.scalars())


async def give_back(session: Session, quota: Quota, units: int) -> None:
    """Return units to a locked quota."""
    quota.taken -= units
    await session.flush()


def _tell_threshold(session: Session, programme: Programme, quota: Quota) -> None:
    """Once per allocation of a quota."""
    if quota.threshold_told or not threshold_reached(quota.places, quota.taken):
        return
    quota.threshold_told = True
    announce(
        session,
        QuotaThresholdReached(
            programme_id=quota.programme_id,
            programme=programme.code,
            quota_id=quota.quota_id,
            region=quota.region,
            unit=Unit(quota.unit),
            places=quota.places,
            taken=quota.taken,
            threshold_percent=THRESHOLD_PERCENT,
        ),
    )
