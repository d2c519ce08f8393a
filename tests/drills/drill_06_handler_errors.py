"""6. Handlers fail on every tenth event: who fails once is done again alone, who fails for good waits for the mend."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.drills.looking import parked_by_reason, rebuilt, redrive_all
from tests.drills.scene import Drill, DrillCity, Scene

DRILL = Drill(6, "handler errors on 10 % of events")
ROUNDS_MAX = 50


@DRILL.run
async def run(scene: Scene) -> None:
    folder = scene.folder / "handlers"
    folder.mkdir()
    async with scene.city() as city:
        await break_all(city, ["fail_handlers", str(scene.seed), str(folder)])
        async with city.load() as load:
            load.waits_s = 2.0
            await asyncio.sleep(scene.at_size(8, 60))
            await load.stop()
            await city.settled()
            parked = await parked_by_reason(city)
            scene.note("parked", dict(parked))
            scene.expect(parked["handler-failed"] > 0, "Handlers that fail for good have their records parked.")
            scene.expect(not set(parked) - {"handler-failed", "behind"}, f"Nothing else is parked: {dict(parked)}")
            scene.note("redriven", await mend(scene, city, folder))
            # Nothing is left that a family could wait for in vain: now every list is paid.
            load.waits_s = float("inf")
            load.go_on()
            await load.until_paid()
            await load.stop()
        await city.settled()
        for name, done in (await rebuilt(city)).items():
            scene.expect(done.unchanged, f"{name} folds the same past to the same tables.")
        await city.judge()


async def break_all(city: DrillCity, fault: list[str]) -> None:
    for process in city.processes.values():
        await process.kill()
        process.deployed.fault = fault
    await city.all_start()


async def mend(scene: Scene, city: DrillCity, folder: Path) -> int:
    """Mend the handlers and re-drive what waits, until what that announced is heard, too; how many records."""
    (folder / "mended").touch()
    redriven = 0
    for _ in range(ROUNDS_MAX):
        redriven += await redrive_all(city)
        await city.settled()
        if not await parked_by_reason(city):
            break
    left = await parked_by_reason(city)
    scene.expect(not left, f"After the mend everything is handled: {dict(left)}")
    return redriven
