"""Visits: one from a form, a day's work from the phones of a team, and, on record, what people answered."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from uuid_utils.compat import uuid7

from services.verification.api.items import read_items, refused
from services.verification.api.who import Examiner, Visitor
from services.verification.bodies import AnswersShown, ItemResult, ListResult, VisitOfBatch, VisitSent, VisitsSent
from services.verification.forms import forms
from services.verification.models import Case, Visit
from services.verification.record_visits import NewVisit, record_visits, score_of
from services.verification.refusals import refuse
from services.verification.rules.facts import facts_of, suggested_rejections, unfit_house
from services.verification.sealing import open_visit
from shared.events.fields import Code
from shared.problem import Problem
from shared.security import audit, household_key
from shared.web import DeploymentDep, EdgeRoute, LocaleDep, SessionDep

router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["visits"])


@router.post("/cases/{case_id}/visits", status_code=201)
async def record_visit(case_id: UUID, body: VisitSent, caller: Visitor, session: SessionDep) -> ItemResult:
    """Record a visit of a case that is assigned or was returned."""
    case = await session.get(Case, case_id)
    if case is not None:
        caller.require_region(case.region)
    visit = NewVisit(body.id or uuid7(), case_id, body)
    (result,) = await record_visits(session, caller, [visit])
    if result.result == "refused":
        refuse(result.findings, otherwise="visit-refused")
    return ItemResult(case_id=case_id, visit_id=visit.visit_id, result=result.result)


@router.post("/visits:batch")
async def sync_visits(body: VisitsSent, caller: Visitor, session: SessionDep, locale: LocaleDep) -> ListResult:
    """Record what a team's phones have kept; each visit for itself, a repetition changes nothing."""
    read = read_items(VisitOfBatch, body.visits, locale)
    visits = [NewVisit(each.id, each.case_id, each) for each in read if isinstance(each, VisitOfBatch)]
    judged = iter(zip(visits, await record_visits(session, caller, visits), strict=True))
    results: list[ItemResult] = []
    for each in read:
        if isinstance(each, ItemResult):
            results.append(each)
            continue
        visit, result = next(judged)
        ids: dict[str, UUID | None] = {"case_id": visit.case_id, "visit_id": visit.visit_id}
        if result.result == "refused":
            results.append(refused(result.findings, locale, **ids))
        else:
            results.append(ItemResult(result=result.result, **ids))
    return ListResult.of(results)


@router.get("/visits/{visit_id}/answers")
async def look_at_answers(
    visit_id: UUID,
    purpose: Annotated[Code, Query(description="Why: recorded with the look.")],
    caller: Examiner,
    session: SessionDep,
    deployment: DeploymentDep,
) -> AnswersShown:
    """What people answered, where the photos were taken, and what follows from it by rule."""
    visit = await session.get(Visit, visit_id)
    case = await session.get(Case, visit.case_id) if visit else None
    if visit is None or case is None:
        raise Problem("visit-not-found", status=404)
    caller.require_region(case.region)
    key = await household_key(session, deployment.vault, visit.household_id)
    ids = {"visit_id": visit.id, "household_id": visit.household_id}
    await audit(session, caller, "look_at_answers", ids, purpose)
    return answers_shown(visit, open_visit(key, visit))


def answers_shown(visit: Visit, sent: VisitSent) -> AnswersShown:
    """An opened visit with the advice of the rules."""
    scored = score_of(sent)
    if scored is None:
        return AnswersShown(visit=sent, score_reasons=[], unfit_house=[], suggested_rejections=[])
    facts, rule = facts_of(sent.given_answers()), forms().rules[visit.rule]
    return AnswersShown(
        visit=sent,
        score_reasons=list(scored.reasons),
        unfit_house=list(unfit_house(facts, visit.confirmed_persons, rule.floor_dm2_per_person_min)),
        suggested_rejections=list(suggested_rejections(facts)),
    )
