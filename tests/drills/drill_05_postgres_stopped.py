"""5. PostgreSQL is stopped at once, or loses every connection; at random moments and points: no 2xx without its row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from tests.drills.scene import Drill, Scene
from tests.drills.strikes import APART, strike_at_each_point

DRILL = Drill(5, "PostgreSQL stopped at once, all connections ended")


@DRILL.run
async def run(scene: Scene) -> None:
    falls = Falls(scene)
    async with scene.city(roles_of=APART) as city:
        async with city.load() as load:
            await load.until(acknowledged=10)
            for _ in range(scene.at_size(4, 30)):
                await asyncio.sleep(scene.random.uniform(0.2, 1.5))
                async with falls.next():
                    await asyncio.sleep(scene.random.uniform(0, 1))
                await load.until(acknowledged=10)
            for name, fall in (("stopped", falls.stop), ("connections ended", falls.end_connections)):
                struck = await strike_at_each_point(scene, city, load, fall, rounds=scene.at_size(1, 5))
                scene.note(f"struck_at, {name}", dict(sorted(struck.items())))
            await load.until_paid()
            await load.stop()
        scene.note("connections_ended", falls.connections_ended)
        scene.expect(falls.connections_ended > 0, "Connections were ended.")
        await city.settled(within=180)
        await city.judge()


@dataclass
class Falls:
    """The server falls in two ways. At random moments they take turns; the seed says with which it begins."""

    scene: Scene
    connections_ended: int = 0

    def __post_init__(self) -> None:
        self._turn = self.scene.seed

    def next(self) -> AbstractAsyncContextManager[None]:
        """One of the two, and the other one the next time."""
        self._turn += 1
        return self.end_connections() if self._turn % 2 else self.stop()

    @asynccontextmanager
    async def stop(self) -> AsyncIterator[None]:
        """There is no server until the end of the block."""
        await self.scene.postgres.kill()
        try:
            yield
        finally:
            await self.scene.postgres.start()

    @asynccontextmanager
    async def end_connections(self) -> AsyncIterator[None]:
        """Every connection ends, once; whoever connects again is let in."""
        ended = await self.scene.postgres.end_connections()
        self.scene.expect(ended, "Somebody was connected whenever all connections were ended.")
        self.connections_ended += ended
        yield
