"""A process of a drill's city: forked from the nursery, killed, suspended, and asked how it is."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import psutil

from local.city import Deployed
from tests.drills.coming_true import comes_true
from tests.drills.nursery import Birth, Nursery, dying_at

if TYPE_CHECKING:
    from tests.drills.scene import Scene

_FIGURE = re.compile(r"^(tuntas_\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_LAST_WORDS_BYTES = 400


@dataclass
class Forked(Deployed):
    """A deployment's process, forked from the nursery."""

    nursery: Nursery = field(default_factory=lambda: Nursery(Path()))
    dies_at: tuple[str, int] | None = None
    """Where the process kills itself after its next start, once."""
    fault: list[str] = field(default_factory=list)
    """What ``faults.py`` does to it at every start."""
    everywhere: list[str] = field(default_factory=list)
    """The same for all processes of the city."""
    always: list[str] = field(default_factory=list)
    """The same for all processes of its deployment, whatever else is done to one of them."""
    log_begins_at: int = 0
    """Where in the log its present life begins."""
    ending: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever ends it: ``DrillProcess`` is made anew at every look, and this lasts."""

    def start(self) -> None:
        self.log_begins_at = self.log.stat().st_size if self.log.exists() else 0
        service, _, agency = self.name.partition(".")
        env_file = Path(self.env["TUNTAS_DEPLOYMENTS"]) / f"{service}.{agency}.env"
        birth = Birth(
            service,
            self.role,
            self._own_env(),
            str(env_file),
            str(self.log),
            self.dies_at,
            self.fault,
            self.everywhere,
            always=self.always,
        )
        self.process, self.dies_at = self.nursery.bear(birth), None  # type: ignore[assignment]

    def _own_env(self) -> dict[str, str]:
        return {name: value for name, value in self.env.items() if name.startswith("TUNTAS_")}


@dataclass
class DrillProcess:
    """One process of the city as a drill treats it."""

    key: str
    """``programs.dinsos-samarinda`` or, apart, ``programs.dinsos-samarinda/worker``."""
    deployed: Forked
    scene: Scene | None = None
    """Whose kills are counted."""

    @property
    def name(self) -> str:
        return self.deployed.name

    @property
    def role(self) -> str:
        return self.deployed.role

    @property
    def pid(self) -> int:
        return self.deployed.process.pid if self.deployed.process else 0

    @property
    def runs(self) -> bool:
        return self.deployed.process is not None and self.deployed.process.poll() is None

    def arm(self, point: str, nth: int = 1) -> None:
        """After its next start it kills itself the nth time it reaches the point."""
        self.deployed.dies_at = (point, nth)

    async def start(self) -> None:
        """Start it; it is not ready yet when this returns. One that runs is left alone."""
        if not self.runs:
            self.deployed.start()

    async def kill(self) -> bool:
        """SIGKILL; nothing of it is left when this returns. Whether it still ran: only then a kill is counted."""
        # Two faults may meet at one process: the second finds it dead.
        async with self.deployed.ending:
            ran = self.runs
            await asyncio.to_thread(self.deployed.kill)
            if ran and self.scene is not None:
                self.scene.kills += 1
        return ran

    def died_at(self, point: str) -> bool:
        """Whether one that has ended says that it killed itself there, and not that something else ended it."""
        return self.has_said(dying_at(point), within_bytes=_LAST_WORDS_BYTES)

    def has_said(self, *words: str, within_bytes: int = 1_000_000) -> bool:
        """Whether one line in so many last bytes of its log holds all these words; of its present life only."""
        with self.deployed.log.open("rb") as log:
            log.seek(max(self.deployed.log_begins_at, log.seek(0, os.SEEK_END) - within_bytes))
            return any(all(each.encode() in line for each in words) for line in log)

    def count_death_at(self, point: str) -> bool:
        """The same; such a death is a kill and is counted here. Call it once for each life."""
        died = self.died_at(point)
        if died and self.scene is not None:
            self.scene.kills += 1
        return died

    async def ends_within(self, seconds: float) -> bool:
        """Whether it ends by itself so soon."""

        async def has_ended() -> bool:
            return not self.runs

        return await comes_true(has_ended, within=seconds)

    async def stop(self) -> None:
        """SIGTERM, and whatever it drains."""
        await asyncio.to_thread(self.deployed.stop)

    async def suspend(self) -> None:
        """SIGSTOP: it holds all it has and does nothing."""
        self._signal(signal.SIGSTOP)

    async def resume(self) -> None:
        self._signal(signal.SIGCONT)

    async def is_asleep(self) -> bool:
        """Whether it is suspended, by the drill or by itself."""
        try:
            return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    async def metrics(self) -> dict[str, float]:
        """Its figures by name; those with labels are summed. Empty where it does not answer."""
        async with httpx2.AsyncClient(timeout=5) as http:
            try:
                text = (await http.get(f"{self.deployed.url}/metrics")).text
            except httpx2.TransportError:
                return {}
        found: dict[str, float] = {}
        for name, _, value in _FIGURE.findall(text):
            found[name] = found.get(name, 0.0) + float(value)
        return found

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status and body of ``/readyz``; 0 where it does not answer."""
        async with httpx2.AsyncClient(timeout=5) as http:
            try:
                answer = await http.get(f"{self.deployed.url}/readyz")
            except httpx2.TransportError:
                return 0, {}
        return answer.status_code, answer.json()

    def cpu_seconds(self) -> float:
        """What it has used since its birth; 0 where it does not run."""
        try:
            used = psutil.Process(self.pid).cpu_times()
        except psutil.NoSuchProcess:
            return 0.0
        return float(used.user + used.system)

    def resident_mb(self) -> float:
        return self.deployed.resident_mb()

    def _signal(self, number: int) -> None:
        if self.deployed.process is not None:
            self.deployed.process.send_signal(number)
