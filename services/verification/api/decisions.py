"""Decisions of a second person, and taking them back."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from services.verification.api.items import read_items, refused
from services.verification.api.who import Supervisor
from services.verification.bodies import (
    DecisionOfBatch,
    DecisionSent,
    DecisionsSent,
    ItemResult,
    ListResult,
    RevocationSent,
)
from services.verification.decide_cases import NewDecision, decide_cases
from services.verification.models import Case
from services.verification.refusals import refuse
from services.verification.revoke_decision import locked_case, revoke_decision
from shared.problem import Problem
from shared.web import EdgeRoute, LocaleDep, SessionDep

router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["decisions"])


class Revoked(BaseModel):
    case_id: UUID
    next_case_id: UUID | None


@router.post("/cases/{case_id}/decision", status_code=201)
async def decide(case_id: UUID, body: DecisionSent, caller: Supervisor, session: SessionDep) -> ItemResult:
    """Verify, reject or return a visited case. Nobody decides on their own visit."""
    case = await session.get(Case, case_id)
    if case is not None:
        caller.require_region(case.region)
    (result,) = await decide_cases(session, caller, [NewDecision(case_id, body)])
    if result.decision_id is None:
        refuse(result.findings, otherwise="decision-refused")
    return ItemResult(case_id=case_id, decision_id=result.decision_id, result="recorded")


@router.post("/decisions:batch")
async def decide_list(body: DecisionsSent, caller: Supervisor, session: SessionDep, locale: LocaleDep) -> ListResult:
    """Decide the list of a kelurahan; each case for itself."""
    read = read_items(DecisionOfBatch, body.decisions, locale)
    wanted = [NewDecision(each.case_id, each) for each in read if isinstance(each, DecisionOfBatch)]
    judged = iter(zip(wanted, await decide_cases(session, caller, wanted), strict=True))
    results: list[ItemResult] = []
    for each in read:
        if isinstance(each, ItemResult):
            results.append(each)
            continue
        decision, result = next(judged)
        if result.decision_id is None:
            results.append(refused(result.findings, locale, case_id=decision.case_id))
        else:
            ids = {"case_id": decision.case_id, "decision_id": result.decision_id}
            results.append(ItemResult(result="recorded", **ids))
    return ListResult.of(results)


@router.post("/cases/{case_id}/revocation", status_code=201)
async def revoke(case_id: UUID, body: RevocationSent, caller: Supervisor, session: SessionDep) -> Revoked:
    """Take back a verification or a rejection; a supervisor who took no part in it. A new round begins."""
    case = await locked_case(session, case_id)
    if case is None:
        raise Problem("case-not-found", status=404, field="case_id")
    caller.require_region(case.region)
    found, next_case_id = await revoke_decision(session, caller, case, body.decision_id, body.reason)
    if found:
        refuse(found, otherwise="revocation-refused")
    return Revoked(case_id=case_id, next_case_id=next_case_id)
