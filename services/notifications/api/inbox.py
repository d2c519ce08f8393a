"""One's own inbox: nobody sees another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from services.notifications.models import MESSAGES
from services.notifications.read_inbox import MessageView, Words, inbox_of, is_of, mark_read, unread_of
from shared.deployment import deployment_of_session
from shared.security import Caller, Role
from shared.web import DeploymentDep, EdgeRoute, LocaleDep, Problem, SessionDep, allows

PEOPLE = tuple(role for role in Role if role is not Role.INTEGRATION_CLIENT)
Reader = Annotated[Caller, allows(*PEOPLE, any_agency=True)]
Limit = Annotated[int, Query(ge=1, le=200)]
router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["inbox"])


@dataclass(frozen=True, slots=True)
class InboxPage:
    unread: int
    messages: list[MessageView]
    next: str | None


@router.get("/inbox")
async def inbox(
    caller: Reader,
    session: SessionDep,
    deployment: DeploymentDep,
    locale: LocaleDep,
    unread: bool = False,
    limit: Limit = 50,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> InboxPage:
    """The caller's messages, the newest first."""
    words = Words(locale, deployment.directory.current())
    try:
        page = await inbox_of(session, caller.principal, words, unread=unread, limit=limit, after=after)
    except ValueError:
        raise Problem("cursor-unknown", status=422, field="after") from None
    waiting = await unread_of(session, caller.principal)
    return InboxPage(waiting, page, page[-1].cursor if len(page) == limit else None)


@dataclass(frozen=True, slots=True)
class InboxCount:
    unread: int


@router.get("/inbox/count")
async def inbox_count(caller: Reader, session: SessionDep) -> InboxCount:
    """How many messages the caller has not read."""
    return InboxCount(await unread_of(session, caller.principal))


@dataclass(frozen=True, slots=True)
class Marked:
    marked: int


@router.post("/inbox/{message_id}/read")
async def read_message(message_id: UUID, caller: Reader, session: SessionDep) -> Marked:
    """Mark one message as read; doing it again changes nothing."""
    if not await is_of(session, caller.principal, message_id):
        raise Problem("message-unknown", status=404, field="message_id")
    now = deployment_of_session(session).clock.now()
    return Marked(await mark_read(session, caller.principal, now, message_id))


@router.post("/inbox/read")
async def read_all(caller: Reader, session: SessionDep) -> Marked:
    """Mark all of the caller's messages as read."""
    return Marked(await mark_read(session, caller.principal, deployment_of_session(session).clock.now()))


@dataclass(frozen=True, slots=True)
class Sent:
    messages: int
    people: int


@router.get("/messages/count")
async def messages_sent(
    _: Annotated[Caller, allows(Role.OPERATOR, Role.AUDITOR, Role.COORDINATOR)], session: SessionDep
) -> Sent:
    """How many messages this deployment has put into how many inboxes."""
    counts = select(func.count(), func.count(MESSAGES.c.recipient.distinct()))
    messages, people = (await session.execute(counts)).one()
    return Sent(messages, people)
