"""8. What comes late, and in another order across announcers, leads to the same: relays rest and go on by seed."""

from __future__ import annotations

import asyncio

from tests.drills.looking import parked_by_reason, rebuilt
from tests.drills.scene import Drill, DrillCity, Scene

DRILL = Drill(8, "events late and out of order across announcers")
ANNOUNCERS = (
    "intake.dinsos-samarinda",
    "verification.dinsos-samarinda",
    "programs.dinsos-samarinda",
    "programs.dinkop-samarinda",
)
APART = dict.fromkeys(ANNOUNCERS, ("api", "worker", "relay"))


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city(roles_of=APART) as city:
        async with city.load() as load:
            for _ in range(scene.at_size(3, 20)):
                await hold_back(scene, city)
            await load.until_paid()
            await hold_back(scene, city)
            await load.stop()
        await city.settled()
        parked = await parked_by_reason(city)
        scene.expect(not parked, f"Nothing is parked because it came late: {dict(parked)}")
        for name, done in (await rebuilt(city)).items():
            scene.expect(done.unchanged, f"{name} folds the same past to the same tables.")
        await city.judge()


async def hold_back(scene: Scene, city: DrillCity) -> None:
    """Some relays rest while the others go on; they are released one after the other, in another order."""
    held = scene.random.sample(ANNOUNCERS, scene.random.randint(1, len(ANNOUNCERS) - 1))
    for name in held:
        relay = city.processes[f"{name}/relay"]
        await scene.random.choice((relay.stop, relay.suspend))()
    await asyncio.sleep(scene.random.uniform(2, 4))
    for name in scene.random.sample(held, len(held)):
        relay = city.processes[f"{name}/relay"]
        await relay.resume()
        await relay.start()
        await asyncio.sleep(scene.random.uniform(0, 1))
