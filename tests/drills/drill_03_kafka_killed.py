"""3. Kafka is killed and started again while everybody works: at random moments and at each point of an event's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.drills.scene import Drill, Scene
from tests.drills.strikes import APART, strike_at_each_point

DRILL = Drill(3, "Kafka killed and restarted")


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city(roles_of=APART) as city:
        async with city.load() as load:
            await load.until(acknowledged=10)
            for _ in range(scene.at_size(2, 10)):
                await asyncio.sleep(scene.random.uniform(0.5, 3))
                async with killed(scene):
                    await asyncio.sleep(scene.random.uniform(0, 2))
                await load.until(acknowledged=15)
            struck = await strike_at_each_point(scene, city, load, lambda: killed(scene), rounds=scene.at_size(1, 6))
            scene.note("struck_at", dict(sorted(struck.items())))
            await load.until_paid()
            await load.stop()
        await city.settled(within=180)
        await city.judge()


@asynccontextmanager
async def killed(scene: Scene) -> AsyncIterator[None]:
    """Kafka is dead until the end of the block."""
    await scene.kafka.kill()
    try:
        yield
    finally:
        await scene.kafka.start()
