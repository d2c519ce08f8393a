"""Ten minutes of as much mixed work as the machine sustains: does it slow down, does it grow?

Officers register families, correct every third and look each one up, on connections that are never idle. Verification,
programs and notifications hear of them; officers wait while more than ``IN_FLIGHT_MAX`` families are not yet known to
all of these, so that what is measured is what the slowest part of the chain sustains, and nothing piles up unseen.

On a machine that others use the rates say little about us. What a family that is registered costs the client is a rough
yardstick: the client does nearly the same for each, first and last, and is none of ours. The notes say how fast the
machine was by it, and what the ratio would have been had it stayed as fast; the goal is judged by the ratio as it was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any

import asyncpg
import orjson
import psutil

from benchmarks.families import family
from benchmarks.load_client import Connection, connections, token_of
from benchmarks.measuring import Result
from benchmarks.town import AGENCY, database_of, town
from benchmarks.workplace import Workplace
from local.city import City

CONNECTIONS = 6
IN_FLIGHT_MAX = 300
HEARERS = ("verification", "programs", "notifications")
AT_LEAST = 0.95
GROWTH_MAX = 0.05


async def run(workplace: Workplace) -> Result:
    """Families known everywhere per second: the last fifth of the time against the first."""
    warm_up, window = workplace.at_size(4, 60), workplace.at_size(2, 60)
    windows = workplace.at_size(5, 10)
    async with town(workplace, "intake", *HEARERS) as city, AsyncExitStack() as open_:
        progress = Progress()
        for service in HEARERS:
            topic = f"{workplace.root}.intake.{AGENCY}"
            await open_.enter_async_context(_counted(database_of(city, service), topic, service, progress))
        url = city.url("intake", AGENCY)
        officers = await open_.enter_async_context(connections(url, token_of(city), CONNECTIONS))
        numbers = count()
        working = [asyncio.create_task(_work(each, numbers, progress)) for each in officers]
        measuring = asyncio.create_task(_measure(city, progress, warm_up, window, windows))
        try:
            await asyncio.wait([measuring, *working], return_when=asyncio.FIRST_COMPLETED)
            done = [each for each in working if each.done()]
            for each in done:
                each.result()
            windows_seen = await measuring
        finally:
            for task in (*working, measuring):
                task.cancel()
            await asyncio.gather(*working, measuring, return_exceptions=True)
    return _result(windows_seen)


@dataclass
class Progress:
    """How many families were registered, and how many of them each hearer knows."""

    registered: int = 0
    heard: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HEARERS, 0))
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def everywhere(self) -> int:
        return min(self.heard.values())

    def tell(self, service: str, more: int) -> None:
        self.heard[service] += more
        self.moved.set()

    async def room(self) -> None:
        """Until so few families are on their way that another one may follow."""
        while self.registered - self.everywhere > IN_FLIGHT_MAX:
            self.moved.clear()
            await self.moved.wait()


async def _work(officer: Connection, numbers: count[int], progress: Progress) -> None:
    while True:
        await progress.room()
        number = next(numbers)
        made = await _expect(201, officer.post("/api/v1/households", family(number)))
        progress.registered += 1
        path = f"/api/v1/households/{made['household_id']}"
        if number % 3 == 0:
            change = {"revision": 1, "reason": "roster-corrected", "decile": 5}
            await _expect(201, officer.post(f"{path}/corrections", change))
        await _expect(200, officer.get(path))


async def _expect(wanted: int, answering: Any) -> dict[str, Any]:
    status, content = await answering
    if status != wanted:
        raise AssertionError(f"{status} instead of {wanted}: {content[:500]!r}")
    answer: dict[str, Any] = orjson.loads(content)
    return answer


@dataclass(frozen=True)
class Look:
    """How far everybody is at a moment, what our processes have used and hold, and what this one, the client, has."""

    at: float
    known: int
    registered: int
    cpu_seconds: float
    client_cpu_seconds: float
    resident_mb: dict[str, float]

    @classmethod
    def now(cls, city: City, progress: Progress) -> Look:
        processes = [psutil.Process(each.process.pid) for each in city.deployed.values() if each.process is not None]
        used = [each.cpu_times() for each in processes]
        cpu_seconds = sum(each.user + each.system for each in used)
        known, registered = progress.everywhere, progress.registered
        return cls(time.perf_counter(), known, registered, cpu_seconds, time.process_time(), _resident(city))


async def _measure(city: City, progress: Progress, warm_up: float, window: float, windows: int) -> list[Look]:
    """A look at the end of the warm-up, and one after each window."""
    await asyncio.sleep(warm_up)
    looks = [Look.now(city, progress)]
    for _ in range(windows):
        await asyncio.sleep(window)
        looks.append(Look.now(city, progress))
    return looks


def _resident(city: City) -> dict[str, float]:
    return {name: each.resident_mb() for name, each in city.deployed.items()}


@asynccontextmanager
async def _counted(dsn: str, topic: str, service: str, progress: Progress) -> AsyncIterator[None]:
    """Every new mark of intake's topic is a family that this service has heard of: its commit tells how many."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_TELLS.replace("TOPIC", topic))
        await connection.add_listener("bench_heard", lambda *told: progress.tell(service, int(told[-1])))
        yield
    finally:
        connection.terminate()


def _result(looks: list[Look]) -> Result:
    part = max(1, (len(looks) - 1) // 5)
    first, last = (looks[0], looks[part]), (looks[-1 - part], looks[-1])
    began, ended = (sum(each.resident_mb.values()) for each in (looks[0], looks[-1]))
    # A first window in which nothing was done is told as it is, and not by an error.
    ratio, growth = _rate(*last) / (_rate(*first) or float("inf")), ended / began - 1
    speed = _client_cpu_us(*first) / _client_cpu_us(*last)
    return Result(
        name="soak",
        ours=round(ratio, 3),
        reference=None,
        unit="last ÷ first",
        ratio=round(ratio, 3),
        goal=f">= {AT_LEAST:.2f}, memory <= +{GROWTH_MAX:.0%}",
        met=ratio >= AT_LEAST and growth <= GROWTH_MAX,
        cpu_us_per_op=round(_cpu_us(looks[0], looks[-1]), 1),
        payload_bytes=None,
        connections=CONNECTIONS,
        rounds={"families_per_second": [round(_rate(*each), 1) for each in pairwise(looks)]},
        notes={
            "connections_are": "of HTTP clients",
            "seconds": round(looks[-1].at - looks[0].at),
            "families": looks[-1].known - looks[0].known,
            "cpu_us_a_family_first": round(_cpu_us(*first), 1),
            "cpu_us_a_family_last": round(_cpu_us(*last), 1),
            "client_cpu_us_a_family_first": round(_client_cpu_us(*first), 1),
            "client_cpu_us_a_family_last": round(_client_cpu_us(*last), 1),
            "machine_speed_last_to_first": round(speed, 3),
            "ratio_at_equal_speed": round(ratio / speed, 3),
            "memory_growth": round(growth, 4),
            "memory_mb_first": round(began, 1),
            "memory_mb_last": round(ended, 1),
            **{
                f"{name} {what}": value
                for name, mb in looks[0].resident_mb.items()
                for what, value in _grown(mb, looks[-1].resident_mb[name]).items()
            },
        },
    )


def _grown(first_mb: float, last_mb: float) -> dict[str, float]:
    """Of one service, what is told of all together."""
    return {
        "memory_growth": round(last_mb / first_mb - 1, 4),
        "memory_mb_first": round(first_mb, 1),
        "memory_mb_last": round(last_mb, 1),
    }


def _rate(began: Look, ended: Look) -> float:
    return (ended.known - began.known) / (ended.at - began.at)


def _cpu_us(began: Look, ended: Look) -> float:
    return (ended.cpu_seconds - began.cpu_seconds) * 1e6 / max(1, ended.known - began.known)


def _client_cpu_us(began: Look, ended: Look) -> float:
    return (ended.client_cpu_seconds - began.client_cpu_seconds) * 1e6 / max(1, ended.registered - began.registered)


_TELLS = """
    create or replace function bench_tell() returns trigger language plpgsql as $$
    begin
        perform pg_notify('bench_heard', count(*)::text) from fresh where topic = 'TOPIC' having count(*) > 0;
        return null;
    end $$;
    create or replace trigger bench_tell after insert on kernel.heard
        referencing new table as fresh for each statement execute function bench_tell();
"""
