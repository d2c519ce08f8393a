"""Ten minutes of as much mixed work as the machine sustains: does it slow down, does it grow?

Officers register families, correct every third and look each one up, on connections that are never idle. Verification,
programs and notifications hear of them; officers wait while more than ``IN_FLIGHT_MAX`` families are not yet known to
all of these, so that what is measured is what the slowest part of the chain sustains, and nothing piles up unseen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncpg
import orjson

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
            rates, memory = await measuring
        finally:
            for task in (*working, measuring):
                task.cancel()
            await asyncio.gather(*working, measuring, return_exceptions=True)
    return _result(rates, memory, window)


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


async def _measure(
    city: City, progress: Progress, warm_up: float, window: float, windows: int
) -> tuple[list[float], list[dict[str, float]]]:
    """Families per second of each window, and the resident MB per process before and after each."""
    await asyncio.sleep(warm_up)
    memory, rates = [_resident(city)], []
    for _ in range(windows):
        before, began = progress.everywhere, time.perf_counter()
        await asyncio.sleep(window)
        rates.append((progress.everywhere - before) / (time.perf_counter() - began))
        memory.append(_resident(city))
    return rates, memory


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


def _result(rates: list[float], memory: list[dict[str, float]], window: float) -> Result:
    part = max(1, len(rates) // 5)
    first, last = sum(rates[:part]) / part, sum(rates[-part:]) / part
    began, ended = sum(memory[0].values()), sum(memory[-1].values())
    ratio, growth = last / first, ended / began - 1
    return Result(
        name="soak",
        ours=round(ratio, 3),
        reference=None,
        unit="last ÷ first",
        ratio=round(ratio, 3),
        goal=f">= {AT_LEAST:.2f}, memory <= +{GROWTH_MAX:.0%}",
        met=ratio >= AT_LEAST and growth <= GROWTH_MAX,
        cpu_us_per_op=None,
        payload_bytes=None,
        fsync=True,
        connections=CONNECTIONS,
        rounds={"families_per_second": [round(each, 1) for each in rates]},
        notes={
            "seconds": round(window * len(rates)),
            "families": round(sum(rates) * window),
            "memory_growth": round(growth, 4),
            "memory_mb_first": round(began, 1),
            "memory_mb_last": round(ended, 1),
            **{f"{name} MB": f"{mb:.1f} to {memory[-1][name]:.1f}" for name, mb in memory[0].items()},
        },
    )


_TELLS = """
    create or replace function bench_tell() returns trigger language plpgsql as $$
    begin
        perform pg_notify('bench_heard', count(*)::text) from fresh where topic = 'TOPIC' having count(*) > 0;
        return null;
    end $$;
    create or replace trigger bench_tell after insert on kernel.heard
        referencing new table as fresh for each statement execute function bench_tell();
"""
