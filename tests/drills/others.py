"""Watching everybody else while one deployment is scaled: how long reads take, and how far each group is behind."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field

from shared.events.topics import consumer_group
from tests.drills.load import DINSOS, LOOK_SECONDS
from tests.drills.scaling import Noticed, wrong_looks
from tests.drills.scene import DrillCity, Scene

READS = {
    f"intake.{DINSOS}": ("petugas-register", "/api/v1/cohorts"),
    f"verification.{DINSOS}": ("penyelia-verifikasi", "/api/v1/progress"),
    f"programs.{DINSOS}": ("petugas-program", "/api/v1/programmes"),
    "programs.dinkop-samarinda": ("petugas-program", "/api/v1/programmes"),
    f"notifications.{DINSOS}": ("koordinator-tkpk", "/api/v1/inbox/count"),
}
"""Something cheap that people of each deployment look at."""
READ_EVERY_SECONDS = 0.2
LAG_EVERY_SECONDS = 1.0
NEARLY_NOTHING = 100
SILENT_SECONDS_MAX = 20.0
"""HTTP that answers this late counts as stopped, however loaded the machine is."""


@dataclass
class Phase:
    """What was seen while one thing was done."""

    name: str
    took: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds of each read, by deployment."""
    behind: list[dict[str, int]] = field(default_factory=list)
    """Looks at what the groups had not heard yet."""
    seconds: float = 0.0


@dataclass
class Others:
    """``async with Others(city, "programs.dinsos-samarinda").watched() as others:``"""

    city: DrillCity
    scaled: str
    phases: list[Phase] = field(default_factory=lambda: [Phase("begin")])
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[Others]:
        """Reads and looks go on until the end of the block."""
        watching = [asyncio.create_task(self._read_on(name, *READS[name])) for name in self.city.here()]
        watching.append(asyncio.create_task(self._look_on()))
        try:
            yield self
        finally:
            # Whatever is being asked is answered first: clients of Kafka that are cancelled leave connections behind.
            self._ended.set()
            await asyncio.gather(*watching)

    async def during(self, name: str, doing: Awaitable[None]) -> None:
        """What is seen until this is done belongs to a phase of its own."""
        self.phases.append(Phase(name))
        began = time.monotonic()
        await doing
        self.phases[-1].seconds = time.monotonic() - began

    async def have_heard_it(self, within: float) -> None:
        """Until all others have heard nearly everything that was announced."""
        ends_at = time.monotonic() + within
        while late := {name: lag for name, lag in self._of_others(await self._look()).items() if lag > NEARLY_NOTHING}:
            if time.monotonic() > ends_at:
                raise TimeoutError(f"Not heard within {within:.0f} s: {late}")
            await asyncio.sleep(LOOK_SECONDS)

    def judge(self, scene: Scene, lag_max: int) -> None:
        """Nobody else stopped, fell behind for good, or noticed a second worker; the figures go to the report."""
        noticed = {phase.name: self._noticed(phase) for phase in self.phases[1:]}
        for phase in self.phases[1:]:
            scene.note(phase.name, self._figures(phase, noticed[phase.name]))
            for name in self.city.here():
                took = phase.took[name]
                longest = max(took, default=0.0)
                scene.expect(took, f"{name} answered while there was {phase.name}.")
                scene.expect(
                    longest < SILENT_SECONDS_MAX, f"{name} was not late while there was {phase.name}: {longest:.1f} s."
                )
            last = self._of_others(phase.behind[-1]) if phase.behind else {}
            for name, lag in last.items():
                scene.expect(lag <= lag_max, f"{name} is {lag} records behind at the end of {phase.name}.")
        scene.outcome.failed += wrong_looks(noticed, scene.size)

    def _noticed(self, phase: Phase) -> Noticed:
        reads = [each for name, took in phase.took.items() if name != self.scaled for each in took]
        lags = [max(self._of_others(look).values(), default=0) for look in phase.behind]
        return Noticed(
            len(reads),
            _milliseconds(reads, 0.5),
            _milliseconds(reads, 0.99),
            statistics.median(lags) if lags else None,
            max(lags, default=None),
        )

    def _figures(self, phase: Phase, noticed: Noticed) -> dict[str, float | None]:
        others = {f"others_{name}": figure for name, figure in asdict(noticed).items()}
        own = _milliseconds(phase.took[self.scaled], 0.99)
        return {"seconds": round(phase.seconds, 1), **others, "own_api_p99_ms": own}

    def _of_others(self, look: dict[str, int]) -> dict[str, int]:
        return {name: lag for name, lag in look.items() if name != self.scaled}

    async def _read_on(self, name: str, title: str, path: str) -> None:
        service, _, agency = name.partition(".")
        desk = self.city.desk(service, agency, title)
        while not self._ended.is_set():
            phase, began = self.phases[-1], time.perf_counter()
            await desk.get(path)
            phase.took[name].append(time.perf_counter() - began)
            await asyncio.sleep(READ_EVERY_SECONDS)

    async def _look_on(self) -> None:
        while not self._ended.is_set():
            phase = self.phases[-1]
            phase.behind.append(await self._look())
            await asyncio.sleep(LAG_EVERY_SECONDS)

    async def _look(self) -> dict[str, int]:
        """How far each deployment is behind, by its name."""
        groups = dict(_groups(self.city))
        return {groups[group]: lag for group, lag in (await self.city.behind()).items()}


def _groups(city: DrillCity) -> Iterator[tuple[str, str]]:
    for name in city.here():
        service, _, agency = name.partition(".")
        yield consumer_group(city.topic_root, service, agency), name


def _milliseconds(seconds: list[float], share: float) -> float | None:
    """The nearest rank."""
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1) if ordered else None
