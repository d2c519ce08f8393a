"""A storm of kill -9: again and again some process of the city dies, by the drill's hand or at a named point."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import get_args

from local.stack.processes import tail
from shared.messaging.points import Point
from tests.drills.load import DINSOS
from tests.drills.scene import DrillCity, DrillProcess, Scene, Size

REACHES: dict[str, tuple[str, ...]] = {
    "api": ("before-database-commit", "after-database-commit"),
    "relay": ("before-publish", "after-publish"),
    "worker": (
        "after-read", "before-database-commit", "after-database-commit", "before-offset-commit", "after-offset-commit",
    ),
    "all": get_args(Point),
}  # fmt: skip
"""Which points a process of a role comes to."""
ANNOUNCES_NOTHING = {f"notifications.{DINSOS}", "programs.dinkop-samarinda"}
"""Deployments of the city that only listen here: none of their processes comes to a point of the relay."""
SHORT_SESSION_MS = 2_000
SHORT_SESSION = ["short_session", str(SHORT_SESSION_MS)]
"""For a city in which so many consumers die that ten seconds each would leave nobody at work."""
EVERY_CPU_SECONDS: dict[Size, tuple[float, float]] = {"small": (0.5, 2.5), "large": (0.5, 2.5), "huge": (2.0, 8.0)}
"""Somebody is killed whenever the city has worked so long: on a busy machine a second would be nothing but a start. A
huge city would otherwise spend its days on starts."""
ARMED = 0.75
NTH_MAX = 10
LOOK_SECONDS = 0.1


def points_of(process: DrillProcess) -> list[str]:
    """Where a process may kill itself."""
    silent = process.name in ANNOUNCES_NOTHING
    return [point for point in REACHES[process.role] if not (silent and point.endswith("-publish"))]


@dataclass
class Storm:
    """Kills and restarts the processes that it was given, until it is ended."""

    scene: Scene
    processes: Sequence[DrillProcess]
    deaths: Counter[str] = field(default_factory=Counter)
    _armed: dict[str, str] = field(default_factory=dict)
    _used: dict[str, float] = field(default_factory=dict)
    """CPU seconds of each process's present life, when it was last looked at."""
    _worked: float = 0.0

    def __post_init__(self) -> None:
        self._random = self.scene.random_for("storm")

    async def run(self) -> None:
        """Until cancelled."""
        next_at = 0.0
        while True:
            for process in self.processes:
                if not process.runs:
                    await self._bury(process)
                self._look_at_clock_of(process)
            if self._worked >= next_at:
                await self._kill(self._random.choice(self.processes))
                next_at = self._worked + self._random.uniform(*EVERY_CPU_SECONDS[self.scene.size])
            await asyncio.sleep(LOOK_SECONDS)

    def _look_at_clock_of(self, process: DrillProcess) -> None:
        used = process.cpu_seconds()
        self._worked += max(0.0, used - self._used.get(process.key, 0.0))
        self._used[process.key] = used

    async def end(self) -> None:
        """Nobody is about to die any more when this returns."""
        for process in self.processes:
            if not process.runs:
                await self._bury(process, armed=False)
            elif self._armed.pop(process.key, None):
                await self._kill(process, armed=False)

    async def _bury(self, process: DrillProcess, *, armed: bool = True) -> None:
        point = self._armed.pop(process.key, None)
        if point is not None and process.count_death_at(point):
            self._note(process, point)
        else:
            self.scene.expect(False, f"{process.key} ended by itself: {tail(process.deployed.log, 5)[-400:]}")
        await self._start(process, armed=armed)

    async def _kill(self, process: DrillProcess, *, armed: bool = True) -> None:
        if not await process.kill():
            await self._bury(process, armed=armed)
            return
        self._armed.pop(process.key, None)
        self._note(process, "at random")
        await self._start(process, armed=armed)

    async def _start(self, process: DrillProcess, *, armed: bool) -> None:
        if armed and self._random.random() < ARMED:
            point = self._armed[process.key] = self._random.choice(points_of(process))
            process.arm(point, self._random.randint(1, NTH_MAX))
        await process.start()
        self._used[process.key] = 0.0

    def _note(self, process: DrillProcess, where: str) -> None:
        self.deaths[f"{process.role} {where}"] += 1


@asynccontextmanager
async def storm(scene: Scene, city: DrillCity, roles: Sequence[str] = tuple(REACHES)) -> AsyncIterator[Storm]:
    """Over all processes of these roles, until the block ends; then all run, and none is about to die."""
    raging = Storm(scene, [each for each in city.processes.values() if each.role in roles])
    task = asyncio.create_task(raging.run())
    try:
        yield raging
    finally:
        task.cancel()
        for ended in await asyncio.gather(task, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
    await raging.end()
    await city.all_start()
