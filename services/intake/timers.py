"""What falls due at intake: the next part of a file."""

from __future__ import annotations

from uuid import UUID

from services.intake.accept_file import WORK
from services.intake.work_imports import work_next_part
from shared.messaging import Due, Session, TimerRouter

timers = TimerRouter(service="intake")


@timers.due(WORK)
async def work_import(due: Due, session: Session) -> None:
    await work_next_part(session, UUID(due.key))
