"""18. Two faults at a time, of every kind that the other drills have one by one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import asyncpg

from tests.drills.load import DINSOS
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene
from tests.drills.storm import points_of

DRILL = Drill(18, "mixed chaos, two faults at a time")
APART = {f"{service}.{DINSOS}": ("api", "worker", "relay") for service in ("intake", "programs")}
Fault = Callable[[Scene, DrillCity], Awaitable[None]]


@DRILL.run
async def run(scene: Scene) -> None:
    faults: dict[str, Fault] = {
        "kill": kill,
        "die-at-a-point": die_at_a_point,
        "suspend": suspend,
        "kafka-killed": kill_kafka,
        "postgres-stopped": stop_postgres,
        "connections-ended": end_connections,
    }
    played = Counter[str]()
    async with scene.city(roles_of=APART, notes=f"programs.{DINSOS}") as city:
        async with city.load() as load:
            await load.until(acknowledged=10)
            for _ in range(scene.at_size(4, 25)):
                pair = scene.random.sample(sorted(faults), 2)
                played.update(pair)
                await asyncio.gather(*(faults[name](scene, city) for name in pair))
                await city.all_start()
                await load.until(acknowledged=10)
            await load.until_paid()
            await load.stop()
        scene.note("faults", dict(played))
        await city.settled(within=240)
        await city.judge()


async def kill(scene: Scene, city: DrillCity) -> None:
    for process in a_few(scene, city):
        await asyncio.sleep(scene.random.uniform(0, 0.5))
        await process.kill()


async def die_at_a_point(scene: Scene, city: DrillCity) -> None:
    """None of them is about to die any more when this returns: whoever has not come to its point is killed."""
    armed: list[tuple[DrillProcess, str]] = []
    for process in a_few(scene, city):
        await process.kill()
        point = scene.random.choice(points_of(process))
        process.arm(point, scene.random.randint(1, 3))
        await process.start()
        armed.append((process, point))
    await asyncio.sleep(scene.random.uniform(1, 4))
    for process, point in armed:
        # Who does not run was killed by the other fault, or died at its point.
        if not await process.kill() and process.count_death_at(point):
            deaths = scene.outcome.notes.setdefault("deaths", Counter())
            deaths[f"{process.role} {point}"] += 1


async def suspend(scene: Scene, city: DrillCity) -> None:
    """Shorter than a session or longer: whoever wakes up finds that somebody else may have gone on."""
    processes = a_few(scene, city)
    for process in processes:
        await process.suspend()
    await asyncio.sleep(scene.random.choice([1.0, 14.0]))
    for process in processes:
        await process.resume()


async def kill_kafka(scene: Scene, _: DrillCity) -> None:
    await asyncio.sleep(scene.random.uniform(0, 1))
    await scene.kafka.kill()
    await asyncio.sleep(scene.random.uniform(0, 2))
    await scene.kafka.start()


async def stop_postgres(scene: Scene, _: DrillCity) -> None:
    await asyncio.sleep(scene.random.uniform(0, 1))
    await scene.postgres.kill()
    await asyncio.sleep(scene.random.uniform(0, 1))
    await scene.postgres.start()


async def end_connections(scene: Scene, _: DrillCity) -> None:
    for _again in range(3):
        await asyncio.sleep(scene.random.uniform(0, 0.7))
        try:
            await scene.postgres.end_connections()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return  # The other fault has the whole server down.


def a_few(scene: Scene, city: DrillCity) -> list[DrillProcess]:
    return scene.random.sample(list(city.processes.values()), 3)
