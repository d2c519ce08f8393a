"""2. kill -9 of relays before, while and after they send: all around Kafka's acknowledgement, again and again."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.drills.faults import WHILE_SENDING
from tests.drills.load import DINSOS
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene

DRILL = Drill(2, "kill -9 of the relay around the acknowledgement")
SERVICES = ("intake", "verification", "programs")
APART = {f"{service}.{DINSOS}": ("api", "worker", "relay") for service in SERVICES}
MOMENTS = ("before-publish", WHILE_SENDING, "after-publish")
"""Rows are taken and nothing is sent; sent and not acknowledged; acknowledged and not deleted."""
SENDS_WITHIN_MS = 4.0
"""About as long as an acknowledgement takes here: a death comes before, in the middle of, or just after it."""
LOOK_SECONDS = 0.02


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city(roles_of=APART) as city:
        deaths = Counter[str]()
        async with city.load(registrations=6) as load:
            await relays_die(scene, city, deaths)
            await load.until_paid()
            await load.stop()
        await city.settled()
        repeated = sum([(await each.metrics()).get("tuntas_repeated_total", 0) for each in city.processes.values()])
        scene.note("deaths", dict(sorted(deaths.items())))
        scene.note("repeated_records_passed_over", int(repeated))
        scene.expect(repeated > 0, "A relay that dies after the acknowledgement sends a tail again.")
        unseen = [moment for moment in MOMENTS if not deaths[moment]]
        scene.expect(not unseen, f"A relay dies at each of its moments, and not at {unseen}.")
        await city.judge()


async def relays_die(scene: Scene, city: DrillCity, deaths: Counter[str]) -> None:
    """Until they have died often enough; none is about to die when this returns."""
    relays = [each for each in city.processes.values() if each.role == "relay"]
    dying = [asyncio.create_task(die_again_and_again(scene, each, deaths)) for each in relays]
    while deaths.total() < scene.at_size(15, 400):
        await asyncio.sleep(LOOK_SECONDS)
    for each in dying:
        each.cancel()
    await asyncio.gather(*dying, return_exceptions=True)
    for relay in relays:
        await relay.kill()  # Its next death was still ahead of it.
        await relay.start()


async def die_again_and_again(scene: Scene, relay: DrillProcess, deaths: Counter[str]) -> None:
    """Each life sends once to three times before it ends, at every moment in turn."""
    await relay.kill()
    while True:
        for moment in scene.random.sample(MOMENTS, len(MOMENTS)):
            await begin_life(scene, relay, moment)
            while relay.runs:
                await asyncio.sleep(LOOK_SECONDS)
            died = relay.count_death_at(moment)
            scene.expect(died, f"{relay.key} ended by itself, not {moment}.")
            deaths[moment] += died


async def begin_life(scene: Scene, relay: DrillProcess, moment: str) -> None:
    nth = scene.random.randint(1, 3)
    if moment == WHILE_SENDING:
        relay.deployed.fault = ["die_while_sending", str(nth), str(scene.random.uniform(0, SENDS_WITHIN_MS))]
    else:
        relay.arm(moment, nth)
    await relay.start()
    relay.deployed.fault = []
