"""The first screen: each programme with its money and places, and what waits for somebody."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import func, select
from sqlmodel import col

from services.programs.among import among
from services.programs.api.who import Reader, sees_part_of
from services.programs.load_programme import version_of
from services.programs.models import (
    FundLineRow,
    ListState,
    Offer,
    OfferState,
    PaymentList,
    ProgrammeRow,
    Proposal,
    ProposalState,
    Quota,
)
from services.programs.pages.frame import pages
from services.programs.rules.programme import Programme
from shared.messaging import Session
from shared.regions import Regions
from shared.security import Caller
from shared.web import EdgeRoute, SessionDep

WAITING_MAX = 50
router = APIRouter(route_class=EdgeRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """A programme on the screen."""

    programme_id: UUID
    programme: Programme
    lines: list[FundLineRow]
    quotas: list[Quota]
    offers: int


@router.get("/")
async def desk_page(request: Request, caller: Reader, session: SessionDep) -> HTMLResponse:
    """Programmes of this agency; proposals and payment lists that wait for their second person."""
    rows = list((await session.execute(select(ProgrammeRow).order_by(col(ProgrammeRow.code)))).scalars())
    found = [await _shown(session, row, caller) for row in rows]
    shown = [each for each in found if each is not None]
    whole = [each.programme_id for each in shown if caller.may_see(each.programme.region)]
    return pages.render(
        request,
        "desk.html",
        shown=shown,
        proposals=await _proposals(session, whole),
        lists=await _lists(session, whole),
        code_of={row.programme_id: row.code for row in rows},
        name=Regions.load().name,
    )


async def _shown(session: Session, row: ProgrammeRow, caller: Caller) -> Shown | None:
    programme = (await version_of(session, row.programme_id, row.version)).programme
    if not sees_part_of(caller, programme.region):
        return None
    lines = await session.execute(
        select(FundLineRow).where(col(FundLineRow.programme_id) == row.programme_id).order_by(col(FundLineRow.code))
    )
    quotas = await session.execute(
        select(Quota)
        .where(col(Quota.programme_id) == row.programme_id, caller.region_filter(col(Quota.region)))
        .order_by(col(Quota.region))
    )
    offers = await session.execute(
        select(func.count()).where(
            col(Offer.programme_id) == row.programme_id,
            col(Offer.state) == OfferState.OPEN,
            caller.region_filter(col(Offer.region)),
        )
    )
    return Shown(
        row.programme_id,
        programme,
        list(lines.scalars()) if caller.may_see(programme.region) else [],
        list(quotas.scalars()),
        int(offers.scalar_one()),
    )


async def _proposals(session: Session, programme_ids: list[UUID]) -> list[Proposal]:
    found = await session.execute(
        select(Proposal)
        .where(among(col(Proposal.programme_id), programme_ids), col(Proposal.state) == ProposalState.PROPOSED)
        .order_by(col(Proposal.proposal_id))
        .limit(WAITING_MAX)
    )
    return list(found.scalars())


async def _lists(session: Session, programme_ids: list[UUID]) -> list[PaymentList]:
    found = await session.execute(
        select(PaymentList)
        .where(among(col(PaymentList.programme_id), programme_ids), col(PaymentList.state) == ListState.SUBMITTED)
        .order_by(col(PaymentList.payment_list_id))
        .limit(WAITING_MAX)
    )
    return list(found.scalars())
