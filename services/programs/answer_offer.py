"""A family's answer to an offer, or the answer that did not come in time."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.programs.assess import ALREADY_OFFERED, assess
from services.programs.enrol_households import Decided, Entrant, enrol
from services.programs.entitle import Claimant, entitle
from services.programs.load_programme import Running, lock_quotas, version_of
from services.programs.models import Offer, OfferState, Quota, Slot, Waitlist
from services.programs.moment import now, today
from services.programs.move_money import SYSTEM
from services.programs.offer_slot import end_offer
from services.programs.release_slot import lock_slot
from services.programs.rules.decision import Decision
from services.programs.rules.places import Candidate
from shared.messaging import Session
from shared.problem import Problem

NO_LONGER_ELIGIBLE = "no-longer-eligible"


async def lock_offer(session: Session, offer_id: UUID) -> Offer:
    """The offer as it is now. Raises 404."""
    found = await session.execute(
        select(Offer).where(col(Offer.offer_id) == offer_id).with_for_update().execution_options(populate_existing=True)
    )
    offer: Offer | None = found.scalar_one_or_none()
    if offer is None:
        raise Problem("offer-not-found", status=404, field="offer_id")
    return offer


async def accept(session: Session, offer: Offer, by: str) -> Decision:
    """Enrol the household of a (locked) open offer, if a last look allows it; else the offer is withdrawn.

    The person who froze the list does not also take the answer.
    """
    require_open(session, offer)
    running, quota, slot = await _locked(session, offer)
    waitlist = await session.get_one(Waitlist, offer.waitlist_id)
    if waitlist.frozen_by == by:
        raise Problem("second-person-required", status=409)
    [candidate] = await assess(session, running, [offer.household_id])
    decision = Decision.of(each for each in candidate.decision.reasons if each.code != ALREADY_OFFERED)
    if not decision.allowed:
        # Why is for the officer alone: on the bus a reason like a decile would be an attribute of a family.
        await end_offer(session, running, quota, slot, offer, OfferState.WITHDRAWN, NO_LONGER_ELIGIBLE, by)
        return decision
    offer.state = OfferState.ACCEPTED
    offer.answered_by = by
    await _enrol(session, running, slot, offer, candidate, waitlist, by)
    return decision


async def decline(session: Session, offer: Offer, reason: str, by: str) -> None:
    """End a (locked) open offer because the family does not want it; the place is offered on."""
    require_open(session, offer)
    running, quota, slot = await _locked(session, offer)
    await end_offer(session, running, quota, slot, offer, OfferState.DECLINED, reason, by)


async def expire(session: Session, offer_id: UUID) -> None:
    """End an offer to which nobody answered in time; one that was answered meanwhile stays as it is.

    An answer therefore leaves the timer alone: cancelling it would take locks in the order opposite to this one.
    """
    offer = await lock_offer(session, offer_id)
    if offer.state != OfferState.OPEN or offer.expires_at > now(session):
        return
    running, quota, slot = await _locked(session, offer)
    await end_offer(session, running, quota, slot, offer, OfferState.EXPIRED, "expired", SYSTEM)


def require_open(session: Session, offer: Offer) -> None:
    """Raises 409 for an offer that was answered or whose time is over."""
    if offer.state != OfferState.OPEN:
        raise Problem("offer-not-open", status=409, state=offer.state)
    if offer.expires_at <= now(session):
        raise Problem("offer-expired", status=409, expired_at=offer.expires_at.isoformat())


async def _locked(session: Session, offer: Offer) -> tuple[Running, Quota, Slot]:
    running = await version_of(session, offer.programme_id, offer.programme_version)
    [quota] = await lock_quotas(session, offer.programme_id, offer.quota_id)
    return running, quota, await lock_slot(session, offer.slot_id)


async def _enrol(
    session: Session, running: Running, slot: Slot, offer: Offer, candidate: Candidate, waitlist: Waitlist, by: str
) -> None:
    if not running.reserves_at_enrolment:
        await entitle(session, running, [Claimant(offer.enrolment_id, offer.household_id, candidate.entitled)], by)
    entrant = Entrant(
        enrolment_id=offer.enrolment_id,
        household_id=offer.household_id,
        region=candidate.household.region,
        entitled=candidate.entitled,
        quota_id=offer.quota_id,
        slot=slot,
        waitlist_id=offer.waitlist_id,
        rank=offer.rank,
        reasons=["waitlist-rank"],
    )
    await enrol(session, running, [entrant], Decided(waitlist.decision_id, by, today(session), None))
