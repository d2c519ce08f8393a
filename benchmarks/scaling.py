"""The same part more than once: events a second of 1, 2 and 4 workers, requests a second of 1 and 2 api processes.

Workers are processes of `tuntas serve programs --role worker` in one consumer group. Each measurement is over a backlog
of its own, three facts of each family as in a family's day: registered, updated, verified. All workers have joined and
hold their first batch before the clock runs: a lock that hearing shares with rebuilds is held until the backlog lies
there, and it runs until the last offset is committed. Api processes are intake's, registering families.

More processes than processors cannot be quicker: what an event or a request costs each process, PostgreSQL and Kafka
is told, so that a reader can work out what a larger machine does.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any, Final
from uuid import uuid4

import asyncpg
import psutil
from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.bus import Bus
from benchmarks.families import family
from benchmarks.load_client import Connection, connections, token_of
from benchmarks.measuring import Result
from benchmarks.town import AGENCY, database_of, town
from benchmarks.workplace import Workplace
from local.city import City, Deployed
from local.stack.processes import free_ports
from shared.events.intake import HouseholdRegistered, HouseholdUpdated
from shared.events.topics import consumer_group
from shared.events.verification import HouseholdVerified
from shared.messaging.heard import REBUILD_LOCK

WORKERS: Final = (1, 2, 4)
APIS: Final = (1, 2)
CONNECTIONS: Final = 8
FACTS: Final = (HouseholdRegistered, HouseholdUpdated, HouseholdVerified)
LOOK_SECONDS: Final = 0.05
PATIENCE_SECONDS: Final = 300
_GROUP_STABLE: Final = "Stable"


@dataclass(frozen=True)
class Measured:
    """One backlog, or one stretch of requests, by so many processes."""

    operations: int
    seconds: float
    cpu_us: tuple[float, ...]
    """CPU of each process per operation of all."""
    postgres_us: float
    kafka_us: float

    @property
    def per_second(self) -> float:
        return self.operations / self.seconds


async def run(workplace: Workplace) -> Result:
    """Events and requests per second by number of processes; there is no reference but the single process."""
    load_before = os.getloadavg()[0]
    roles = {f"intake.{AGENCY}": ("api",), f"verification.{AGENCY}": (), f"programs.{AGENCY}": ("worker",)}
    async with town(workplace, "intake", "verification", "programs", roles_of=roles) as city:
        servers = Servers.of(workplace)
        heard = await _workers(workplace, city, servers)
        answered = await _apis(workplace, city, servers)
    one, two = (statistics.median(each.per_second for each in heard[number]) for number in (1, 2))
    notes: dict[str, float | int | str] = {
        "connections_are": "of HTTP clients",
        "processors": os.cpu_count() or 0,
        "load_before": round(load_before, 1),
    }
    for number, found in heard.items():
        notes |= _told(f"{number} workers", "events", found)
    for number, found in answered.items():
        notes |= _told(f"{number} apis", "requests", found)
    return Result(
        name="scaling",
        ours=round(two, 1),
        reference=round(one, 1),
        unit="events/s, 2 workers and 1",
        ratio=round(two / one, 3),
        goal="none: published",
        met=None,
        cpu_us_per_op=round(statistics.median(sum(each.cpu_us) for each in heard[1]), 1),
        payload_bytes=None,
        connections=CONNECTIONS,
        rounds={f"{number} workers": [round(each.per_second, 1) for each in found] for number, found in heard.items()},
        notes=notes,
    )


def _told(name: str, what: str, found: list[Measured]) -> dict[str, float | int | str]:
    middle = sorted(found, key=lambda each: each.per_second)[len(found) // 2]
    return {
        f"{name}: {what}/s": round(middle.per_second, 1),
        f"{name}: CPU us each": " + ".join(f"{each:.1f}" for each in middle.cpu_us),
        f"{name}: CPU us of PostgreSQL": round(middle.postgres_us, 1),
        f"{name}: CPU us of Kafka": round(middle.kafka_us, 1),
        f"{name}: processors busy": round(_busy(middle), 2),
    }


def _busy(one: Measured) -> float:
    return (sum(one.cpu_us) + one.postgres_us + one.kafka_us) * one.per_second / 1e6


@dataclass(frozen=True)
class Servers:
    """The two servers as processes, to tell what they use; None where one is not on this machine."""

    postgres: psutil.Process | None
    kafka: psutil.Process | None

    @classmethod
    def of(cls, workplace: Workplace) -> Servers:
        return cls(_listening_at(workplace.stack.postgres.place), _listening_at(workplace.stack.kafka_bootstrap))

    def used(self) -> tuple[float, float]:
        """CPU seconds of PostgreSQL and of Kafka, with their processes and those that have ended."""
        return _used(self.postgres), _used(self.kafka)


def _used(server: psutil.Process | None) -> float:
    if server is None:
        return 0.0
    own = server.cpu_times()
    live = [each.cpu_times() for each in server.children(recursive=True)]
    return sum(each.user + each.system for each in (own, *live)) + own.children_user + own.children_system


def _listening_at(place: str) -> psutil.Process | None:
    port = int(place.rpartition(":")[2])
    for each in psutil.net_connections("tcp"):
        if each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,) and each.pid:
            return psutil.Process(each.pid)
    return None


class Meter:
    """Clock and CPU of processes and servers, from ``begin`` to ``end``."""

    def __init__(self, processes: list[psutil.Process], servers: Servers) -> None:
        self._processes, self._servers = processes, servers

    def begin(self) -> None:
        self._used = self._now()
        self._began = time.perf_counter()

    def end(self, operations: int) -> Measured:
        seconds = time.perf_counter() - self._began
        spent = [(after - before) * 1e6 / operations for before, after in zip(self._used, self._now(), strict=True)]
        return Measured(operations, seconds, tuple(spent[2:]), spent[0], spent[1])

    def _now(self) -> list[float]:
        times = [each.cpu_times() for each in self._processes]
        return [*self._servers.used(), *(each.user + each.system for each in times)]


async def _workers(workplace: Workplace, city: City, servers: Servers) -> dict[int, list[Measured]]:
    households = workplace.at_size(300, 10_000)
    found: dict[int, list[Measured]] = {number: [] for number in WORKERS}
    bus = Bus(workplace)
    admin = AIOKafkaAdminClient(**workplace.stack.kafka.aiokafka())
    await admin.start()
    try:
        group = Group(admin, consumer_group(workplace.root, "programs", AGENCY), bus)
        # The first backlog of all fills plans and caches.
        await _alike(city, f"programs.{AGENCY}/worker", 1)
        await _hear(city, group, servers, 1, workplace.at_size(50, 1_000))
        for turn in range(workplace.at_size(1, 3)):
            for number in WORKERS if turn % 2 == 0 else WORKERS[::-1]:
                await _alike(city, f"programs.{AGENCY}/worker", number)
                found[number].append(await _hear(city, group, servers, number, households))
        await _alike(city, f"programs.{AGENCY}/worker", 0)
    finally:
        await admin.close()
    return found


@dataclass
class Group:
    """The workers' consumer group, and how much lies before it."""

    admin: Any
    name: str
    bus: Bus
    said: int = 0

    async def fill(self, households: int) -> int:
        ids = [uuid4() for _ in range(households)]
        facts = [(fact, each, _changes(fact, str(each))) for fact in FACTS for each in ids]
        await self.bus.fill(facts)
        self.said += len(facts)
        return len(facts)

    async def joined(self, number: int) -> bool:
        """Whether so many are in it, and each knows its partitions."""
        [answer] = await self.admin.describe_consumer_groups([self.name])
        [group] = answer.to_object()["groups"]
        return (group["state"], len(group["members"])) == (_GROUP_STABLE, number)

    async def heard_all(self) -> bool:
        topics = {self.bus.topic("intake"), self.bus.topic("verification")}
        offsets = await self.admin.list_consumer_group_offsets(self.name)
        heard = sum(meta.offset for place, meta in offsets.items() if place.topic in topics and meta.offset > 0)
        return bool(heard == self.said)


def _changes(fact: type[Any], household: str) -> dict[str, Any]:
    changes: dict[str, Any] = {"household_id": household}
    return changes | ({"revision": 2} if fact is HouseholdUpdated else {})


async def _hear(city: City, group: Group, servers: Servers, number: int, households: int) -> Measured:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await until(lambda: group.joined(number))
        connection = await asyncpg.connect(database_of(city, "programs"))
        try:
            await connection.execute("select pg_advisory_lock($1)", REBUILD_LOCK)
            events = await group.fill(households)
            await until(lambda: _waiting(connection, number))
            meter = Meter(processes_of(city, f"programs.{AGENCY}/worker"), servers)
            meter.begin()
            await connection.execute("select pg_advisory_unlock($1)", REBUILD_LOCK)
            await until(group.heard_all)
            return meter.end(events)
        finally:
            await connection.close()


async def _waiting(connection: Any, number: int) -> bool:
    """Whether so many workers have a batch in hand and wait for the lock."""
    return bool(await connection.fetchval(_WAITING) == number)


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    # Servers are asked: nothing tells of these.
    while not await is_so():  # noqa: ASYNC110
        await asyncio.sleep(LOOK_SECONDS)


async def _apis(workplace: Workplace, city: City, servers: Servers) -> dict[int, list[Measured]]:
    seconds = workplace.at_size(2, 10)
    found: dict[int, list[Measured]] = {number: [] for number in APIS}
    numbers = count()
    await _register(city, servers, numbers, 1)
    for turn in range(workplace.at_size(1, 3)):
        for number in APIS if turn % 2 == 0 else APIS[::-1]:
            await _alike(city, f"intake.{AGENCY}/api", number)
            # A process that has just started fills its caches first.
            await _register(city, servers, numbers, workplace.at_size(1, 3))
            found[number].append(await _register(city, servers, numbers, seconds))
    return found


async def _register(city: City, servers: Servers, numbers: Iterator[int], seconds: float) -> Measured:
    """All connections, shared out over the processes, register one family after another."""
    key = f"intake.{AGENCY}/api"
    running = [each for name, each in city.deployed.items() if name.startswith(key) and _runs(each)]
    done = 0

    async def one_after_another(connection: Connection, until: float) -> None:
        nonlocal done
        while time.perf_counter() < until:
            status, answer = await connection.post("/api/v1/households", family(next(numbers)))
            if status != 201:
                raise RuntimeError(f"{status}: {answer[:300]!r}")
            done += 1

    async with AsyncExitStack() as stack:
        open_: list[Connection] = []
        for each in running:
            mine = connections(each.url, token_of(city), CONNECTIONS // len(running))
            open_ += await stack.enter_async_context(mine)
        meter = Meter(processes_of(city, key), servers)
        meter.begin()
        until = time.perf_counter() + seconds
        await asyncio.gather(*(one_after_another(each, until) for each in open_))
        return meter.end(done)


async def _alike(city: City, key: str, number: int) -> None:
    """Have so many processes like the first of this name: some are started, or some stop."""
    first = city.deployed[key]
    names = [key, *(f"{key}-{place}" for place in range(2, number + 1))]
    for name, each in city.deployed.items():
        if name.startswith(key) and name not in names[:number] and _runs(each):
            await asyncio.to_thread(each.stop)
    for name in names[:number]:
        if name not in city.deployed:
            port = str(free_ports(1)[0])
            log = first.log.with_name(f"{name.replace('/', '.')}.log")
            env = {**first.env, "TUNTAS_HTTP_PORT": port}
            city.deployed[name] = Deployed(first.name, first.role, f"http://127.0.0.1:{port}", log, env)
        if not _runs(city.deployed[name]):
            city.deployed[name].start()
    await city.wait_ready(names[:number])


def processes_of(city: City, key: str) -> list[psutil.Process]:
    return [
        psutil.Process(each.process.pid)
        for name, each in city.deployed.items()
        if name.startswith(key) and each.process is not None and _runs(each)
    ]


def _runs(deployed: Deployed) -> bool:
    return deployed.process is not None and deployed.process.poll() is None


_WAITING = """
    select count(*) from pg_locks join pg_database on pg_database.oid = pg_locks.database
    where locktype = 'advisory' and not granted and datname = current_database()
"""
