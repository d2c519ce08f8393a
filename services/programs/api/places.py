"""Places that change hands: frozen waitlists, offers and their answers."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import func, select
from sqlmodel import col

from services.programs.answer_offer import accept, decline, lock_offer
from services.programs.answers import (
    AcceptedAnswer,
    OfferAnswer,
    OffersAnswer,
    RankAnswer,
    RankPage,
    WaitlistAnswer,
    WaitlistsAnswer,
    reasons_of,
)
from services.programs.api.enrolments import scanned
from services.programs.api.listed import require_listed
from services.programs.api.paging import Limit, cursor
from services.programs.api.who import Officer, Reader
from services.programs.bodies import OffersSent, ReasonSent, ScanSent
from services.programs.claim_place import free_slots
from services.programs.freeze_waitlist import freeze
from services.programs.load_programme import in_force, lock_quotas
from services.programs.models import Offer, OfferState, Quota, Waitlist, WaitlistEntry
from services.programs.offer_slot import offer_slot
from shared.events.fields import RegionCode
from shared.web import EdgeRoute, LocaleDep, SessionDep

router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["places"])


@router.post("/programmes/{code}/waitlists", status_code=201)
async def freeze_waitlists(code: str, body: ScanSent, caller: Officer, session: SessionDep) -> WaitlistsAnswer:
    """Rank those who fit and freeze the ranking, one list per quota."""
    running = await in_force(session, code)
    households = await scanned(session, running, caller, body.region)
    lists = await freeze(session, running, households, caller.principal)
    quotas = await session.execute(select(col(Quota.quota_id), col(Quota.region)))
    regions = {row.quota_id: row.region for row in quotas}
    return WaitlistsAnswer(waitlists=[WaitlistAnswer.of(each, regions[each.quota_id]) for each in lists])


@router.get("/programmes/{code}/waitlist")
async def show_waitlist(
    code: str,
    region: Annotated[RegionCode, Query(description="The quota's region.")],
    caller: Reader,
    session: SessionDep,
    after: Annotated[int, Query(ge=0, description="Cursor: `next` of the page before.")] = 0,
    limit: Limit = 100,
) -> RankPage:
    """The newest frozen list of a region's quota, by rank."""
    caller.require_region(region)
    running = await in_force(session, code)
    newest = (
        select(func.max(col(Waitlist.version)))
        .where(col(Waitlist.quota_id) == col(Quota.quota_id))
        .correlate(Quota)
        .scalar_subquery()
    )
    found = await session.execute(
        select(Waitlist, WaitlistEntry)
        .join(Quota, col(Quota.quota_id) == col(Waitlist.quota_id))
        .join(WaitlistEntry, col(WaitlistEntry.waitlist_id) == col(Waitlist.waitlist_id))
        .where(
            col(Quota.programme_id) == running.programme_id,
            col(Quota.region) == region,
            col(Waitlist.version) == newest,
            col(WaitlistEntry.rank) > after,
        )
        .order_by(col(WaitlistEntry.rank))
        .limit(limit)
    )
    items = [
        RankAnswer(
            quota_id=waitlist.quota_id,
            waitlist_id=waitlist.waitlist_id,
            version=waitlist.version,
            rank=entry.rank,
            household_id=entry.household_id,
            region=entry.region,
            state=entry.state,
        )
        for waitlist, entry in found
    ]
    return RankPage(items=items, next=cursor([item.rank for item in items], limit))


@router.post("/programmes/{code}/offers", status_code=201)
async def offer_places(code: str, body: OffersSent, caller: Officer, session: SessionDep) -> OffersAnswer:
    """Offer free places to the next households of the frozen lists."""
    running = await in_force(session, code)
    caller.require_region(body.region or running.programme.region)
    offers: list[Offer] = []
    for quota in await lock_quotas(session, running.programme_id):
        if body.region not in (None, quota.region):
            continue
        for slot in await free_slots(session, quota.quota_id, body.at_most - len(offers)):
            offer = await offer_slot(session, running, quota, slot, caller.principal)
            if offer is None:
                break
            offers.append(offer)
    return OffersAnswer(offers=[OfferAnswer.of(offer) for offer in offers])


@router.get("/programmes/{code}/offers")
async def list_offers(
    code: str,
    caller: Reader,
    session: SessionDep,
    state: OfferState | None = OfferState.OPEN,
    after: Annotated[UUID | None, Query(description="Cursor: the last offer_id of the page before.")] = None,
    limit: Limit = 100,
) -> OffersAnswer:
    """Offers, oldest first; open ones where nothing else is asked."""
    running = await in_force(session, code)
    statement = select(Offer).where(
        col(Offer.programme_id) == running.programme_id, caller.region_filter(col(Offer.region))
    )
    if state is not None:
        statement = statement.where(col(Offer.state) == state)
    if after is not None:
        statement = statement.where(col(Offer.offer_id) > after)
    rows = await session.execute(statement.order_by(col(Offer.offer_id)).limit(limit))
    return OffersAnswer(offers=[OfferAnswer.of(row) for row in rows.scalars()])


@router.post("/offers/{offer_id}/accept")
async def accept_offer(offer_id: UUID, caller: Officer, session: SessionDep, locale: LocaleDep) -> AcceptedAnswer:
    """The family takes the place. A last look may withdraw the offer; then the next family is asked."""
    offer = await lock_offer(session, offer_id)
    caller.require_region(offer.region)
    decision = await accept(session, offer, caller.principal)
    return AcceptedAnswer(**OfferAnswer.of(offer).model_dump(), reasons=reasons_of(decision, locale))


@router.post("/offers/{offer_id}/decline")
async def decline_offer(offer_id: UUID, body: ReasonSent, caller: Officer, session: SessionDep) -> OfferAnswer:
    """The family does not want the place; the next one is asked."""
    offer = await lock_offer(session, offer_id)
    caller.require_region(offer.region)
    require_listed(session, "OfferDeclined.reason", body.reason)
    await decline(session, offer, body.reason, caller.principal)
    return OfferAnswer.of(offer)
