"""The kernel of one deployment: the edge's commit, and the loops of its roles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.clock import Clock
from shared.messaging.announcing import Announcer, announced_so_far, write_announcements
from shared.messaging.connecting import connect
from shared.messaging.consumer import Consumer, committed_offsets, make_producer
from shared.messaging.failures import StartRefused
from shared.messaging.hearing import Hearing, ReactFrom
from shared.messaging.metrics import HeardMetrics, RelayMetrics, TimerMetrics
from shared.messaging.parking import Sealer
from shared.messaging.points import reached
from shared.messaging.records import Authority, Received
from shared.messaging.relay import Relay, outbox_backlog
from shared.messaging.routing import EventRouter, TimerRouter
from shared.messaging.statements import OFFSETS_SEEN, is_stated, note, read_react_from
from shared.messaging.supervision import Supervised
from shared.messaging.timers import Timers
from shared.messaging.wake import Wake
from shared.settings import DeploymentSettings

log = structlog.get_logger(__name__)

Role = Literal["api", "worker", "relay", "all"]
MEASURE_SECONDS = 2.0
DRAIN_SECONDS_MAX = 20.0
FIRST_SECONDS_MAX = 0.01
"""So long answers wait at most until what they announce has left."""
Loop = tuple[str, Callable[[], Awaitable[None]]]


@dataclass
class Kernel:
    """Made once per process from the deployment's parts; ``run`` is its life."""

    settings: DeploymentSettings
    events: EventRouter
    timer_router: TimerRouter
    engine: AsyncEngine
    authority: Authority
    sealer: Sealer
    clock: Clock
    registry: CollectorRegistry
    deployment: object = None
    """Handed to handlers with every session; the kernel itself knows nothing of it."""

    def __post_init__(self) -> None:
        self.announcer = Announcer(self.events.service, self.settings.agency, self.settings.topic_root, self.clock)
        self._info = {"announcer": self.announcer, "deployment": self.deployment}
        self.sessions = self.sessions_of(self.engine)
        self.wake = Wake()
        self.timers = Timers(self.timer_router, self.sessions, self.clock, self.woken)
        self.timer_metrics = TimerMetrics(self.registry)
        self.heard_metrics = HeardMetrics(self.registry)
        self.hearing = Hearing(
            self.events,
            self.sessions,
            self.authority,
            self.sealer,
            self.settings.topic_root,
            ReactFrom(),
            self.settings.parked_in_a_row_max,
            self.heard_metrics,
            self.woken,
        )
        self.consumer = Consumer(
            self.settings,
            self.events.service,
            self.hearing.read,
            self.hearing.is_awaited,
            self.hearing.is_heard,
            self._hear,
        )
        self.relay_metrics = RelayMetrics(self.registry)
        self.relay = Relay(
            self._connect,
            lambda: make_producer(self.settings, self.events.service),
            self.wake,
            self.relay_metrics,
        )
        self.loops: list[Supervised] = []

    def sessions_of(self, engine: AsyncEngine) -> async_sessionmaker[Session]:
        """Sessions that may announce, on an engine of this deployment."""
        return async_sessionmaker(engine, class_=Session, expire_on_commit=False, autoflush=True, info=self._info)

    async def commit(self, session: Session) -> None:
        """The edge's commit: number what was announced, write it to the outbox, commit, wake the relay."""
        announced = announced_so_far(session)
        await write_announcements(session)
        reached("before-database-commit")
        await session.commit()
        reached("after-database-commit")
        if announced:
            session.info["on_its_way"] = self.relay.expect()
            self.wake.signal()
        if session.info.pop("scheduled", False):
            self.timers.wake()

    async def on_its_way(self, session: Session) -> None:
        """Until a relay of this process that was at rest has sent what this session committed, milliseconds at most.

        For whoever answers many: each answer that is made before keeps the relay waiting.
        """
        awaited: asyncio.Event | None = session.info.pop("on_its_way", None)
        if awaited is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_SECONDS_MAX):
                    await awaited.wait()

    def woken(self) -> None:
        """Something was committed by a loop."""
        self.wake.signal()
        self.timers.wake()

    @asynccontextmanager
    async def running(self, role: Role, beside: Sequence[Loop] = ()) -> AsyncIterator[None]:
        """The loops of a role and those beside, supervised, until the block ends; then all drain within a bound."""
        self.loops = [Supervised(name, run) for name, run in (*self._loops_of(role), *beside)]
        tasks = [asyncio.create_task(loop.run(), name=loop.name) for loop in self.loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            # What does not end in time is left to the end of the process; it committed nothing it did not finish.
            _, hanging = await asyncio.wait(tasks, timeout=DRAIN_SECONDS_MAX)
            for task in hanging:
                log.error("loop.hangs", loop=task.get_name())

    def health(self) -> dict[str, str | None]:
        """Each part of this process that can fail, with what is wrong, or None."""
        parts = {loop.name: loop.wrong for loop in self.loops}
        if "consumer" in parts and parts["consumer"] is None and not self.consumer.alive():
            parts["consumer"] = "no partition is being polled"
        if "relay" in parts and parts["relay"] is None:
            parts["relay"] = self.relay.wrong
        return parts

    def _loops_of(self, role: Role) -> list[Loop]:
        worker: list[Loop] = [("consumer", self._consume), ("timers", self.timers.run), ("measures", self._measure)]
        relay: list[Loop] = [("relay", self.relay.run), ("outbox", self._measure_outbox)]
        passing_on: list[Loop] = [("notifier", self._notify_relay)]
        return {
            "api": passing_on,
            "worker": [*worker, *passing_on],
            "relay": relay,
            "all": [*worker, *relay],
        }[role]

    async def _consume(self) -> None:
        await self._may_start()
        await self.consumer.run()

    async def _hear(self, received: Sequence[Received]) -> None:
        await self.hearing.hear(received)
        # What nobody waits for may lie: its delay says nothing.
        awaited: list[Any] = [each.raw for each in received if self.hearing.is_awaited(each)]
        if awaited:
            self.heard_metrics.heard_since(min(each.timestamp for each in awaited))

    async def _may_start(self) -> None:
        """Refuse to hear where going on could silently lose or repeat the past."""
        async with self.sessions() as session:
            stated = await read_react_from(session)
            had_offsets = await is_stated(session, OFFSETS_SEEN)
        if stated is None:
            raise StartRefused(
                "Nobody has stated from where on this deployment reacts. "
                "State it: `tuntas react-from … beginning` for a founding deployment, `now` for one that joins."
            )
        self.hearing.react_from = stated
        if had_offsets and not await committed_offsets(self.settings, self.consumer.group):
            raise StartRefused(
                "Kafka has forgotten the offsets of this deployment's group, although it had committed some. "
                "Look why, then `tuntas resume …`: everything is read again, and what was heard is passed over."
            )

    async def _measure(self) -> None:
        noted = False
        while True:
            if not noted and self.consumer.alive() and await committed_offsets(self.settings, self.consumer.group):
                async with self.sessions() as session:
                    await note(session, OFFSETS_SEEN)
                    await session.commit()
                noted = True
            waiting, oldest_seconds = await self.timers.backlog()
            self.timer_metrics.waiting.set(waiting)
            self.timer_metrics.oldest.set(round(oldest_seconds, 3))
            self.heard_metrics.lag.set(await self.consumer.lag())
            age = self.consumer.poll_age()
            self.heard_metrics.age.set(round(age, 3) if age != float("inf") else -1)
            await asyncio.sleep(MEASURE_SECONDS)

    async def _measure_outbox(self) -> None:
        # Beside the relay and not in it: what waits is of interest when the relay cannot move it, or not fast enough.
        while True:
            async with self.sessions() as session:
                self.relay_metrics.waits(*await outbox_backlog(session))
            await asyncio.sleep(MEASURE_SECONDS)

    async def _notify_relay(self) -> None:
        await self.wake.notify_relay(self._connect)

    async def _connect(self) -> Any:
        return await connect(self.settings.database_url.get_secret_value(), self.settings.database_ca_file)
