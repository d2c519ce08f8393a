"""Offers a free place to the next household of the frozen list that may still enter and whose money is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain, repeat
from uuid import UUID

from sqlalchemy import insert, update
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.assess import assess
from services.programs.claim_place import claim, give_back
from services.programs.entitle import Claimant, entitle, left_to_promise, take_back_unpaid, tell_exhausted
from services.programs.load_programme import Running, in_force
from services.programs.models import (
    EntryState,
    Offer,
    OfferState,
    Quota,
    Skip,
    Slot,
    SlotState,
    Waitlist,
    WaitlistEntry,
)
from services.programs.moment import now, today
from services.programs.move_money import SYSTEM, lock_line
from services.programs.propose_enrolments import as_kept
from services.programs.return_to_rank import waiting
from services.programs.rules.decision import Decision, Reason
from services.programs.rules.places import Candidate
from shared.events.programs import OfferDeclined, SlotOffered
from shared.messaging import Session, announce, correlation, current_cause, schedule

TIMER = "offer-expires"
PAGES = (2, 10, 50)
"""So many of the list are looked at together: mostly the first may have it, else ever more at once."""


async def offer_slot(
    session: Session,
    running: Running,
    quota: Quota,
    slot: Slot,
    by: str = SYSTEM,
    *,
    passing_over: frozenset[UUID] = frozenset(),
) -> Offer | None:
    """Walk down those who wait for a (locked) quota, best rank first, until somebody may have the (locked, free) place.

    Eligibility, duplicates and funds are looked at anew; whoever is passed over is kept with every reason and keeps
    the rank. Without a list, without anybody who fits, or without money the place stays free. ``passing_over`` names
    whoever has just given this very place back.
    """
    if running.programme.status != "active":
        return None
    at, sizes = 0, chain(PAGES, repeat(PAGES[-1]))
    waits = waiting(col(Waitlist.quota_id) == quota.quota_id)
    while entries := list((await session.execute(waits.offset(at).limit(next(sizes)))).scalars()):
        at += len(entries)
        candidates = await assess(session, running, [entry.household_id for entry in entries])
        for entry, candidate in zip(entries, candidates, strict=True):
            decision = _decide(candidate, passing_over)
            if not decision.allowed:
                await _skip(session, slot, entry, decision)
            elif await _has_money(session, running, candidate):
                return await _offer(session, running, quota, slot, entry, candidate, by)
            else:
                line = await lock_line(session, running.fund_line_id)
                left = await left_to_promise(session, line)
                asked = _needed(running, candidate)
                short = Reason("fund-line-exhausted", {"line": line.code, "asked": asked, "left": left})
                await _skip(session, slot, entry, Decision.of(short))
                tell_exhausted(session, running, line, asked=asked, left=left)
                return None
    return None


async def end_offer(
    session: Session, running: Running, quota: Quota, slot: Slot, offer: Offer, state: OfferState, reason: str, by: str
) -> None:
    """An (all locked) offer ends without enrolment: place and money are free again, and the place is offered on."""
    offer.state = state
    offer.reason = reason
    offer.answered_by = by
    slot.state = SlotState.RELEASED if slot.succeeds is not None else SlotState.VACANT
    slot.household_id = slot.enrolment_id = slot.offer_id = None
    await give_back(session, quota, 1)
    await take_back_unpaid(session, [offer.enrolment_id], reason=f"offer-{state}", by=by)
    # Whoever was asked and did not come has had the turn; whoever was found unfit at the last look keeps the rank.
    stays = EntryState.WAITING if state is OfferState.WITHDRAWN else EntryState.LEFT
    await _set_entry(session, offer.waitlist_id, offer.rank, stays)
    with correlation(offer.correlation_id, current_cause().causation_id):
        announce(
            session,
            OfferDeclined(
                **_of(running, offer.household_id, offer.region),
                offer_id=offer.offer_id,
                slot_id=offer.slot_id,
                quota_id=offer.quota_id,
                rank=offer.rank,
                reason=reason,
            ),
        )
        await offer_slot(session, await in_force(session, running.programme.code), quota, slot, by)


def expiry(running: Running, at: datetime) -> datetime:
    """Until when a family may answer."""
    waitlist = running.programme.waitlist
    return at + timedelta(days=waitlist.offer_days if waitlist else 1)


def _decide(candidate: Candidate, passing_over: frozenset[UUID]) -> Decision:
    given_back = candidate.household.household_id in passing_over
    return Decision.of(candidate.decision.reasons, Reason("own-place-returned") if given_back else None)


def _needed(running: Running, candidate: Candidate) -> int:
    return candidate.entitled.rupiah * len(running.programme.benefit.periods)


async def _has_money(session: Session, running: Running, candidate: Candidate) -> bool:
    line = await lock_line(session, running.fund_line_id)
    return _needed(running, candidate) <= await left_to_promise(session, line)


async def _offer(
    session: Session, running: Running, quota: Quota, slot: Slot, entry: WaitlistEntry, candidate: Candidate, by: str
) -> Offer | None:
    if await claim(session, running.programme, quota, 1) is None:
        return None
    moment = now(session)
    offer = Offer(
        offer_id=uuid7(),
        enrolment_id=uuid7(),
        programme_id=running.programme_id,
        programme_version=running.programme.version,
        quota_id=quota.quota_id,
        slot_id=slot.slot_id,
        waitlist_id=entry.waitlist_id,
        rank=entry.rank,
        household_id=entry.household_id,
        region=candidate.household.region,
        offered_at=moment,
        expires_at=expiry(running, moment),
        correlation_id=slot.correlation_id or current_cause().correlation_id,
    )
    session.add(offer)
    slot.state = SlotState.OFFERED
    slot.household_id = entry.household_id
    slot.offer_id = offer.offer_id
    slot.correlation_id = offer.correlation_id
    await _set_entry(session, entry.waitlist_id, entry.rank, EntryState.OFFERED)
    if running.reserves_at_enrolment:
        claimant = Claimant(offer.enrolment_id, entry.household_id, candidate.entitled)
        await entitle(session, running, [claimant], by)
    await session.flush()
    with correlation(offer.correlation_id, current_cause().causation_id):
        announce(
            session,
            SlotOffered(
                **_of(running, offer.household_id, offer.region),
                offer_id=offer.offer_id,
                slot_id=slot.slot_id,
                quota_id=quota.quota_id,
                rank=entry.rank,
                expires_at=offer.expires_at,
            ),
        )
        await schedule(session, TIMER, offer.expires_at, str(offer.offer_id), correlation_id=offer.correlation_id)
    return offer


async def _skip(session: Session, slot: Slot, entry: WaitlistEntry, decision: Decision) -> None:
    await session.execute(
        insert(Skip),
        [
            {
                "skip_id": uuid7(),
                "slot_id": slot.slot_id,
                "waitlist_id": entry.waitlist_id,
                "rank": entry.rank,
                "household_id": entry.household_id,
                "reasons": as_kept(decision),
                "skipped_on": today(session),
            }
        ],
    )


async def _set_entry(session: Session, waitlist_id: UUID, rank: int, state: EntryState) -> None:
    await session.execute(
        update(WaitlistEntry)
        .where(col(WaitlistEntry.waitlist_id) == waitlist_id, col(WaitlistEntry.rank) == rank)
        .values(state=state)
        .execution_options(synchronize_session=False)
    )


def _of(running: Running, household_id: UUID, region: str) -> dict[str, object]:
    return {
        "programme_id": running.programme_id,
        "programme": running.programme.code,
        "household_id": household_id,
        "region": region,
    }
