"""3. Kafka is killed and started again while everybody works."""

from __future__ import annotations

import asyncio

from tests.drills.scene import Drill, Scene

DRILL = Drill(3, "Kafka killed and restarted")


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city() as city:
        async with city.load() as load:
            await load.until(acknowledged=10)
            for _ in range(scene.at_size(2, 10)):
                await asyncio.sleep(scene.random.uniform(0.5, 3))
                await scene.kafka.kill()
                await asyncio.sleep(scene.random.uniform(0, 2))
                await scene.kafka.start()
                await load.until(acknowledged=15)
            await load.until_paid()
            await load.stop()
        await city.settled(within=180)
        await city.judge()
