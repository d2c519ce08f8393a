"""Frees the place of an enrolment that is over, and offers it to the next in rank order."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from services.programs.claim_place import give_back
from services.programs.load_programme import Running, in_force, lock_quotas
from services.programs.models import EnrolledMember, Enrolment, EntryState, Quota, Slot, SlotState, WaitlistEntry
from services.programs.offer_slot import offer_slot
from services.programs.return_to_rank import return_to_rank
from shared.events.programs import SlotReleased
from shared.messaging import Session, announce, current_cause


async def lock_place(session: Session, running: Running, enrolment: Enrolment) -> tuple[Quota | None, Slot | None]:
    """The quota and the slot of a (locked) enrolment; whoever ends one holds them before any money moves."""
    if enrolment.quota_id is None:
        return None, None
    [quota] = await lock_quotas(session, running.programme_id, enrolment.quota_id)
    return quota, None if enrolment.slot_id is None else await lock_slot(session, enrolment.slot_id)


async def release_place(
    session: Session, running: Running, enrolment: Enrolment, *, reason: str, on: date, back_to_rank: bool = False
) -> None:
    """The household no longer takes part: its members are free, its place is offered on at once.

    From here to the household that succeeds runs one correlation id. ``back_to_rank`` returns the household to the
    rank it had; the place it leaves is then offered past it.
    """
    await session.execute(
        update(EnrolledMember)
        .where(col(EnrolledMember.enrolment_id) == enrolment.enrolment_id)
        .values(live=False)
        .execution_options(synchronize_session=False)
    )
    quota, slot = await lock_place(session, running, enrolment)
    await _leave_list(session, enrolment)
    if back_to_rank:
        await return_to_rank(session, enrolment)
    if quota is None:
        return
    await give_back(session, quota, enrolment.units)
    if slot is None:
        return
    slot.state = SlotState.RELEASED
    slot.succeeds = enrolment.household_id
    slot.household_id = slot.enrolment_id = None
    slot.correlation_id = current_cause().correlation_id
    await session.flush()
    announce(
        session,
        SlotReleased(
            programme_id=running.programme_id,
            programme=running.programme.code,
            household_id=enrolment.household_id,
            region=enrolment.region,
            slot_id=slot.slot_id,
            quota_id=quota.quota_id,
            reason=reason,
            released_on=on,
        ),
    )
    passing_over = frozenset({enrolment.household_id}) if back_to_rank else frozenset()
    current = await in_force(session, running.programme.code)
    await offer_slot(session, current, quota, slot, passing_over=passing_over)


async def lock_slot(session: Session, slot_id: UUID) -> Slot:
    """The slot as it is now."""
    found = await session.execute(
        select(Slot).where(col(Slot.slot_id) == slot_id).with_for_update().execution_options(populate_existing=True)
    )
    slot: Slot = found.scalar_one()
    return slot


async def _leave_list(session: Session, enrolment: Enrolment) -> None:
    if enrolment.waitlist_id is not None:
        await session.execute(
            update(WaitlistEntry)
            .where(
                col(WaitlistEntry.waitlist_id) == enrolment.waitlist_id,
                col(WaitlistEntry.household_id) == enrolment.household_id,
            )
            .values(state=EntryState.LEFT)
            .execution_options(synchronize_session=False)
        )
