"""2. kill -9 of relays between Kafka's acknowledgement and the deletion of what was sent, again and again."""

from __future__ import annotations

import asyncio

from tests.drills.load import DINSOS
from tests.drills.scene import Drill, DrillProcess, Scene

DRILL = Drill(2, "kill -9 of the relay between acknowledgement and deletion")
SERVICES = ("intake", "verification", "programs")
APART = {f"{service}.{DINSOS}": ("api", "worker", "relay") for service in SERVICES}
LOOK_SECONDS = 0.02


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city(roles_of=APART) as city:
        relays = [each for each in city.processes.values() if each.role == "relay"]
        async with city.load(registrations=6) as load:
            deaths = [asyncio.create_task(die_again_and_again(scene, each)) for each in relays]
            while scene.kills < scene.at_size(12, 400):
                await asyncio.sleep(LOOK_SECONDS)
            for each in deaths:
                each.cancel()
            await asyncio.gather(*deaths, return_exceptions=True)
            for relay in relays:
                await relay.kill()  # Its next death was still ahead of it.
                await relay.start()
            await load.until_paid()
            await load.stop()
        await city.settled()
        repeated = sum([(await each.metrics()).get("tuntas_repeated_total", 0) for each in city.processes.values()])
        scene.note("repeated_records_passed_over", int(repeated))
        scene.expect(repeated > 0, "A relay that dies after the acknowledgement sends a tail again.")
        await city.judge()


async def die_again_and_again(scene: Scene, relay: DrillProcess) -> None:
    """Each life sends once to three times before it ends."""
    await relay.kill()
    while True:
        relay.arm("after-publish", scene.random.randint(1, 3))
        await relay.start()
        while relay.runs:
            await asyncio.sleep(LOOK_SECONDS)
        scene.kills += 1
