"""Enrolling: proposals by one person, decisions by another, and the enrolments that came of them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlmodel import col

from services.programs.among import among
from services.programs.answers import (
    EnrolmentAnswer,
    EnrolmentPage,
    HeldAnswer,
    ProposalAnswer,
    ProposalItemAnswer,
    ProposalItemPage,
    reasons,
)
from services.programs.api.paging import Limit, cursor
from services.programs.api.who import Officer, Proposer, Reader, require_sight
from services.programs.assess import scan
from services.programs.bodies import HOUSEHOLDS_MAX, BatchSent, ProposalDecisionSent
from services.programs.decide_proposal import approve, lock_proposal, refuse
from services.programs.load_programme import Running, in_force, version_of
from services.programs.models import Enrolment, ItemState, Proposal, ProposalItem, SeenHousehold
from services.programs.moment import today
from services.programs.propose_enrolments import propose
from services.programs.rules.household import HeldStatus
from shared.events.fields import Decree, ProgrammeCode
from shared.messaging import Session
from shared.problem import Problem
from shared.security import Caller
from shared.web import EdgeRoute, LocaleDep, SessionDep

router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["enrolments"])


@router.post("/programmes/{code}/enrolments:batch", status_code=201)
async def propose_enrolments(code: str, body: BatchSent, caller: Proposer, session: SessionDep) -> ProposalAnswer:
    """Propose households; the answer says what would happen. Nothing is taken before a second person decides."""
    running = await in_force(session, code)
    at_most = body.scan.at_most if body.scan else None
    households = await _households(session, running, body, caller)
    proposal = await propose(session, running, households, at_most=at_most, by=caller.principal)
    return ProposalAnswer.of(proposal)


@router.get("/proposals/{proposal_id}")
async def show_proposal(proposal_id: UUID, caller: Reader, session: SessionDep) -> ProposalAnswer:
    """A proposal as it stands: proposed, enrolling, done or refused."""
    return ProposalAnswer.of(await _proposal(session, proposal_id, caller))


@router.get("/proposals/{proposal_id}/items")
async def show_proposal_items(
    proposal_id: UUID,
    caller: Reader,
    session: SessionDep,
    locale: LocaleDep,
    state: ItemState | None = None,
    after: Annotated[int, Query(ge=0, description="Cursor: `next` of the page before.")] = 0,
    limit: Limit = 100,
) -> ProposalItemPage:
    """Each household of a proposal, with every reason against it and what other agencies already give."""
    await _proposal(session, proposal_id, caller)
    statement = select(ProposalItem).where(
        col(ProposalItem.proposal_id) == proposal_id,
        col(ProposalItem.place) > after,
        caller.region_filter(col(ProposalItem.region)),
    )
    if state is not None:
        statement = statement.where(col(ProposalItem.state) == state)
    rows = list((await session.execute(statement.order_by(col(ProposalItem.place)).limit(limit))).scalars())
    items = [
        ProposalItemAnswer(
            place=row.place,
            household_id=row.household_id,
            region=row.region,
            state=row.state,
            persons=row.persons,
            rupiah=row.rupiah,
            reasons=reasons(row.reasons, locale),
            held_elsewhere=[HeldAnswer(**held) for held in row.held_elsewhere],
        )
        for row in rows
    ]
    return ProposalItemPage(items=items, next=cursor([row.place for row in rows], limit))


@router.post("/proposals/{proposal_id}/decision")
async def decide_proposal(
    proposal_id: UUID, body: ProposalDecisionSent, caller: Officer, session: SessionDep
) -> ProposalAnswer:
    """Approve with a decree, or refuse. A long list is enrolled in chunks: ask again until its state is `done`."""
    proposal = await lock_proposal(session, proposal_id)
    running = await version_of(session, proposal.programme_id, proposal.programme_version)
    caller.require_region(running.programme.region)
    if body.decree is None:
        refuse(proposal, caller.principal)
        return ProposalAnswer.of(proposal)
    if body.decree.list_sha256 not in (None, proposal.list_sha256):
        raise Problem("decree-of-another-list", status=409, field="decree.list_sha256")
    decree = Decree(number=body.decree.number, dated=body.decree.dated, list_sha256=proposal.list_sha256)
    await approve(session, proposal, decree, body.started_on or today(session), caller.principal)
    return ProposalAnswer.of(proposal)


@router.get("/enrolments")
async def list_enrolments(
    caller: Reader,
    session: SessionDep,
    programme: ProgrammeCode | None = None,
    household_id: UUID | None = None,
    status: HeldStatus | None = None,
    after: Annotated[UUID | None, Query(description="Cursor: `next` of the page before.")] = None,
    limit: Limit = 100,
) -> EnrolmentPage:
    """Enrolments of this agency, oldest first."""
    statement = select(Enrolment).where(caller.region_filter(col(Enrolment.region)))
    if programme is not None:
        statement = statement.where(col(Enrolment.programme) == programme)
    if household_id is not None:
        statement = statement.where(col(Enrolment.household_id) == household_id)
    if status is not None:
        statement = statement.where(col(Enrolment.status) == status)
    if after is not None:
        statement = statement.where(col(Enrolment.enrolment_id) > after)
    rows = list((await session.execute(statement.order_by(col(Enrolment.enrolment_id)).limit(limit))).scalars())
    return EnrolmentPage(
        items=[enrolment_answer(row) for row in rows], next=cursor([row.enrolment_id for row in rows], limit)
    )


@router.get("/enrolments/{enrolment_id}")
async def show_enrolment(enrolment_id: UUID, caller: Reader, session: SessionDep) -> EnrolmentAnswer:
    row = await session.get(Enrolment, enrolment_id)
    if row is None:
        raise Problem("enrolment-not-found", status=404, field="enrolment_id")
    caller.require_region(row.region)
    return enrolment_answer(row)


def enrolment_answer(row: Enrolment) -> EnrolmentAnswer:
    kept = row.model_dump(include=set(EnrolmentAnswer.model_fields) - {"persons"})
    return EnrolmentAnswer(persons=len(row.members), **kept)


async def scanned(session: Session, running: Running, caller: Caller, region: str | None) -> list[UUID]:
    """The households of a scan that the caller may see. Raises 413 where they are too many for one list."""
    regions = caller.region_filter(col(SeenHousehold.region))
    statement = scan(running, regions).limit(HOUSEHOLDS_MAX + 1)
    if region is not None:
        caller.require_region(region)
        within = col(SeenHousehold.region)
        statement = statement.where((within == region) | within.startswith(f"{region}.", autoescape=True))
    ids = list((await session.execute(statement)).scalars())
    if len(ids) > HOUSEHOLDS_MAX:
        raise Problem("scan-too-wide", status=413, households_max=HOUSEHOLDS_MAX)
    return ids


async def _households(session: Session, running: Running, body: BatchSent, caller: Caller) -> list[UUID]:
    if body.households is None:
        return await scanned(session, running, caller, body.scan.region if body.scan else None)
    rows = await session.execute(
        select(col(SeenHousehold.region)).where(among(col(SeenHousehold.household_id), body.households)).distinct()
    )
    for region in rows.scalars():
        caller.require_region(region)
    return body.households


async def _proposal(session: Session, proposal_id: UUID, caller: Caller) -> Proposal:
    proposal = await session.get(Proposal, proposal_id)
    if proposal is None:
        raise Problem("proposal-not-found", status=404, field="proposal_id")
    running = await version_of(session, proposal.programme_id, proposal.programme_version)
    require_sight(caller, running.programme.region)
    return proposal
