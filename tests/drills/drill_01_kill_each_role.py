"""1. kill -9 of each service and role, at random moments and at each named point of an event's way."""

from __future__ import annotations

import asyncio
from typing import get_args

from shared.messaging.points import Point
from tests.drills.load import DINSOS
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene

DRILL = Drill(1, "kill -9 of each service and role")
APART = {f"{service}.{DINSOS}": ("api", "worker", "relay") for service in ("intake", "programs")}
REACHES: dict[str, tuple[str, ...]] = {
    "api": ("before-database-commit", "after-database-commit"),
    "relay": ("before-publish", "after-publish"),
    "worker": (
        "after-read", "before-database-commit", "after-database-commit", "before-offset-commit", "after-offset-commit",
    ),
    "all": get_args(Point),
}  # fmt: skip
"""Which points a process of a role comes to."""
POINT_WITHIN_SECONDS = 15.0


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city(roles_of=APART) as city:
        async with city.load() as load:
            await load.until(acknowledged=10)
            for _ in range(scene.at_size(1, 12)):
                await kill_everybody_once(scene, city)
            await load.until(acknowledged=20)
        await city.settled()
        await city.judge()


async def kill_everybody_once(scene: Scene, city: DrillCity) -> None:
    """Each process at a random moment, and then where a point lets it die by itself."""
    processes = list(city.processes.values())
    scene.random.shuffle(processes)
    for process in processes:
        await asyncio.sleep(scene.random.uniform(0.05, 0.6))
        await process.kill()
        scene.kills += 1
        await die_at_a_point(scene, process)


async def die_at_a_point(scene: Scene, process: DrillProcess) -> None:
    """Start it with a death ahead of it, and start it again when it has died; one that nothing reaches lives on."""
    process.arm(scene.random.choice(REACHES[process.role]), scene.random.randint(1, 3))
    await process.start()
    asyncio.get_running_loop().create_task(_again(scene, process))


async def _again(scene: Scene, process: DrillProcess) -> None:
    for _ in range(int(POINT_WITHIN_SECONDS / 0.1)):
        if not process.runs:
            scene.kills += 1
            await process.start()
            return
        await asyncio.sleep(0.1)
