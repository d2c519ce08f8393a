"""The list of cases that somebody is to work on, and how far each kelurahan is."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from services.verification.api.cases import list_cases, show_progress
from services.verification.api.who import Reader
from services.verification.moment import moment_of
from services.verification.pages.frame import pages
from services.verification.rules.states import CaseState
from shared.events.fields import RegionCode
from shared.regions import Regions
from shared.security import Caller, Role
from shared.web import EdgeRoute, SessionDep

PER_PAGE = 50
router = APIRouter(route_class=EdgeRoute, include_in_schema=False)


@router.get("/")
async def cases_page(
    request: Request,
    caller: Reader,
    session: SessionDep,
    state: Annotated[CaseState | None, Query()] = None,
    region: Annotated[RegionCode | None, Query()] = None,
    after: Annotated[UUID | None, Query()] = None,
) -> HTMLResponse:
    """Cases in one state; first what the caller has to do."""
    chosen = state or _first_for(caller)
    found = await list_cases(caller, session, region=region, state=chosen, after=after, limit=PER_PAGE)
    return pages.render(
        request,
        "cases.html",
        cases=found.cases,
        next=found.next,
        chosen=chosen,
        states=list(CaseState),
        region=region,
        name=Regions.load().name,
        today=moment_of(session).today,
    )


@router.get("/places")
async def places_page(request: Request, caller: Reader, session: SessionDep) -> HTMLResponse:
    """Each kelurahan with its cases by state."""
    progress = await show_progress(caller, session)
    return pages.render(
        request, "places.html", places=progress.places, states=list(CaseState), name=Regions.load().name
    )


def _first_for(caller: Caller) -> CaseState:
    return CaseState.VISITED if Role.VERIFICATION_SUPERVISOR in caller.roles else CaseState.ASSIGNED
