"""1. kill -9 of each service and role, at random moments and at each named point of an event's way."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
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
ANNOUNCES_NOTHING = {f"notifications.{DINSOS}", "programs.dinkop-samarinda"}
"""Deployments of the city that only listen here: none of their processes comes to a point of the relay."""
POINT_WITHIN_SECONDS = 90.0
"""A killed consumer's group waits ten seconds for it before the next life hears anything, and others wait for that."""
BUSY = f"intake.{DINSOS}"
"""Where every family passes; elsewhere the first time at a point may be the only one for a while."""
LIVES_SECONDS = 2.0
LOOK_SECONDS = 0.05


@DRILL.run
async def run(scene: Scene) -> None:
    deaths = Counter[str]()
    async with scene.city(roles_of=APART) as city:
        async with city.load() as load:
            await load.until(acknowledged=10)
            await live_and_die(scene, city, deaths)
            await load.until(acknowledged=20)
            await load.until_paid()
            await load.stop()
        await city.settled()
        await city.judge()
    scene.note("deaths", dict(sorted(deaths.items())))
    for role, points in REACHES.items():
        unseen = [point for point in points if not deaths[f"{role} {point}"]]
        scene.expect(not unseen, f"A process of role {role} dies at each of its points, and not at {unseen}.")


async def live_and_die(scene: Scene, city: DrillCity, deaths: Counter[str]) -> None:
    """Each process lives through its share of the points of its role; who is done sooner begins again, if large."""
    lots = draw(scene, city)
    consumers = [asyncio.create_task(_lives(scene, *lot, deaths)) for lot in lots if lot[0].role in ("worker", "all")]
    others = [lot for lot in lots if lot[0].role not in ("worker", "all")]
    while True:
        await asyncio.gather(*(_lives(scene, *lot, deaths) for lot in others))
        if scene.size == "small" or all(each.done() for each in consumers):
            break
    await asyncio.gather(*consumers)


def draw(scene: Scene, city: DrillCity) -> list[tuple[DrillProcess, list[str]]]:
    """Deal the points of each role to its processes, in random order and evenly, once or several times."""
    lots: list[tuple[DrillProcess, list[str]]] = [(each, []) for each in city.processes.values()]
    for role, points in REACHES.items():
        for _ in range(scene.at_size(1, 6)):
            for point in scene.random.sample(points, len(points)):
                able = [lot for lot in lots if lot[0].role == role and comes_to(lot[0], point)]
                min(able, key=lambda lot: len(lot[1]))[1].append(point)
    return lots


def comes_to(process: DrillProcess, point: str) -> bool:
    return not (point.endswith("-publish") and process.name in ANNOUNCES_NOTHING)


async def _lives(scene: Scene, process: DrillProcess, points: list[str], deaths: Counter[str]) -> None:
    """One death at a random moment, then one at each point; where nothing comes to a point, it is killed there."""
    for point in points:
        await asyncio.sleep(scene.random.uniform(0.05, LIVES_SECONDS))
        await kill(scene, process, deaths)
        process.arm(point, scene.random.randint(1, 3) if process.name == BUSY else 1)
        await process.start()
        if await dies_within(process, POINT_WITHIN_SECONDS):
            scene.kills += 1
            deaths[f"{process.role} {point}"] += 1
        else:
            await kill(scene, process, deaths)
        await process.start()


async def kill(scene: Scene, process: DrillProcess, deaths: Counter[str]) -> None:
    await process.kill()
    scene.kills += 1
    deaths[f"{process.role} at random"] += 1


async def dies_within(process: DrillProcess, seconds: float) -> bool:
    """Whether it ends by itself."""
    ends_at = time.monotonic() + seconds
    while process.runs:
        if time.monotonic() > ends_at:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True
