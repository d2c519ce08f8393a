"""1. kill -9 of each service and role, at random moments and at each named point of an event's way."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.drills.load import DINSOS
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene, Size
from tests.drills.storm import REACHES, SHORT_SESSION, points_of, storm

DRILL = Drill(1, "kill -9 of each service and role")
ROLES = ("api", "worker", "relay")
APART = {f"{service}.{DINSOS}": ROLES for service in ("intake", "programs")}
ALL_APART = {f"{service}.{DINSOS}": ROLES for service in ("intake", "verification", "programs")}
NOTES = f"programs.{DINSOS}"
FILES: dict[Size, int] = {"large": 3, "huge": 12}
"""Of 2,000 families each, from a row of the file to the bank's answer: some ten events a family."""
SETTLES_WITHIN_SECONDS: dict[Size, float] = {"large": 300, "huge": 1_200}
POINT_WITHIN_SECONDS = 90.0
BUSY = f"intake.{DINSOS}"
"""Where every family passes; elsewhere the first time at a point may be the only one for a while."""
BUSY_ONE_BY_ONE = {
    "api": BUSY, "relay": BUSY, "worker": f"verification.{DINSOS}", "all": "programs.dinkop-samarinda",
}  # fmt: skip
"""Who has something to do while families are registered one by one, and nobody visits them."""
LIVES_SECONDS = 2.0


@DRILL.run
async def run(scene: Scene) -> None:
    deaths = await (few_lives(scene) if scene.size == "small" else a_storm(scene))
    scene.note("deaths", dict(sorted(deaths.items())))


async def few_lives(scene: Scene) -> Counter[str]:
    """Small: each process dies a few times, once at each point of its role."""
    deaths = Counter[str]()
    async with scene.city(roles_of=APART, everywhere=SHORT_SESSION, notes=NOTES) as city:
        async with city.load() as load:
            await load.until(acknowledged=10)
            await live_and_die(scene, city, deaths)
            await load.until(acknowledged=20)
            await load.until_paid()
            await load.stop()
        expect_all_points(scene, city, deaths)
        await city.settled()
        await city.judge()
    return deaths


async def a_storm(scene: Scene) -> Counter[str]:
    """Thousands of families go from a file to the bank's answer while somebody dies all the time.

    Large: whenever the city has used one and a half seconds of CPU. Huge: many more families, and five seconds. Where
    chance left a point out, somebody dies there afterwards, while families go on to be registered.
    """
    async with scene.city(roles_of=ALL_APART, everywhere=SHORT_SESSION, notes=NOTES) as city:
        async with city.bulk_load(files=FILES[scene.size]) as load:
            async with storm(scene, city) as raging:
                done = await load.until_all_are_paid()
            await die_where_nobody_did(scene, city, raging.deaths)
            await load.stop()
        expect_all_points(scene, city, raging.deaths)
        scene.expect(done, f"All families of the files are paid: {len(load.paid)} of {load.imported}.")
        await city.settled(within=SETTLES_WITHIN_SECONDS[scene.size])
        await city.judge()
    return raging.deaths


async def live_and_die(scene: Scene, city: DrillCity, deaths: Counter[str]) -> None:
    """Each process lives through its share of the points of its role."""
    await asyncio.gather(*(_lives(scene, *lot, deaths) for lot in draw(scene, city)))


async def die_where_nobody_did(scene: Scene, city: DrillCity, deaths: Counter[str]) -> None:
    """A life for each point of each role at which the storm had nobody die."""
    missed = unseen(city, deaths)
    scene.note("died_after_the_storm", missed)
    lots = [(city.of(BUSY_ONE_BY_ONE[role], role)[0], points) for role, points in missed.items()]
    await asyncio.gather(*(_lives(scene, one, points, deaths) for one, points in lots))


def unseen(city: DrillCity, deaths: Counter[str]) -> dict[str, list[str]]:
    """The points of each role that somebody of the city comes to, and at which nobody died."""
    found: dict[str, list[str]] = {}
    for process in city.processes.values():
        for point in points_of(process):
            if not deaths[f"{process.role} {point}"] and point not in found.setdefault(process.role, []):
                found[process.role].append(point)
    return {role: points for role, points in found.items() if points}


def expect_all_points(scene: Scene, city: DrillCity, deaths: Counter[str]) -> None:
    for role, points in unseen(city, deaths).items():
        scene.expect(False, f"A process of role {role} dies at each of its points, and not at {points}.")


def draw(scene: Scene, city: DrillCity) -> list[tuple[DrillProcess, list[str]]]:
    """Deal the points of each role to its processes, in random order and evenly."""
    lots: list[tuple[DrillProcess, list[str]]] = [(each, []) for each in city.processes.values()]
    for role, points in REACHES.items():
        for point in scene.random.sample(points, len(points)):
            able = [lot for lot in lots if lot[0].role == role and point in points_of(lot[0])]
            min(able, key=lambda lot: len(lot[1]))[1].append(point)
    return lots


async def _lives(scene: Scene, process: DrillProcess, points: list[str], deaths: Counter[str]) -> None:
    """One death at a random moment, then one at each point; where nothing comes to a point, it is killed there."""
    for point in points:
        await asyncio.sleep(scene.random.uniform(0.05, LIVES_SECONDS))
        await kill(process, deaths)
        process.arm(point, scene.random.randint(1, 3) if process.name == BUSY else 1)
        await process.start()
        if await process.ends_within(POINT_WITHIN_SECONDS):
            died = process.count_death_at(point)
            scene.expect(died, f"{process.key} ended by itself, not {point}.")
            deaths[f"{process.role} {point}"] += died
        else:
            await kill(process, deaths)
        await process.start()


async def kill(process: DrillProcess, deaths: Counter[str]) -> None:
    if await process.kill():
        deaths[f"{process.role} at random"] += 1
