"""The open questions of duplicates: each side for those who may see it, and the three answers."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from services.intake.api.duplicates import list_duplicates, resolve_one
from services.intake.api.who import Reviewer
from services.intake.bodies import Resolution, Resolving
from services.intake.pages.frame import pages
from shared.regions import Regions
from shared.web import EdgeRoute, SessionDep

PER_PAGE = 25
ANSWERS = ("same-person", "moved-here", "different-people")
"""In the order of their frequency."""
router = APIRouter(route_class=EdgeRoute, include_in_schema=False)


@router.get("/duplicates")
async def duplicates_page(
    request: Request, caller: Reviewer, session: SessionDep, after: UUID | None = None
) -> HTMLResponse:
    """Questions that touch the caller's region, the oldest first."""
    found = await list_duplicates(caller, session, after=after, limit=PER_PAGE)
    return pages.render(
        request,
        "duplicates.html",
        questions=found["items"],
        next=found["next"],
        resolutions=ANSWERS,
        name=Regions.load().name,
    )


@router.post("/duplicates/{duplicate_id}")
async def answer_by_form(
    duplicate_id: UUID, resolution: Annotated[Resolution, Form()], caller: Reviewer, session: SessionDep
) -> RedirectResponse:
    """Take the answer as the API does, and go on to the next question."""
    await resolve_one(duplicate_id, Resolving(resolution=resolution), caller, session)
    return RedirectResponse("/duplicates", 303)
