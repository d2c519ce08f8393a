"""Hear: one database transaction per Kafka batch; what was heard, its effects and what it announces commit together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TypeVar

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.events.envelope import Event
from shared.events.topics import parse_topic
from shared.messaging.announcing import write_announcements
from shared.messaging.causes import correlation
from shared.messaging.failures import ConsumerStopped, is_infrastructure, place_of
from shared.messaging.heard import Judgement, Mark, MarkKey, keep_marks, lock_marks
from shared.messaging.metrics import HeardMetrics
from shared.messaging.parking import Sealer, park
from shared.messaging.points import reached
from shared.messaging.records import Authority, Fault, Placed, RawRecord, Received, Told, receive
from shared.messaging.routing import EventRouter, Hearer, arguments
from shared.messaging.writing_behind import writing_behind

AnyTold = TypeVar("AnyTold", bound=Told)
log = structlog.get_logger(__name__)

ATTEMPTS_ALONE = 2
"""A record that fails so often alone, in a transaction of its own, is parked."""

CONSENT_SECONDS = 0.05
"""An agency that leaves is not heard any more so long after its entry at the latest."""


@dataclass
class ReactFrom:
    """The first offset per (topic, partition) that a deployment reacts to; 0 where a topic is younger than it."""

    offsets: dict[tuple[str, int], int] = field(default_factory=dict)

    def reacts_to(self, received: Placed) -> bool:
        return received.offset >= self.offsets.get((received.topic, received.partition), 0)


@dataclass
class Hearing:
    """The hearing side of one deployment."""

    router: EventRouter
    sessions: Callable[[], Session]
    authority: Authority
    sealer: Sealer
    topic_root: str
    react_from: ReactFrom
    parked_in_a_row_max: int
    metrics: HeardMetrics
    after_commit: Callable[[], None] = lambda: None
    failed_in_a_row: int = 0

    def __post_init__(self) -> None:
        self._remembering = _RemembersConsent(self.authority)

    def read(self, records: Iterable[RawRecord]) -> list[Received]:
        """What records say. Whatever they hold, this returns, and it writes nothing: it may run ahead of hearing."""
        self._remembering.forget_in_time()
        return [receive(raw, self.topic_root, self._remembering) for raw in records]

    def is_awaited(self, received: Received) -> bool:
        """Whether a handler waits for what a record says; of all others only marks are kept."""
        return received.event_type is not None and self.router.hears(received.event_type)

    def is_heard(self, topic: str) -> bool:
        """Whether a handler waits for anything that may be said on a topic."""
        announcer = parse_topic(topic, self.topic_root)
        return announcer is not None and announcer.service in self._heard_services

    @cached_property
    def _heard_services(self) -> set[str]:
        return self.router.heard_services()

    async def hear(self, received: Sequence[Received]) -> None:
        """Handle a batch; on return everything in it is heard or parked, and committed.

        Raises:
            ConsumerStopped: too many handlers failed in a row.
            Exception: infrastructure; nothing of the unfinished part was kept, the batch may be heard again.
        """
        if not received:
            return
        error = await self._failure_of(received)
        if error is not None:
            log.warning("batch.redone-in-parts", records=len(received), error=type(error).__name__)
            await self._hear_in_parts(received)

    async def _failure_of(self, received: Sequence[Received]) -> Exception | None:
        """Hear them in one transaction. Returns what a handler raised, if one did: then nothing of it was kept."""
        try:
            await self._hear_together(received)
        except Exception as error:
            if is_infrastructure(error):
                raise
            return error
        self.failed_in_a_row = 0
        return None

    async def _hear_in_parts(self, received: Sequence[Received]) -> None:
        """Half by half: of many, the one that fails stands alone after a few transactions."""
        middle = len(received) // 2
        for part in filter(None, (received[:middle], received[middle:])):
            if len(part) == 1:
                await self._hear_alone(part[0])
            elif await self._failure_of(part) is not None:
                await self._hear_in_parts(part)

    async def _hear_together(self, received: Sequence[Received]) -> None:
        async with self.sessions() as session:
            marks = await lock_marks(session, ((each.topic, each.key) for each in received))
            handled, parked = self._judge(received, marks)
            async with writing_behind(session, len(received)):
                await keep_marks(session, marks.values())
                await self.dispatch(session, handled)
            await park(session, self.sealer, parked)
            announced = await write_announcements(session)
            reached("before-database-commit")
            await session.commit()
            reached("after-database-commit")
            scheduled = session.info.pop("scheduled", False)
        # A projection gives the relay and the timers nothing to look for.
        if announced or scheduled:
            self.after_commit()
        self.metrics.count(handled=len(handled), parked=[fault.reason for _, fault in parked], of=len(received))

    async def _hear_alone(self, received: Received) -> None:
        for attempt in range(1, ATTEMPTS_ALONE + 1):
            try:
                await self._hear_together([received])
            except Exception as error:
                if is_infrastructure(error):
                    raise
                if attempt == ATTEMPTS_ALONE:
                    await self._park_failed(received, error)
            else:
                if received.fault is None:
                    self.failed_in_a_row = 0
                return

    async def _park_failed(self, received: Received, error: Exception) -> None:
        self.failed_in_a_row += 1
        if self.failed_in_a_row > self.parked_in_a_row_max:
            raise ConsumerStopped(
                f"{self.failed_in_a_row} records failed one after another; the last one with {type(error).__name__}."
            ) from error
        log.error("record.failed", event_id=str(received.event_id), type=received.type, exc_info=error)
        await self._hear_together([replace(received, fault=failure(error))])

    def _judge(
        self, received: Sequence[Received], marks: dict[MarkKey, Mark]
    ) -> tuple[list[Received], list[tuple[Received, Fault]]]:
        handled: list[Received] = []
        parked: list[tuple[Received, Fault]] = []
        for each in received:
            judgement, fault = marks[each.topic, each.key].judge(each)
            if judgement is Judgement.HANDLE:
                handled.append(each)
            elif fault is not None:
                parked.append((each, fault))
        return handled, parked

    async def dispatch(self, session: Session, handled: Sequence[Told], *, react: bool = True) -> None:
        """Give records to their handlers: projections first, then reactions to what this deployment lived through."""
        for event_type, records in runs_of_a_type(handled):
            await self._project(session, event_type, records)
            if react:
                await self._react(session, event_type, records)

    async def _project(self, session: Session, event_type: type[Event], records: Sequence[Told]) -> None:
        session.info["projecting"] = True
        try:
            for hearer in self.router.projections.get(event_type, ()):
                await _call(hearer, session, records)
        finally:
            session.info["projecting"] = False

    async def _react(self, session: Session, event_type: type[Event], records: Sequence[Told]) -> None:
        lived_through = [
            each for each in records if self.react_from.reacts_to(each) and isinstance(each.event, event_type)
        ]
        for hearer in self.router.reactions.get(event_type, ()) if lived_through else ():
            await _call(hearer, session, lived_through)


class _RemembersConsent:
    """An authority that said yes is not asked again for a moment: the directory looks at its file for each question."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._consented: set[tuple[str, str, str, date]] = set()
        self._forgot_at = 0.0

    def forget_in_time(self) -> None:
        """Called before records are read together; the next ones may be long in coming."""
        now = time.monotonic()
        if now - self._forgot_at > CONSENT_SECONDS:
            self._consented.clear()
            self._forgot_at = now

    def may_announce(self, service: str, agency: str, region: str, on: date) -> bool:
        question = (service, agency, region, on)
        if question in self._consented:
            return True
        # A refusal is not remembered: it would park what an agency says that joins in this moment.
        consents = self._authority.may_announce(*question)
        if consents:
            self._consented.add(question)
        return consents


def runs_of_a_type(handled: Iterable[AnyTold]) -> list[tuple[type[Event], list[AnyTold]]]:
    """As few runs of one type as keep the order of each key: only that order is promised, so other keys may overtake.

    A record joins the last run of its type, unless an earlier record of its key stands in a later run.
    """
    runs: list[tuple[type[Event], list[AnyTold]]] = []
    last_of_type: dict[type[Event], int] = {}
    last_of_key: dict[MarkKey, int] = {}
    for each in handled:
        if each.event is None or each.event_type is None:
            continue
        key, place = (each.topic, each.key), last_of_type.get(each.event_type, -1)
        if place < last_of_key.get(key, 0):
            place = last_of_type[each.event_type] = len(runs)
            runs.append((each.event_type, []))
        runs[place][1].append(each)
        last_of_key[key] = place
    return runs


async def _call(hearer: Hearer, session: Session, records: Sequence[Told]) -> None:
    if hearer.batch:
        events, facts = [each.event for each in records], [each.fact for each in records]
        await hearer.function(*arguments(hearer, events, session, facts))
        return
    for each in records:
        assert each.fact is not None  # noqa: S101 - a record with an event has its envelope
        with correlation(each.fact.correlation_id, each.fact.id):
            await hearer.function(*arguments(hearer, each.event, session, each.fact))


def failure(error: Exception) -> Fault:
    """The fault of a record whose handler failed: where in our code, never the message, which may hold values."""
    return Fault("handler-failed", {"error": type(error).__name__, "at": place_of(error)})
