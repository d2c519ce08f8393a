"""Tells open pages that something changed, and nothing else; they then fetch what they may see.

A stream holds no database connection: all streams of a process share one short question every two seconds. A stream
ends after half a minute, or at once when the process is told to stop; the browser asks again and says what it knew.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from services.notifications.api.inbox import Reader
from shared.web import Deployment, DeploymentDep, EdgeRoute

ASK_SECONDS = 2.0
STOP_SECONDS = 0.5
STREAM_SECONDS = 30.0
RETRY_MILLISECONDS = 2_000

router = APIRouter(route_class=EdgeRoute, include_in_schema=False)

# What PostgreSQL counts anyway: no table of ours has to be written, or gone through, to know that another was.
_WRITTEN = text(
    "select coalesce(sum(n_tup_ins + n_tup_upd), 0)::bigint from pg_stat_user_tables"
    " where schemaname = 'public' and relname in ('heard_fact', 'message')"
)


class Changes:
    """How much was ever written that pages show: a number that grows."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._version = "0"

    async def version(self) -> str:
        """The number as of the last two seconds, whoever asks."""
        async with self._lock:
            if time.monotonic() - self._asked_at >= ASK_SECONDS:
                async with self._sessions() as session:
                    self._version = str((await session.execute(_WRITTEN)).scalar_one())
                self._asked_at = time.monotonic()
            return self._version


@router.get("/changes", response_class=EventSourceResponse)
async def changes(
    _: Reader,
    request: Request,
    deployment: DeploymentDep,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """A stream of `changed`. What changed is nobody's business who may not see it, so it is not said."""
    told = _changes_of(request, deployment)
    known = last_event_id or await told.version()
    yield ServerSentEvent(comment="open", retry=RETRY_MILLISECONDS, id=known)
    ends_at = time.monotonic() + STREAM_SECONDS
    while time.monotonic() < ends_at and not stopping():
        version = await told.version()
        if version != known:
            known = version
            yield ServerSentEvent(event="changed", raw_data=version, id=version)
        await asyncio.sleep(STOP_SECONDS)


def stopping() -> bool:
    """Whether the server was told to stop: uvicorn says so on the object that handles the signal."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return bool(getattr(server, "should_exit", False))


def _changes_of(request: Request, deployment: Deployment) -> Changes:
    """One per application."""
    if not hasattr(request.app.state, "changes"):
        request.app.state.changes = Changes(deployment.sessions)
    found: Changes = request.app.state.changes
    return found
