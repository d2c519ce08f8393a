"""The inbox page. Reading is marking: one message, or all of them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from services.notifications.api.inbox import Reader
from services.notifications.pages.frame import asset, pages
from services.notifications.places import zone_of
from services.notifications.read_inbox import Words, inbox_of, is_of, mark_read, unread_of
from shared.deployment import deployment_of_session
from shared.web import DeploymentDep, EdgeRoute, LocaleDep, Problem, SessionDep

PER_PAGE = 30
router = APIRouter(route_class=EdgeRoute, include_in_schema=False)


@router.get("/inbox")
async def inbox_page(
    request: Request,
    caller: Reader,
    session: SessionDep,
    deployment: DeploymentDep,
    locale: LocaleDep,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> HTMLResponse:
    """The caller's messages, the newest first."""
    words = Words(locale, deployment.directory.current())
    try:
        messages = await inbox_of(session, caller.principal, words, unread=False, limit=PER_PAGE, after=after)
    except ValueError:
        raise Problem("cursor-unknown", status=422, field="after") from None
    return pages.render(
        request,
        "inbox.html",
        messages=messages,
        unread=await unread_of(session, caller.principal),
        next=messages[-1].cursor if len(messages) == PER_PAGE else None,
        zone_of=lambda region: str(zone_of(region)),
        today=deployment_of_session(session).clock.today(),
        asset=asset,
    )


@router.post("/inbox/{message_id}/open")
async def open_message(message_id: UUID, caller: Reader, session: SessionDep) -> RedirectResponse:
    """Mark a message as read and return to the inbox."""
    if not await is_of(session, caller.principal, message_id):
        raise Problem("message-unknown", status=404, field="message_id")
    await mark_read(session, caller.principal, deployment_of_session(session).clock.now(), message_id)
    return RedirectResponse("/inbox", 303)


@router.post("/inbox/open-all")
async def open_all(caller: Reader, session: SessionDep) -> RedirectResponse:
    """Mark everything as read and return to the inbox."""
    await mark_read(session, caller.principal, deployment_of_session(session).clock.now())
    return RedirectResponse("/inbox", 303)
