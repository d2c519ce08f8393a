"""How long after the 201 the next service knows: HTTP at intake until the committed row in verification, p99.

Families are registered at 30 % of the rate that intake sustains, which is measured first: with 8, 16, 32 and 64
connections that are never idle, until more of them bring no more. The row of verification tells of itself by a trigger
with NOTIFY, which fires at its commit. The reference sends a record for each family at the same rate, the fact without
its envelope, to a topic of three partitions, by aiokafka with acks=all, and reads it with a consumer of its own; its
time begins with the call of ``send``.

The notes tell the same beside the two records that intake sends for a family, with their envelopes, to topics of as
many partitions as it has: the fact goes alone, and the profile once that is acknowledged; each has a consumer of its
own, and the time ends when the fact is read.

They also tell how busy the processors of the machine were meanwhile, with this client, PostgreSQL and Kafka among what
keeps them so, and the same at 30 % of what eight connections get, which is a smaller load.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import asyncpg
import orjson
import psutil

from benchmarks.families import family
from benchmarks.load_client import Connection, connections, token_of
from benchmarks.measuring import Result, Stopwatch, percentile
from benchmarks.raw_log import AS_INTAKE_SENDS, BARE, Echo, Seen, raw_log, ticks
from benchmarks.town import AGENCY, database_of, town
from benchmarks.workplace import Workplace
from local.city import City
from shared.messaging.collecting import collecting_seldom

CONNECTIONS = (8, 16, 32, 64)
RISES = 1.05
"""So much more a second is more; less is the machine's own unrest."""
SHARE = 0.3
RATIO_MAX = 5.0
SECONDS_MAX = 0.1
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
        async with raw_log(workplace, BARE) as bare, raw_log(workplace, AS_INTAKE_SENDS) as family_of_records:
            logs = bare, family_of_records
            with collecting_seldom():
                loaded = await _by_turns(client, logs, most, SHARE * sustained[most], seconds, workplace.rounds)
                rounds = min(workplace.rounds, ROUNDS_OF_EIGHT_MAX)
                eight = await _by_turns(client, logs, 8, SHARE * sustained[8], seconds, rounds)
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
        payload_bytes=len(BARE.records[0].value),
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
    families: list[list[float]] = field(default_factory=list)
    """As intake sends them, on the raw log."""
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
        return _middle(self.raw, share)

    def told(self) -> dict[str, float | int | str]:
        answers = [[each.answered - each.asked for each in of_round] for of_round in self.ours]
        whole_ways = [[each.known - each.asked for each in of_round] for of_round in self.ours]
        mine, theirs, families = self.after_the_answer(0.99), self.raw_log(0.99), _middle(self.families, 0.99)
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
            "as_intake_sends_p99_ms": round(families * 1000, 1),
            "as_intake_sends_p50_ms": round(_middle(self.families, 0.5) * 1000, 1),
            "ratio_to_as_intake_sends": round(mine / families, 2),
            "ours_p50_ms": round(self.after_the_answer(0.5) * 1000, 1),
            "reference_p50_ms": round(self.raw_log(0.5) * 1000, 1),
            "answered_p50_ms": round(_middle(answers, 0.5) * 1000, 1),
            "answered_p99_ms": round(_middle(answers, 0.99) * 1000, 1),
            "from_request_p50_ms": round(_middle(whole_ways, 0.5) * 1000, 1),
            "from_request_p99_ms": round(_middle(whole_ways, 0.99) * 1000, 1),
        }


async def _by_turns(
    client: _Client, logs: tuple[Echo, Echo], connections_open: int, rate: float, seconds: float, rounds: int
) -> Loaded:
    """Registrations and both kinds of raw records at the same rate; who begins changes."""
    loaded, (bare, family_of_records) = Loaded(rate, connections_open), logs

    async def register() -> None:
        await client.register(loaded, seconds)

    async def send_bare() -> None:
        loaded.raw.append(await bare(rate, seconds))

    async def send_families() -> None:
        loaded.families.append(await family_of_records(rate, seconds))

    sides = [register, send_bare, send_families]
    for number in range(rounds):
        first = number % len(sides)
        for side in sides[first:] + sides[:first]:
            await side()
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


_TELLS = """
    create or replace function bench_tell() returns trigger language plpgsql as
    $$ begin perform pg_notify('bench_seen', new.household_id::text); return null; end $$;
    create or replace trigger bench_tell after insert on household for each row execute function bench_tell();
"""
