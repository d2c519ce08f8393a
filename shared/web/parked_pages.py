"""The operator's screens: what waits, why and who mends it; re-drive, dismiss, try again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from shared.web.deployment import DeploymentDep
from shared.web.edge import EdgeRoute, SessionDep
from shared.web.page import Pages
from shared.web.parked import (
    Dismissal,
    Operator,
    Reason,
    Redriving,
    Retrying,
    TimerWord,
    dismiss_parked,
    list_parked,
    redrive_parked,
    retry_timer,
    show_parked,
)

LISTED: Final = 100
MENDED_BY: Final[Mapping[str, str]] = {
    **dict.fromkeys(("source-forged", "type-forged"), "security"),
    **dict.fromkeys(("handler-failed", "unreadable", "topic-unknown"), "us"),
    "unauthorised": "directory",
    "type-unknown": "upgrade",
    "gap": "gap",
    "behind": "behind",
}
"""Who mends what is wrong, by the reason of parking; whoever is not named here broke the contract as announcer."""

router = APIRouter(route_class=EdgeRoute, include_in_schema=False)
pages = Pages()


@router.get("/parked")
async def parked_page(
    request: Request, caller: Operator, deployment: DeploymentDep, session: SessionDep
) -> HTMLResponse:
    """What waits for somebody, and the timers that were given up."""
    found = await list_parked(caller, deployment, session, limit=LISTED)
    return pages.render(request, "parked.html", **found, mended_by=mended_by)


@router.get("/parked/{record_id}")
async def parked_record_page(
    record_id: UUID, request: Request, caller: Operator, deployment: DeploymentDep, session: SessionDep
) -> HTMLResponse:
    """One record, and what can be done about it."""
    record = await show_parked(record_id, caller, deployment, session)
    return pages.render(request, "parked_record.html", record=record, mended_by=mended_by)


@router.post("/parked/{record_id}/redrive")
async def redrive_by_form(
    record_id: UUID,
    caller: Operator,
    deployment: DeploymentDep,
    session: SessionDep,
    accept_gap: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    """Handle again; back to the record, which says what became of it."""
    await redrive_parked(record_id, Redriving(accept_gap=accept_gap), caller, deployment, session)
    return RedirectResponse(f"/parked/{record_id}", 303)


@router.post("/parked/{record_id}/dismissal")
async def dismiss_by_form(
    record_id: UUID,
    reason: Annotated[Reason, Form()],
    confirmed: Annotated[Literal["yes"], Form()],  # noqa: ARG001 - the form cannot be sent without it
    caller: Operator,
    deployment: DeploymentDep,
    session: SessionDep,
) -> RedirectResponse:
    """Give up for good; back to the record."""
    await dismiss_parked(record_id, Dismissal(reason=reason, confirmed=True), caller, deployment, session)
    return RedirectResponse(f"/parked/{record_id}", 303)


@router.post("/parked/timers")
async def retry_by_form(
    request: Request,
    kind: Annotated[TimerWord, Form()],
    key: Annotated[TimerWord, Form()],
    caller: Operator,
    deployment: DeploymentDep,
    session: SessionDep,
) -> RedirectResponse:
    """Try again; back to the list."""
    await retry_timer(request, Retrying(kind=kind, key=key), caller, deployment, session)
    return RedirectResponse("/parked", 303)


def mended_by(reason: str) -> str:
    """The code of the text that says who mends it."""
    return f"parked.mended-by.{MENDED_BY.get(reason, 'announcer')}"
