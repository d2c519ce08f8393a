"""How long after the 201 the next service knows: HTTP at intake until the committed row in verification, p99.

Families are registered at 30 % of the rate that intake sustains, which is measured first. The row of verification
tells of itself by a trigger with NOTIFY, which fires at its commit. The reference sends a record of the same bytes
with aiokafka, acks=all, one at a time at the same rate, and reads it with a consumer of its own; its time begins
with the call of ``send``.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.families import family
from benchmarks.load_client import Connection, connections, token_of
from benchmarks.measuring import Result, percentile
from benchmarks.town import AGENCY, database_of, town
from benchmarks.workplace import Workplace
from shared.events.intake import HouseholdRegistered
from shared.messaging.collecting import collecting_seldom

CONNECTIONS = 8
SHARE = 0.3
RATIO_MAX = 5.0
SECONDS_MAX = 0.1
PARTITIONS = 3
SETTLED_SECONDS_MAX = 120.0


async def run(workplace: Workplace) -> Result:
    """Milliseconds at the 99th percentile, on both sides."""
    seconds = workplace.at_size(2, 12)
    async with town(workplace, "intake", "verification") as city:
        # Opened anew each time: while the other side has its turn, a server closes what is idle.
        opened = partial(connections, city.url("intake", AGENCY), token_of(city), CONNECTIONS)
        async with _watching(database_of(city, "verification")) as seen:
            numbers = count()
            for _warm_up_first in range(2):
                async with opened() as open_:
                    sustained = await _sustained(open_, numbers, workplace.at_size(2, 8), seen)
            rate = SHARE * sustained
            ours: list[list[Registered]] = []
            raw: list[list[float]] = []
            # A look of the collector at all that this process has imported takes a tenth of a second, on both sides.
            async with _raw_log(workplace) as echo:
                with collecting_seldom():
                    for number in range(workplace.rounds):
                        for ours_first in (number % 2 == 0, number % 2 == 1):
                            if ours_first:
                                async with opened() as open_:
                                    ours.append(await _registrations(open_, numbers, rate, seconds, seen))
                            else:
                                raw.append(await echo(rate, seconds))
    after_answers = [[each.known - each.answered for each in of_round] for of_round in ours]
    mine, theirs = (_middle(side, 0.99) for side in (after_answers, raw))
    half, raw_half = (_middle(side, 0.5) for side in (after_answers, raw))
    answers = [[each.answered - each.asked for each in of_round] for of_round in ours]
    whole_ways = [[each.known - each.asked for each in of_round] for of_round in ours]
    return Result(
        name="latency",
        ours=round(mine * 1000, 1),
        reference=round(theirs * 1000, 1),
        unit="ms p99",
        ratio=round(mine / theirs, 2),
        goal=f"<= {RATIO_MAX:.2f} and <= {SECONDS_MAX * 1000:.0f} ms",
        met=mine / theirs <= RATIO_MAX and mine <= SECONDS_MAX,
        cpu_us_per_op=None,
        payload_bytes=len(HouseholdRegistered.from_example().model_dump_json()),
        connections=CONNECTIONS,
        rounds={
            "ours": [round(percentile(each, 0.99) * 1000, 1) for each in after_answers],
            "reference": [round(percentile(each, 0.99) * 1000, 1) for each in raw],
        },
        notes={
            "connections_are": "of HTTP clients",
            "sustained_per_second": round(sustained, 1),
            "offered_per_second": round(rate, 1),
            "families_measured": sum(map(len, ours)),
            "ours_p50_ms": round(half * 1000, 1),
            "reference_p50_ms": round(raw_half * 1000, 1),
            "answered_p50_ms": round(_middle(answers, 0.5) * 1000, 1),
            "answered_p99_ms": round(_middle(answers, 0.99) * 1000, 1),
            "from_request_p50_ms": round(_middle(whole_ways, 0.5) * 1000, 1),
            "from_request_p99_ms": round(_middle(whole_ways, 0.99) * 1000, 1),
        },
    )


class Registered(NamedTuple):
    """When a family was asked for, when its 201 came and when the next service knew, by the clock of this process."""

    asked: float
    answered: float
    known: float


def _middle(rounds: list[list[float]], percent: float) -> float:
    """The median of the rounds' percentiles."""
    return statistics.median(percentile(each, percent) for each in rounds)


@dataclass
class Seen:
    """When each household (or record) became visible, by the clock of this process."""

    at: dict[str, float] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, *arguments: Any) -> None:
        self.at[arguments[-1]] = time.perf_counter()
        self.changed.set()

    async def all_of(self, wanted: set[str]) -> None:
        """Until each of them was seen."""
        async with asyncio.timeout(SETTLED_SECONDS_MAX):
            while not wanted <= self.at.keys():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def _watching(dsn: str) -> AsyncIterator[Seen]:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_TELLS)
        seen = Seen()
        await connection.add_listener("bench_seen", seen.tell)
        yield seen
    finally:
        connection.terminate()


async def _sustained(open_: list[Connection], numbers: count[int], seconds: float, seen: Seen) -> float:
    """Registrations per second with every connection busy; then everything is left to settle."""
    made: set[str] = set()
    ends = time.perf_counter() + seconds

    async def one_after_the_other(connection: Connection) -> None:
        while time.perf_counter() < ends:
            made.add(await _register(connection, next(numbers)))

    began = time.perf_counter()
    await asyncio.gather(*map(one_after_the_other, open_))
    took = time.perf_counter() - began
    await seen.all_of(made)
    return len(made) / took


async def _registrations(
    open_: list[Connection], numbers: count[int], rate: float, seconds: float, seen: Seen
) -> list[Registered]:
    """When each was asked for, answered and visible."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for each in open_:
        free.put_nowait(each)
    answered: dict[str, tuple[float, float]] = {}

    async def one(connection: Connection) -> None:
        asked = time.perf_counter()
        household = await _register(connection, next(numbers))
        answered[household] = asked, time.perf_counter()
        free.put_nowait(connection)

    async with asyncio.TaskGroup() as sending:
        async for _ in ticks(rate, seconds):
            sending.create_task(one(await free.get()))
    await seen.all_of(set(answered))
    return [Registered(*times, seen.at[household]) for household, times in answered.items()]


async def _register(connection: Connection, number: int) -> str:
    status, answer = await connection.post("/api/v1/households", family(number))
    if status != 201:
        raise AssertionError(f"{status}: {answer[:500]!r}")
    household_id: str = orjson.loads(answer)["household_id"]
    return household_id


async def ticks(rate: float, seconds: float) -> AsyncIterator[int]:
    """Evenly, so many a second; one that is late does not shift the others."""
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        yield number


@asynccontextmanager
async def _raw_log(workplace: Workplace) -> AsyncIterator[Callable[[float, float], Awaitable[list[float]]]]:
    """A topic, a producer and a consumer; what is yielded sends at a rate and tells how long each record took."""
    options, topic = workplace.stack.kafka.aiokafka(), f"{workplace.root}.raw"
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    producer = AIOKafkaProducer(**options, acks="all")
    consumer = AIOKafkaConsumer(topic, **options, group_id=None, auto_offset_reset="earliest")
    await producer.start()
    await consumer.start()
    read = Seen()

    async def consume() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    read.tell(record.key.decode())

    numbers = count()
    value = HouseholdRegistered.from_example().model_dump_json().encode()

    async def echo(rate: float, seconds: float) -> list[float]:
        sent: dict[str, float] = {}
        async for _ in ticks(rate, seconds):
            key = str(next(numbers))
            sent[key] = time.perf_counter()
            await producer.send_and_wait(topic, value, key=key.encode())
        await read.all_of(set(sent))
        return [read.at[key] - at for key, at in sent.items()]

    consuming = asyncio.create_task(consume())
    try:
        # The first records of all wait for metadata.
        await echo(20, 1)
        yield echo
    finally:
        consuming.cancel()
        with suppress(asyncio.CancelledError):
            await consuming
        await consumer.stop()
        await producer.stop()
        await admin.delete_topics([topic])
        await admin.close()


_TELLS = """
    create or replace function bench_tell() returns trigger language plpgsql as
    $$ begin perform pg_notify('bench_seen', new.household_id::text); return null; end $$;
    create or replace trigger bench_tell after insert on household for each row execute function bench_tell();
"""
