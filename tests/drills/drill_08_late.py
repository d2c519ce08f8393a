"""8. What comes late, and in another order across announcers, leads to the same; hearers are late, relays rest.

A relay that rests makes late what it announces and all that follows from it. A worker that hears one announcer late
hears what followed before what it followed from; how often each did is counted, and none fails the drill.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from tests.drills.lateness import Inversions, heard_by, inversions, make_late
from tests.drills.load import DINSOS
from tests.drills.looking import parked_by_reason, rebuilt
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene

DRILL = Drill(8, "events late and out of order across announcers")
ANNOUNCERS = ("intake", "verification", "programs")
APART = {
    **dict.fromkeys((f"{service}.{DINSOS}" for service in ANNOUNCERS), ("api", "worker", "relay")),
    "programs.dinkop-samarinda": ("api", "worker", "relay"),
}
HEARS_CAUSES_AND_EFFECTS = ("intake.", "programs.", "notifications.")
"""Verification has heard of a household itself before anybody else acts on it: what it can hear in another order, its
own facts and those of programs, may not come while it is late."""


@DRILL.run
async def run(scene: Scene) -> None:
    folder = scene.folder / "order"
    async with scene.city(roles_of=APART, everywhere=["hear_late", str(folder)]) as city:
        async with city.load() as load:
            first = scene.random.randrange(len(ANNOUNCERS))
            for number in range(scene.at_size(3, 21)):
                chance = scene.random_for(f"round {number}")
                hear_late(city, folder, first + number)
                await asyncio.sleep(chance.uniform(2, 4))
                hear_in_time(city, folder)
                await hold_back(chance, city)
            await load.until_paid()
            await hold_back(scene.random_for("last round"), city)
            await load.stop()
        await city.settled()
        count_inversions(scene, city, folder)
        parked = await parked_by_reason(city)
        scene.expect(not parked, f"Nothing is parked because it came late: {dict(parked)}")
        for name, done in (await rebuilt(city)).items():
            scene.expect(done.unchanged, f"{name} folds the same past to the same tables.")
        await city.judge()


def workers(city: DrillCity) -> list[DrillProcess]:
    return sorted((each for each in city.processes.values() if each.role in ("worker", "all")), key=lambda one: one.key)


def hear_late(city: DrillCity, folder: Path, number: int) -> None:
    """Every worker is late with one announcer; in three rounds with each of them once."""
    for place, worker in enumerate(workers(city)):
        make_late(folder, worker.pid, [ANNOUNCERS[(place + number) % len(ANNOUNCERS)]])


def hear_in_time(city: DrillCity, folder: Path) -> None:
    for worker in workers(city):
        make_late(folder, worker.pid, [])


async def hold_back(chance: Random, city: DrillCity) -> None:
    """Some relays rest while the others go on; they are released one after the other, in another order."""
    held = chance.sample(ANNOUNCERS, chance.randint(1, len(ANNOUNCERS) - 1))
    for service in held:
        relay = city.processes[f"{service}.{DINSOS}/relay"]
        await chance.choice((relay.stop, relay.suspend))()
    await asyncio.sleep(chance.uniform(2, 4))
    for service in chance.sample(held, len(held)):
        relay = city.processes[f"{service}.{DINSOS}/relay"]
        await relay.resume()
        await relay.start()
        await asyncio.sleep(chance.uniform(0, 1))


def count_inversions(scene: Scene, city: DrillCity, folder: Path) -> None:
    """Call it when the city is settled, and before anybody hears anything again."""
    found: dict[str, Inversions] = {}
    for worker in workers(city):
        heard = heard_by(folder, worker.pid)
        scene.expect(heard, f"{worker.name} wrote down what it heard.")
        found[worker.name] = inversions(heard)
    scene.note("inversions", {name: each._asdict() for name, each in sorted(found.items())})
    for name, each in found.items():
        if name.startswith(HEARS_CAUSES_AND_EFFECTS):
            scene.expect(sum(each), f"{name} heard something before what came before it, of another announcer.")
    caused = sum(each.before_its_cause for each in found.values())
    scene.expect(caused, "Somebody heard a fact before the fact of another announcer that it followed from.")
