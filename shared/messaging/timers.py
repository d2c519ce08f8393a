"""Timers: what falls due at a moment of business time is handled in a transaction like an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession as Session
from uuid_utils.compat import uuid7

from shared.clock import Clock
from shared.messaging.announcing import write_announcements
from shared.messaging.causes import correlation, current_cause
from shared.messaging.failures import ProjectionMayNotAct, is_infrastructure
from shared.messaging.hearing import failure
from shared.messaging.points import reached
from shared.messaging.routing import Due, TimerRouter

log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 8
BACKOFF_SECONDS_MAX = 600
POLL_SECONDS = 0.5


async def schedule(session: Session, kind: str, at: datetime, key: str, *, correlation_id: UUID | None = None) -> None:
    """Have something fall due, in the transaction of what it belongs to. The same kind and key again moves it.

    Args:
        at: an aware moment of business time.
        correlation_id: of what it belongs to; without one, the current one goes on.
    """
    if session.info.get("projecting"):
        raise ProjectionMayNotAct("A projection only writes read tables; what schedules is a reaction (@router.on).")
    if at.tzinfo is None:
        raise ValueError("schedule() needs an aware moment")
    chosen = correlation_id or current_cause().correlation_id
    values = {"id": uuid7(), "kind": kind, "key": key, "at": at, "correlation_id": chosen}
    await (await session.connection()).execute(_SCHEDULE, values)
    session.info["scheduled"] = True


async def cancel_due(session: Session, kind: str, key: str) -> bool:
    """Take back what was scheduled; whether there was something."""
    done = await (await session.connection()).execute(_CANCEL, {"kind": kind, "key": key})
    return bool(done.rowcount)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A timer that failed so often that it waits for somebody."""

    kind: str
    key: str
    attempts: int
    failure: str
    """Where in our code, never a value."""
    failed_at: datetime


async def list_given_up(session: Session) -> list[GivenUp]:
    """Timers that wait for somebody, oldest first; at most 200."""
    rows = await (await session.connection()).execute(_GIVEN_UP)
    return [GivenUp(row.kind, row.key, row.attempts, row.failure, row.failed_at) for row in rows]


async def retry_given_up(session: Session, kind: str, key: str) -> bool:
    """Let a timer that was given up fall due again at once; whether there was such a one."""
    done = await (await session.connection()).execute(_RETRY, {"kind": kind, "key": key})
    session.info["scheduled"] = True
    return bool(done.rowcount)


@dataclass
class Timers:
    """The loop that handles what falls due. Several may run; each row is handled by one."""

    router: TimerRouter
    sessions: Callable[[], Session]
    clock: Clock
    after_commit: Callable[[], None] = lambda: None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Handle what falls due until cancelled."""
        while True:
            self._woken.clear()
            if not await self.handle_next():
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._woken.wait()
                except TimeoutError:
                    continue

    async def handle_next(self) -> bool:
        """Handle the row that has been due longest; False where nothing is due."""
        due: Due | None = None
        try:
            async with self.sessions() as session:
                due = await self._take(session)
                if due is None:
                    return False
                with correlation(due.correlation_id):
                    await self.router.kinds[due.kind](due, session)
                    await write_announcements(session)
                reached("before-database-commit")
                await session.commit()
                reached("after-database-commit")
        except Exception as error:
            if due is None or is_infrastructure(error):
                raise
            await self._postpone(due, error)
        self.after_commit()
        return True

    async def backlog(self) -> tuple[int, float]:
        """How many rows are due and wait, and for how many seconds of business time the oldest does."""
        moment = self.clock.now()
        async with self.sessions() as session:
            waiting, since = (await (await session.connection()).execute(_BACKLOG, {"now": moment})).one()
        return waiting, (moment - since).total_seconds() if since is not None else 0.0

    async def _take(self, session: Session) -> Due | None:
        known = sorted(self.router.kinds)
        row = (
            await (await session.connection()).execute(_TAKE, {"now": self.clock.now(), "kinds": known})
        ).one_or_none()
        return None if row is None else Due(row.kind, row.key, row.at, row.correlation_id)

    async def _postpone(self, due: Due, error: Exception) -> None:
        log.error("timer.failed", kind=due.kind, exc_info=error)
        fault = failure(error)
        async with self.sessions() as session:
            connection = await session.connection()
            attempts = (
                await connection.execute(_ATTEMPT, {"kind": due.kind, "key": due.key})
            ).scalar_one_or_none() or 0
            later = self.clock.now() + timedelta(seconds=min(2**attempts, BACKOFF_SECONDS_MAX))
            await connection.execute(
                _POSTPONE,
                {
                    "kind": due.kind, "key": due.key, "at": later, "gives_up": attempts >= ATTEMPTS_MAX,
                    "failure": f"{fault.detail['error']} at {fault.detail['at']}",
                },
            )  # fmt: skip
            await session.commit()


_SCHEDULE = text(
    """
    insert into kernel.due (id, kind, key, at, correlation_id) values (:id, :kind, :key, :at, :correlation_id)
    on conflict (kind, key) do update
    set at = excluded.at, correlation_id = excluded.correlation_id, attempts = 0, failed_at = null, failure = null
    """
)
_CANCEL = text("delete from kernel.due where kind = :kind and key = :key")
_TAKE = text(
    """
    delete from kernel.due where id = (
        select id from kernel.due where at <= :now and failed_at is null and kind = any(cast(:kinds as text[]))
        order by at, id limit 1 for update skip locked
    )
    returning kind, key, at, correlation_id
    """
)
_ATTEMPT = text("update kernel.due set attempts = attempts + 1 where kind = :kind and key = :key returning attempts")
_POSTPONE = text(
    """
    update kernel.due
    set at = :at, failure = :failure,
        failed_at = case when cast(:gives_up as boolean) then clock_timestamp() else failed_at end
    where kind = :kind and key = :key
    """
)
_BACKLOG = text("select count(*), min(at) from kernel.due where at <= :now and failed_at is null")
_GIVEN_UP = text(
    """
    select kind, key, attempts, failure, failed_at from kernel.due where failed_at is not null
    order by failed_at limit 200
    """
)
_RETRY = text(
    """
    update kernel.due set attempts = 0, failed_at = null, failure = null
    where kind = :kind and key = :key and failed_at is not null
    """
)
