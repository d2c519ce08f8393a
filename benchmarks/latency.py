"""How long after the 201 the next service knows: HTTP at intake until the committed row in verification, p99.

Families are registered at 30 % of the rate that intake sustains, which is measured first: with 8, 16, 32 and 64
connections that are never idle, until more of them bring no more. The row of verification tells of itself by a trigger
with NOTIFY, which fires at its commit. The reference sends the same two records for each family at the same rate, with
their envelopes, to topics of as many partitions, by aiokafka with acks=all. What it measures has nothing in its way:
the fact goes alone, and the profile once that is acknowledged; a consumer of its own reads the facts, another the
profiles. Its time begins with the call of ``send``, and ends when the fact is read.

The notes tell how busy the processors of the machine were meanwhile, with this client, PostgreSQL and Kafka among what
keeps them so, and the same at 30 % of what eight connections get, which is a smaller load.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import asyncpg
import orjson
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from uuid_utils.compat import uuid7

from benchmarks.bus import headers
from benchmarks.families import family
from benchmarks.load_client import Connection, connections, token_of
from benchmarks.measuring import Result, Stopwatch, percentile
from benchmarks.town import AGENCY, database_of, town
from benchmarks.workplace import Workplace
from local.city import City
from shared.events.intake import HouseholdProfile, HouseholdRegistered
from shared.events.topics import PARTITIONS
from shared.messaging.collecting import collecting_seldom

CONNECTIONS = (8, 16, 32, 64)
RISES = 1.05
"""So much more a second is more; less is the machine's own unrest."""
SHARE = 0.3
RATIO_MAX = 5.0
SECONDS_MAX = 0.1
SETTLED_SECONDS_MAX = 120.0
Echo = Callable[[float, float], Awaitable[list[float]]]
ROUNDS_OF_EIGHT_MAX = 3


async def run(workplace: Workplace) -> Result:
    """Milliseconds at the 99th percentile, on both sides."""
    seconds = workplace.at_size(2, 12)
    async with (
        town(workplace, "intake", "verification") as city,
        _watching(database_of(city, "verification")) as seen,
    ):
        client = _Client(city, seen)
        sustained = await client.sustained(workplace.at_size(2, 8))
        most = _connections(sustained)
        # A look of the collector at all that this process has imported takes a tenth of a second, on both sides.
        async with _raw_log(workplace) as echo:
            with collecting_seldom():
                loaded = await _by_turns(client, echo, most, SHARE * sustained[most], seconds, workplace.rounds)
                rounds = min(workplace.rounds, ROUNDS_OF_EIGHT_MAX)
                eight = await _by_turns(client, echo, 8, SHARE * sustained[8], seconds, rounds)
    mine, theirs = loaded.after_the_answer(0.99), loaded.raw_log(0.99)
    return Result(
        name="latency",
        ours=round(mine * 1000, 1),
        reference=round(theirs * 1000, 1),
        unit="ms p99",
        ratio=round(mine / theirs, 2),
        goal=f"<= {RATIO_MAX:.2f} and <= {SECONDS_MAX * 1000:.0f} ms",
        met=mine / theirs <= RATIO_MAX and mine <= SECONDS_MAX,
        cpu_us_per_op=loaded.cpu_us,
        payload_bytes=sum(map(len, _RECORDS.values())),
        connections=most,
        rounds={
            "ours": [round(percentile(_after_the_answer(each), 0.99) * 1000, 1) for each in loaded.ours],
            "reference": [round(percentile(each, 0.99) * 1000, 1) for each in loaded.raw],
        },
        notes={
            "connections_are": "of HTTP clients",
            **{f"sustained_per_second with {number}": round(rate, 1) for number, rate in sustained.items()},
            "sustained_per_second": round(sustained[most], 1),
            **loaded.told(),
            **{f"30 % of eight connections: {name}": value for name, value in eight.told().items()},
        },
    )


def _connections(sustained: dict[int, float]) -> int:
    """The fewest connections that more of them do not outdo."""
    best = min(sustained)
    for number in sorted(sustained):
        if sustained[number] >= RISES * sustained[best]:
            best = number
    return best


@dataclass
class Loaded:
    """What was measured at one rate, round by round."""

    rate: float
    connections: int
    ours: list[list[Registered]] = field(default_factory=list)
    raw: list[list[float]] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    """Processors of the machine, while families were registered."""
    cpus_us: list[float] = field(default_factory=list)
    """Of intake and verification, for each family."""

    @property
    def cpu_us(self) -> float:
        return round(statistics.median(self.cpus_us), 1)

    def after_the_answer(self, share: float) -> float:
        return statistics.median(percentile(_after_the_answer(each), share) for each in self.ours)

    def raw_log(self, share: float) -> float:
        return statistics.median(percentile(each, share) for each in self.raw)

    def told(self) -> dict[str, float | int | str]:
        answers = [[each.answered - each.asked for each in of_round] for of_round in self.ours]
        whole_ways = [[each.known - each.asked for each in of_round] for of_round in self.ours]
        mine, theirs = self.after_the_answer(0.99), self.raw_log(0.99)
        return {
            "connections": self.connections,
            "offered_per_second": round(self.rate, 1),
            "processors_busy": round(statistics.median(self.busy), 2),
            "processors": os.cpu_count() or 0,
            "cpu_us_a_family": self.cpu_us,
            "families_measured": sum(map(len, self.ours)),
            "ours_p99_ms": round(mine * 1000, 1),
            "reference_p99_ms": round(theirs * 1000, 1),
            "ratio": round(mine / theirs, 2),
            "ours_p50_ms": round(self.after_the_answer(0.5) * 1000, 1),
            "reference_p50_ms": round(self.raw_log(0.5) * 1000, 1),
            "answered_p50_ms": round(_middle(answers, 0.5) * 1000, 1),
            "answered_p99_ms": round(_middle(answers, 0.99) * 1000, 1),
            "from_request_p50_ms": round(_middle(whole_ways, 0.5) * 1000, 1),
            "from_request_p99_ms": round(_middle(whole_ways, 0.99) * 1000, 1),
        }


async def _by_turns(
    client: _Client, echo: Echo, connections_open: int, rate: float, seconds: float, rounds: int
) -> Loaded:
    """Registrations and raw records at the same rate; who begins changes."""
    loaded = Loaded(rate, connections_open)
    for number in range(rounds):
        for ours_first in (number % 2 == 0, number % 2 == 1):
            if ours_first:
                await client.register(loaded, seconds)
            else:
                loaded.raw.append(await echo(rate, seconds))
    return loaded


@dataclass
class _Client:
    """Officers of a city. Connections are opened anew each time: while others have their turn, a server closes them."""

    city: City
    seen: Seen
    numbers: count[int] = field(default_factory=count)

    async def sustained(self, seconds: float) -> dict[int, float]:
        """Registrations a second by number of connections, up to the first that brings no more."""
        found: dict[int, float] = {}
        for number in CONNECTIONS:
            before = max(found.values(), default=0.0)
            for _warm_up_first in range(1 if found else 2):
                async with self._open(number) as open_:
                    found[number] = await _sustained(open_, self.numbers, seconds, self.seen)
            if found[number] < RISES * before:
                break
        return found

    async def register(self, loaded: Loaded, seconds: float) -> None:
        """A round at an even rate."""
        pids = [each.process.pid for each in self.city.deployed.values() if each.process is not None]
        async with self._open(loaded.connections) as open_:
            began = psutil.cpu_times()
            with Stopwatch(pids) as watch:
                done = await _registrations(open_, self.numbers, loaded.rate, seconds, self.seen)
            loaded.busy.append(_worked(began, psutil.cpu_times()) / watch.seconds)
        loaded.cpus_us.append(watch.sample(len(done)).cpu_us_per_operation)
        loaded.ours.append(done)

    def _open(self, number: int) -> AbstractAsyncContextManager[list[Connection]]:
        return connections(self.city.url("intake", AGENCY), token_of(self.city), number)


def _worked(began: Any, ended: Any) -> float:
    """Seconds of all processors in which they did something. What a host took away from them is no work of theirs."""
    kinds = ("user", "nice", "system", "irq", "softirq")
    return float(sum(getattr(ended, kind) - getattr(began, kind) for kind in kinds))


class Registered(NamedTuple):
    """When a family was asked for, when its 201 came and when the next service knew, by the clock of this process."""

    asked: float
    answered: float
    known: float


def _after_the_answer(registered: list[Registered]) -> list[float]:
    return [each.known - each.answered for each in registered]


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
async def _raw_log(workplace: Workplace) -> AsyncIterator[Echo]:
    """Two topics, a producer and a consumer; what is yielded sends at a rate and tells how long each fact took."""
    options, read = workplace.stack.kafka.aiokafka(), Seen()
    facts, profiles = topics = [f"{workplace.root}.raw.{kind}" for kind in ("facts", "profiles")]
    admin, producer = AIOKafkaAdminClient(**options), AIOKafkaProducer(**options, acks="all")
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
    await producer.start()

    async def consume(topic: str) -> None:
        async with AIOKafkaConsumer(topic, **options, group_id=None, auto_offset_reset="earliest") as consumer:
            while True:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records if topic == facts else ():
                        read.tell(record.key.decode())

    async def echo(rate: float, seconds: float) -> list[float]:
        sent: dict[str, float] = {}
        async for _ in ticks(rate, seconds):
            household = str(uuid7())
            key, (fact, profile) = household.encode(), [headers(each, household, 1) for each in _RECORDS]
            sent[household] = time.perf_counter()
            await producer.send_and_wait(facts, _RECORDS[HouseholdRegistered], key=key, headers=fact)
            await producer.send(profiles, _RECORDS[HouseholdProfile], key=key, headers=profile)
        await read.all_of(set(sent))
        return [read.at[key] - at for key, at in sent.items()]

    consuming = [asyncio.create_task(consume(topic)) for topic in topics]
    try:
        # The first records of all wait for metadata.
        await echo(20, 1)
        yield echo
    finally:
        for each in consuming:
            each.cancel()
        await asyncio.wait(consuming)
        await producer.stop()
        await admin.delete_topics(topics)
        await admin.close()


_RECORDS = {event: event.from_example().model_dump_json().encode() for event in (HouseholdRegistered, HouseholdProfile)}
"""What intake says of a family, by its contracts."""
_TELLS = """
    create or replace function bench_tell() returns trigger language plpgsql as
    $$ begin perform pg_notify('bench_seen', new.household_id::text); return null; end $$;
    create or replace trigger bench_tell after insert on household for each row execute function bench_tell();
"""
