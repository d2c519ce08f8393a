"""Consumed events: each is heard once, has one effect and one answer, over real Kafka and PostgreSQL.

Ours is a deployment's consumer and hearing with a handler of batches. The reference is the same by hand
(benchmarks/consuming_by_hand.py), in another group and on another database. Four revisions of each of 25,000
households lie on the topic before either starts, which is work for some seconds: the machine changes its speed from one
to the next. The clock runs from the first record in hand to the last offset that is committed, so that joining the
group counts on neither side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from sqlalchemy import Integer, MetaData, Table, Uuid
from sqlmodel import Column

from benchmarks.bus import Bus, bus, deployment_on
from benchmarks.consuming_by_hand import EFFECT, ByHand
from benchmarks.databases import Database, databases
from benchmarks.measuring import Result, Sample, Stopwatch, by_turns, middle_cpu_us, rates
from benchmarks.workplace import Workplace
from shared.deployment import Deployment
from shared.events.intake import HouseholdUpdated
from shared.events.verification import VerificationOpened
from shared.messaging import EventRouter, Fact, Session, TimerRouter, announce, insert_rows, points
from shared.messaging.consumer import Consumer
from shared.messaging.records import Received
from shared.service import Service
from shared.settings import DeploymentSettings

REVISIONS = 4
_metadata = MetaData()
_effect = Table(
    "bench_effect", _metadata, Column("event_id", Uuid), Column("household_id", Uuid), Column("revision", Integer)
)


def service_with(*, batch: bool) -> Service:
    """A service that writes a row and announces an answer for each revision of a household."""
    router = EventRouter(service="verification")

    @router.on(HouseholdUpdated, batch=True) if batch else router.on(HouseholdUpdated)
    async def answer(events: Any, session: Session, facts: Any) -> None:
        if not batch:
            events, facts = [events], [facts]
        await insert_rows(session, _effect, [_row(event, fact) for event, fact in zip(events, facts, strict=True)])
        for event in events:
            announce(session, _answer(event))

    timers = TimerRouter(service="verification")
    return Service("verification", DeploymentSettings, _metadata, router, timers, routes=())


def _row(event: HouseholdUpdated, fact: Fact) -> dict[str, Any]:
    return {"event_id": fact.id, "household_id": event.household_id, "revision": event.revision}


def _answer(event: HouseholdUpdated) -> VerificationOpened:
    return VerificationOpened(
        case_id=event.household_id,
        household_id=event.household_id,
        region=event.region,
        round=event.revision,
        reason="roster-corrected",
    )


async def run(workplace: Workplace) -> Result:
    """Events per second, on both sides."""
    households = workplace.at_size(250, 25_000)
    events = households * REVISIONS
    async with databases(workplace) as make, bus(workplace, ["intake"]) as topics:
        mine, theirs = [await _database(make, name) for name in ("hearing", "by_hand")]
        sizes: list[int] = []

        async def fill() -> None:
            sizes.append(await topics.fill(_revisions(households)))

        async with deployment_on(workplace, service_with(batch=True), mine) as deployment:
            hand = await ByHand.on(workplace, theirs, topics.topic("intake"), deployment.settings.batch_records_max)

            async def ours(number: int) -> Sample:
                if number % 2 == 0:
                    await fill()
                return await consumed(deployment, events)

            async def reference(number: int) -> Sample:
                if number % 2 == 1:
                    await fill()
                return await hand.consume(events)

            measured = await by_turns(workplace.rounds, ours, reference)
            await hand.connection.close()
        payload = sum(sizes) // (len(sizes) * events)
        alone = await _record_by_record(workplace, topics, mine, households)
        await _same(mine, theirs, events * workplace.rounds)
    return rates(
        "consumed_events",
        *measured,
        unit="events/s",
        at_least=0.70,
        payload_bytes=payload,
        connections=1,
        reference_connections=1,
        notes={
            "events": events,
            "households": households,
            "per_transaction": deployment.settings.batch_records_max,
            "reference_cpu_us_per_op": middle_cpu_us(measured[1]),
            "record_by_record_per_second": round(alone.per_second, 1),
            "record_by_record_cpu_us": round(alone.cpu_us_per_operation, 1),
        },
    )


async def consumed(deployment: Deployment, events: int) -> Sample:
    """Run the deployment's consumer over what waits in the topic."""
    watch, done, begun, heard = Stopwatch(), asyncio.Event(), False, 0
    hurrying: list[asyncio.Task[None]] = []
    hearing = deployment.kernel.hearing

    def read(records: Sequence[Any]) -> list[Received]:
        nonlocal begun
        if not begun:
            watch.__enter__()
            begun = True
        return hearing.read(records)

    async def hear(received: Sequence[Received]) -> None:
        nonlocal heard
        await hearing.hear(received)
        heard += len(received)
        if heard == events:
            # The last offsets are not left to lie for others to come.
            hurrying.append(asyncio.create_task(consumer.committed_so_far()))

    def stop_watch(point: points.Point) -> None:
        if point == "after-offset-commit" and heard == events and not done.is_set():
            watch.__exit__()
            done.set()

    points.listen(stop_watch)
    consumer = Consumer(deployment.settings, deployment.service, read, hearing.is_awaited, hearing.is_heard, hear)
    await _until(consumer.run, done)
    points.listen(None)
    return watch.sample(events)


async def _until(run: Callable[[], Awaitable[None]], done: asyncio.Event) -> None:
    running = asyncio.ensure_future(run())
    waiting = asyncio.create_task(done.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def _record_by_record(workplace: Workplace, topics: Bus, mine: Database, households: int) -> Sample:
    """For the notes: the same with a handler of single records, on a fifth of the events."""
    connection = await mine.connect()
    before = await connection.fetchval("select count(*) from bench_effect")
    wanted = max(1, households // 5)
    await topics.fill(_revisions(wanted))
    async with deployment_on(workplace, service_with(batch=False), mine) as deployment:
        sample = await consumed(deployment, wanted * REVISIONS)
    # What this wrote is not compared with the other side.
    await connection.execute("delete from bench_effect where ctid in (select ctid from bench_effect offset $1)", before)
    await connection.close()
    return sample


def _revisions(households: int) -> list[tuple[type[HouseholdUpdated], Any, dict[str, Any]]]:
    ids = [uuid4() for _ in range(households)]
    return [
        (HouseholdUpdated, each, {"household_id": str(each), "revision": revision})
        for revision in range(1, REVISIONS + 1)
        for each in ids
    ]


async def _database(make: Any, name: str) -> Database:
    made: Database = await make("verification", name)
    connection = await made.connect()
    await connection.execute(EFFECT)
    await connection.close()
    return made


async def _same(mine: Database, theirs: Database, events: int) -> None:
    """Both sides have every effect and every answer once, with the same bytes."""
    found = []
    for each in (mine, theirs):
        connection = await each.connect()
        found.append(dict(await connection.fetchrow(_WRITTEN, events)))
        await connection.close()
    if found[0] != found[1] or found[0]["effects"] != events:
        raise AssertionError(f"The sides have not written the same: {found}")


_WRITTEN = """
    with answer as (select * from kernel.outbox order by id limit $1)
    select
        (select count(distinct event_id) from bench_effect) as effects,
        (select count(distinct (key, headers ->> 'ce_sequence')) from answer) as answers,
        (select sum(length(payload)) from answer) as payload_bytes,
        (select sum(length(headers::text)) from answer) as header_bytes
"""
