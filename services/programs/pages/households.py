"""What all agencies give one household."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.programs.api.households import show_benefits
from services.programs.api.who import Reader
from services.programs.pages.frame import pages
from shared.regions import Regions
from shared.web import EdgeRoute, SessionDep

router = APIRouter(route_class=EdgeRoute, include_in_schema=False)


@router.get("/households/{household_id}")
async def household_page(request: Request, household_id: UUID, caller: Reader, session: SessionDep) -> HTMLResponse:
    """Enrolments, payments and services of all agencies."""
    benefits = await show_benefits(household_id, caller, session)
    return pages.render(request, "household.html", benefits=benefits, name=Regions.load().name)
