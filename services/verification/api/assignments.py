"""Who visits where: a supervisor gives field verifiers a region; its cases follow by load."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from uuid_utils.compat import uuid7

from services.verification.api.who import Reader, Supervisor
from services.verification.bodies import AssignmentShown, AssignmentsSent, AssignmentsShown
from services.verification.models import Assignment, Case
from services.verification.moment import moment_of
from services.verification.rules.states import TO_VISIT, CaseState
from services.verification.share_cases import share, share_proposed_cases
from shared.messaging import Session
from shared.problem import Problem
from shared.regions import Regions
from shared.security import Caller
from shared.web import EdgeRoute, SessionDep

router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["assignments"])


@router.post("/assignments", status_code=201)
async def assign_officers(body: AssignmentsSent, caller: Supervisor, session: SessionDep) -> AssignmentsShown:
    """Give field verifiers their regions; proposed cases there get an officer at once, later ones when they open."""
    for each in body.assignments:
        caller.require_region(each.region)
        if not Regions.load().known(each.region):
            raise Problem("assignment-region-unknown", status=422, field="region", region=each.region)
    now = moment_of(session).now
    rows = [
        {"id": uuid7(), "region": each.region, "officer": each.officer, "made_by": caller.subject, "made_at": now}
        for each in body.assignments
    ]
    await session.execute(insert(Assignment).on_conflict_do_nothing(), rows)
    regions = sorted({each.region for each in body.assignments})
    assigned = sum([await share_proposed_cases(session, region) for region in regions])
    return AssignmentsShown(
        assignments=await _current(session, caller, regions),
        cases_assigned=assigned,
        cases_without_officer=await _without_officer(session, caller),
    )


@router.get("/assignments")
async def list_assignments(caller: Reader, session: SessionDep) -> AssignmentsShown:
    """Who visits where now."""
    return AssignmentsShown(
        assignments=await _current(session, caller), cases_without_officer=await _without_officer(session, caller)
    )


@router.post("/assignments/{assignment_id}/ending", status_code=201)
async def end_assignment(assignment_id: UUID, caller: Supervisor, session: SessionDep) -> AssignmentsShown:
    """End an officer's work in a region; visits not yet made go to the others there, or wait without an officer."""
    ended = await session.get(Assignment, assignment_id, with_for_update=True)
    if ended is None or ended.ended_at is not None:
        raise Problem("assignment-not-found", status=404)
    caller.require_region(ended.region)
    ended.ended_by, ended.ended_at = caller.subject, moment_of(session).now
    await session.flush()
    left = select(Case).where(
        col(Case.officer) == ended.officer,
        col(Case.state).in_(sorted(TO_VISIT)),
        (col(Case.region) == ended.region) | col(Case.region).startswith(f"{ended.region}.", autoescape=True),
    )
    cases = (await session.exec(left.order_by(col(Case.id)).with_for_update())).all()
    for case in cases:
        case.state, case.officer = CaseState.PROPOSED, None
    await session.flush()
    assigned = await share(session, [(case.id, case.region) for case in cases])
    return AssignmentsShown(
        assignments=await _current(session, caller),
        cases_assigned=assigned,
        cases_without_officer=await _without_officer(session, caller),
    )


async def _current(session: Session, caller: Caller, regions: list[str] | None = None) -> list[AssignmentShown]:
    query = select(Assignment).where(col(Assignment.ended_at).is_(None), caller.region_filter(Assignment.region))
    if regions is not None:
        query = query.where(col(Assignment.region).in_(regions))
    rows = await session.exec(query.order_by(col(Assignment.region), col(Assignment.officer)))
    return [AssignmentShown(id=row.id, region=row.region, officer=row.officer, made_at=row.made_at) for row in rows]


async def _without_officer(session: Session, caller: Caller) -> int:
    query = select(func.count()).where(col(Case.state) == CaseState.PROPOSED, caller.region_filter(Case.region))
    return (await session.exec(query)).one()
