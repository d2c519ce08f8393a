"""Cases as lists, one in full, and how far each kelurahan is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import case as when
from sqlalchemy import func
from sqlmodel import col, select

from services.verification.api.who import VERIFIES, Reader
from services.verification.bodies import (
    CaseInFull,
    CaseShown,
    CasesShown,
    DecisionShown,
    PlaceProgress,
    Progress,
    Subject,
    VisitShown,
)
from services.verification.decide_cases import households_in_question, photos_of
from services.verification.models import Case, Decision, Evidence, Household, Visit
from services.verification.moment import moment_of
from services.verification.rules.states import TO_VISIT, CaseState
from shared.events.fields import RegionCode
from shared.messaging import Session
from shared.problem import Problem
from shared.security import Caller, Role
from shared.web import EdgeRoute, SessionDep

router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["cases"])

PAGE_MAX = 500
PAGE_DEFAULT = 100


@router.get("/cases")
async def list_cases(
    caller: Reader,
    session: SessionDep,
    region: Annotated[RegionCode | None, Query(description="A region of any level, with all below it.")] = None,
    state: Annotated[CaseState | None, Query()] = None,
    officer: Annotated[Subject | None, Query()] = None,
    household_id: Annotated[UUID | None, Query()] = None,
    after: Annotated[UUID | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
) -> CasesShown:
    """Cases of the regions that the caller may see, in the order in which they were opened."""
    query = select(Case).where(caller.region_filter(Case.region))
    if region is not None:
        query = query.where((col(Case.region) == region) | col(Case.region).startswith(f"{region}.", autoescape=True))
    for column, wanted in ((Case.state, state), (Case.officer, officer), (Case.household_id, household_id)):
        if wanted is not None:
            query = query.where(col(column) == wanted)
    if after is not None:
        query = query.where(col(Case.id) > after)
    cases = (await session.exec(query.order_by(col(Case.id)).limit(limit + 1))).all()
    page = cases[:limit]
    return CasesShown(
        cases=[CaseShown(**shown) for shown in await cases_shown(session, caller, page)],
        next=page[-1].id if len(cases) > limit else None,
    )


@router.get("/cases/{case_id}")
async def show_case(case_id: UUID, caller: Reader, session: SessionDep) -> CaseInFull:
    """A case with its visits (without answers) and decisions."""
    case = await session.get(Case, case_id)
    if case is None:
        raise Problem("case-not-found", status=404, field="case_id")
    caller.require_region(case.region)
    (shown,) = await cases_shown(session, caller, [case])
    decisions = await session.exec(select(Decision).where(Decision.case_id == case_id).order_by(col(Decision.id)))
    return CaseInFull(
        **shown,
        visits=await _visits(session, caller, case),
        decisions=[
            DecisionShown(decision_id=each.id, decision=each.kind, **_fields(each, DecisionShown)) for each in decisions
        ],
    )


@router.get("/progress")
async def show_progress(
    caller: Reader, session: SessionDep, region: Annotated[RegionCode | None, Query()] = None
) -> Progress:
    """How many cases of each kelurahan stand where."""
    overdue = col(Case.state).in_(sorted(TO_VISIT)) & (col(Case.visit_due_on) < moment_of(session).today)
    query = (
        select(Case.region, Case.state, func.count(), func.sum(when((overdue, 1), else_=0)))
        .where(caller.region_filter(Case.region))
        .group_by(col(Case.region), col(Case.state))
        .order_by(col(Case.region))
    )
    if region is not None:
        query = query.where((col(Case.region) == region) | col(Case.region).startswith(f"{region}.", autoescape=True))
    places: dict[str, Counter[str]] = {}
    late: Counter[str] = Counter()
    for place, state, cases, overdue_cases in await session.exec(query):
        places.setdefault(place, Counter())[CaseState(state).value] = cases
        late[place] += overdue_cases
    return Progress(
        places=[
            PlaceProgress(
                region=place,
                cases=states.total(),
                states=dict(states),
                overdue=late[place],
                without_officer=states[CaseState.PROPOSED.value],
            )
            for place, states in places.items()
        ]
    )


async def cases_shown(session: Session, caller: Caller, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Cases as a list shows them to a caller."""
    households = {case.household_id for case in cases}
    known = await session.exec(select(Household).where(col(Household.household_id).in_(households)))
    rosters = {each.household_id: each.members for each in known}
    in_question = await households_in_question(session, households)
    visit_ids = {case.visit_id for case in cases if case.visit_id is not None}
    visits = {visit.id: visit for visit in await session.exec(select(Visit).where(col(Visit.id).in_(visit_ids)))}
    found = (visits[case.visit_id] if case.visit_id else None for case in cases)
    return [
        {
            **_fields(case, CaseShown),
            "case_id": case.id,
            "members": rosters.get(case.household_id, []),
            "duplicate_open": case.household_id in in_question,
            **_found(visit, VERIFIES.intersection(caller.roles)),
        }
        for case, visit in zip(cases, found, strict=True)
    ]


def _found(visit: Visit | None, verifies: Collection[Role]) -> dict[str, Any]:
    if visit is None:
        return {}
    scored = {"score": visit.score, "category": visit.category} if verifies else {}
    return {"confirmed_persons": visit.confirmed_persons, **scored}


async def _visits(session: Session, caller: Caller, case: Case) -> list[VisitShown]:
    visits = (await session.exec(select(Visit).where(Visit.case_id == case.id).order_by(col(Visit.recorded_at)))).all()
    photos = await photos_of(session, {visit.id for visit in visits})
    hidden: dict[str, Any] = {"score": None, "category": None, "reasons": []}
    if VERIFIES.intersection(caller.roles):
        hidden = {}
    reused = await _reused(session, case, [digest for digests in photos.values() for digest in digests])
    return [
        VisitShown(
            visit_id=visit.id,
            evidence_sha256=photos.get(visit.id, []),
            reused_photos=len(reused.intersection(photos.get(visit.id, []))),
            **{**_fields(visit, VisitShown), **hidden},
        )
        for visit in visits
    ]


async def _reused(session: Session, case: Case, digests: Sequence[str]) -> set[str]:
    query = select(Evidence.sha256).where(
        col(Evidence.sha256).in_(digests), col(Evidence.household_id) != case.household_id
    )
    return set(await session.exec(query))


def _fields(row: Any, shape: type[Any]) -> dict[str, Any]:
    """The columns of a row that a shape shows under the same name."""
    return {name: getattr(row, name) for name in shape.model_fields if name in type(row).model_fields}
