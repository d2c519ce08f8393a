"""5. PostgreSQL is stopped at once, or loses every connection: no 2xx without its row."""

from __future__ import annotations

import asyncio

from tests.drills.scene import Drill, Scene

DRILL = Drill(5, "PostgreSQL stopped at once, all connections ended")


@DRILL.run
async def run(scene: Scene) -> None:
    ended = 0
    async with scene.city() as city:
        async with city.load() as load:
            await load.until(acknowledged=10)
            for number in range(scene.at_size(4, 30)):
                await asyncio.sleep(scene.random.uniform(0.2, 1.5))
                if number % 2:
                    await scene.postgres.kill()
                    await asyncio.sleep(scene.random.uniform(0, 1))
                    await scene.postgres.start()
                else:
                    ended += await scene.postgres.end_connections()
                await load.until(acknowledged=10)
            await load.until_paid()
            await load.stop()
        scene.note("connections_ended", ended)
        await city.settled(within=180)
        await city.judge()
