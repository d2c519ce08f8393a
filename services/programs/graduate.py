"""A household leaves because it succeeded: proposed by one person, open to objection, decided by another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.claim_place import FREE, claim, free_slots
from services.programs.enrol_households import persons_enrolled
from services.programs.entitle import entitle_again, take_back_unpaid
from services.programs.freeze_waitlist import waitlisted
from services.programs.load_programme import Running, lock_quotas, version_of
from services.programs.models import (
    Delivery,
    EnrolledMember,
    Enrolment,
    EntryState,
    GraduationRow,
    GraduationState,
    Objection,
    Offer,
    OfferState,
    Slot,
    SlotState,
    Waitlist,
    WaitlistEntry,
)
from services.programs.moment import today
from services.programs.release_slot import lock_place, lock_slot, release_place
from services.programs.return_to_rank import return_to_rank
from services.programs.rules.graduation import may_be_decided, may_be_proposed, objections_until
from services.programs.rules.household import HeldStatus
from services.programs.suspend_enrolment import of
from shared.events.programs import (
    EnrolmentEnded,
    GraduationProposed,
    GraduationReversed,
    HouseholdGraduated,
    SlotFilled,
)
from shared.messaging import Session, announce, correlation, current_cause
from shared.problem import Finding, Problem


async def propose(
    session: Session, enrolment: Enrolment, reason: str, evidence: Sequence[str], by: str
) -> GraduationRow:
    """Propose that a (locked) enrolment ends in graduation. Raises 409 with every reason where it may not."""
    if enrolment.status != HeldStatus.ACTIVE:
        raise Problem("enrolment-not-active", status=409, state=enrolment.status)
    running = await version_of(session, enrolment.programme_id, enrolment.programme_version)
    delivered = await session.execute(
        select(col(Delivery.service)).where(col(Delivery.enrolment_id) == enrolment.enrolment_id)
    )
    decision = may_be_proposed(
        running.programme,
        enrolled_on=enrolment.started_on,
        services=Counter(delivered.scalars()),
        evidenced=evidence,
        reason=reason,
        today=today(session),
    )
    if not decision.allowed:
        raise Problem(
            "graduation-refused",
            status=409,
            errors=[Finding(each.code, None, each.values) for each in decision.reasons],
        )
    proposed = GraduationRow(
        graduation_id=uuid7(),
        enrolment_id=enrolment.enrolment_id,
        reason=reason,
        evidence=list(evidence),
        proposed_by=by,
        proposed_on=today(session),
        objections_until=objections_until(running.programme, today(session)),
        correlation_id=current_cause().correlation_id,
    )
    session.add(proposed)
    await session.flush()
    announce(
        session,
        GraduationProposed(
            **of(enrolment),
            graduation_id=proposed.graduation_id,
            reason=reason,
            proposed_on=proposed.proposed_on,
            objections_until=proposed.objections_until,
        ),
    )
    return proposed


async def lock_graduation(session: Session, graduation_id: UUID) -> GraduationRow:
    """The graduation as it is now. Raises 404."""
    found = await session.execute(
        select(GraduationRow).where(col(GraduationRow.graduation_id) == graduation_id).with_for_update()
    )
    graduation: GraduationRow | None = found.scalar_one_or_none()
    if graduation is None:
        raise Problem("graduation-not-found", status=404, field="graduation_id")
    return graduation


async def decide(session: Session, graduation: GraduationRow, enrolment: Enrolment, *, approve: bool, by: str) -> None:
    """Decide a (locked) graduation. Approved, the household leaves and its place is offered to the next."""
    if graduation.state != GraduationState.PROPOSED:
        raise Problem("already-decided", status=409, state=graduation.state)
    if graduation.proposed_by == by:
        raise Problem("second-person-required", status=409)
    unanswered = await session.execute(
        select(func.count()).where(
            col(Objection.graduation_id) == graduation.graduation_id, col(Objection.answer).is_(None)
        )
    )
    decision = may_be_decided(
        objections_until=graduation.objections_until,
        objections_open=unanswered.scalar_one(),
        today=today(session),
    )
    if approve and not decision.allowed:
        raise Problem(
            "graduation-refused",
            status=409,
            errors=[Finding(each.code, None, each.values) for each in decision.reasons],
        )
    graduation.decided_by = by
    graduation.decided_on = today(session)
    graduation.decision_id = uuid7()
    if not approve:
        graduation.state = GraduationState.REFUSED
        await session.flush()
        return
    if enrolment.status != HeldStatus.ACTIVE:
        raise Problem("enrolment-not-active", status=409, state=enrolment.status)
    graduation.state = GraduationState.GRADUATED
    with correlation(graduation.correlation_id, current_cause().causation_id):
        await _graduate(session, graduation, enrolment, by)


async def _graduate(session: Session, graduation: GraduationRow, enrolment: Enrolment, by: str) -> None:
    running = await version_of(session, enrolment.programme_id, enrolment.programme_version)
    on = today(session)
    enrolment.status, enrolment.reason, enrolment.ended_on = HeldStatus.GRADUATED, graduation.reason, on
    await session.flush()
    announce(
        session,
        HouseholdGraduated(
            **of(enrolment),
            graduation_id=graduation.graduation_id,
            persons=len(enrolment.members),
            reason=graduation.reason,
            graduated_on=on,
            slot_id=enrolment.slot_id,
            decision_id=graduation.decision_id,
        ),
    )
    await lock_place(session, running, enrolment)
    await take_back_unpaid(session, [enrolment.enrolment_id], reason="graduated", by=by)
    await release_place(session, running, enrolment, reason="graduated", on=on)


async def reverse(session: Session, graduation: GraduationRow, enrolment: Enrolment, reason: str) -> None:
    """Take a (locked) graduation back: to the place where one is free, else to the rank."""
    if graduation.state != GraduationState.GRADUATED or graduation.decision_id is None:
        raise Problem("graduation-not-decided", status=409, state=graduation.state)
    running = await version_of(session, enrolment.programme_id, enrolment.programme_version)
    await lock_place(session, running, enrolment)
    await _require_not_anew(session, running, enrolment)
    graduation.state = GraduationState.REVERSED
    on = today(session)
    announce(
        session,
        GraduationReversed(
            **of(enrolment),
            graduation_id=graduation.graduation_id,
            reason=reason,
            reversed_on=on,
            corrects=graduation.decision_id,
        ),
    )
    slot, placed = await _place_again(session, running, enrolment)
    if not placed:
        enrolment.status, enrolment.reason, enrolment.ended_on = HeldStatus.ENDED, "no-place-free", on
        announce(session, EnrolmentEnded(**of(enrolment), reason="no-place-free", ended_on=on))
        await _back_to_rank(session, running, enrolment)
        return
    enrolment.status, enrolment.reason, enrolment.ended_on = HeldStatus.ACTIVE, None, None
    await _set_members(session, enrolment)
    await entitle_again(session, enrolment)
    if slot is not None:
        slot.state, slot.household_id = SlotState.FILLED, enrolment.household_id
        slot.enrolment_id, slot.correlation_id = enrolment.enrolment_id, None
        enrolment.slot_id = slot.slot_id
        announce(
            session,
            SlotFilled(
                programme_id=running.programme_id,
                programme=running.programme.code,
                household_id=enrolment.household_id,
                region=enrolment.region,
                slot_id=slot.slot_id,
                quota_id=slot.quota_id,
                enrolment_id=enrolment.enrolment_id,
                rank=enrolment.rank,
                succeeds=None if slot.succeeds == enrolment.household_id else slot.succeeds,
                filled_on=on,
            ),
        )
    await session.flush()


async def _place_again(session: Session, running: Running, enrolment: Enrolment) -> tuple[Slot | None, bool]:
    """The enrolment's own place if nobody has it yet, else another free one of its quota."""
    if enrolment.quota_id is None:
        return None, True
    [quota] = await lock_quotas(session, running.programme_id, enrolment.quota_id)
    if enrolment.slot_id is not None:
        own = await lock_slot(session, enrolment.slot_id)
        slots = [own] if own.state in FREE else await free_slots(session, quota.quota_id, 1)
        if not slots:
            return None, False
        taken = await claim(session, running.programme, quota, 1)
        return (None, False) if taken is None else (slots[0], True)
    return None, await claim(session, running.programme, quota, enrolment.units) is not None


async def _set_members(session: Session, enrolment: Enrolment) -> None:
    found = await session.execute(
        select(EnrolledMember).where(col(EnrolledMember.enrolment_id) == enrolment.enrolment_id)
    )
    for member in found.scalars():
        member.live = True
    if enrolment.waitlist_id is not None and enrolment.rank is not None:
        entry = await session.get_one(WaitlistEntry, (enrolment.waitlist_id, enrolment.rank), populate_existing=True)
        entry.state = EntryState.ENROLLED


async def _back_to_rank(session: Session, running: Running, enrolment: Enrolment) -> None:
    entry = await return_to_rank(session, enrolment)
    if entry is not None:
        announce(session, waitlisted(running, await session.get_one(Waitlist, entry.waitlist_id), entry))


async def _require_not_anew(session: Session, running: Running, enrolment: Enrolment) -> None:
    """A household that takes part again, or is asked whether it will, has its new enrolment ended first."""
    offered = await session.execute(
        select(col(Offer.offer_id)).where(
            col(Offer.programme_id) == enrolment.programme_id,
            col(Offer.household_id) == enrolment.household_id,
            col(Offer.state) == OfferState.OPEN,
        )
    )
    if offered.first() is not None or await persons_enrolled(session, running, map(UUID, enrolment.members)):
        raise Problem("household-enrolled-anew", status=409)
