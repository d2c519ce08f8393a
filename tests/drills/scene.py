"""A drill, and the scene in which it plays: its seed, its servers, its outcome.

A seed replays choices, not timing: the same families, victims, points and pauses, drawn in the same order. What meets
what in which millisecond is the machine's, and so is an id that a service makes.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from local.stack import StackAddresses
from tests.drills.city import DrillCity
from tests.drills.journal import Journal
from tests.drills.process import DrillProcess
from tests.drills.stack import DrillStack, Postgres, Server
from tests.fixtures.cleaning import remove_deployments

__all__ = ["Drill", "DrillCity", "DrillProcess", "Outcome", "Scene"]

SETTLES_AFTER_FAILURE_SECONDS = 60.0
Size = Literal["small", "large", "huge"]
"""Small for every change, large for a release. Huge is for figures with many zeros; only the first drill knows it, to
the others it is large."""
ScenePlay = Callable[["Scene"], Awaitable[None]]


@dataclass
class Drill:
    """One drill of the list; its module decorates the function that plays it with ``@DRILL.run``."""

    number: int
    name: str
    play: ScenePlay | None = None

    def run(self, play: ScenePlay) -> ScenePlay:
        self.play = play
        return play


@dataclass
class Outcome:
    """What a drill found. All counts of wrongs are 0 when all is well."""

    events: int = 0
    kills: int = 0
    """Processes of ours that ended by SIGKILL, the drill's or their own at a point."""
    server_stops: int = 0
    """How often Kafka or PostgreSQL was ended."""
    lost: int = 0
    twice: int = 0
    out_of_order: int = 0
    overspent_rupiah: int = 0
    unexplained: int = 0
    acknowledged: int = 0
    unacknowledged: int = 0
    failed: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        wrongs = (self.lost, self.twice, self.out_of_order, self.overspent_rupiah, self.unexplained)
        return not any(wrongs) and not self.failed


@dataclass
class Scene:
    """One drill with one seed."""

    drill: Drill
    seed: int
    size: Size
    servers: DrillStack
    folder: Path
    outcome: Outcome = field(default_factory=Outcome)
    kills: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.drill.number}/{self.seed}")
        """Of the task that plays the drill, alone: a task beside it has one of its own, by ``random_for``."""
        self.journal = Journal(self.folder / "journal.jsonl")

    @property
    def stack(self) -> StackAddresses:
        return self.servers.addresses

    @property
    def kafka(self) -> Server:
        return self.servers.kafka

    @property
    def postgres(self) -> Postgres:
        return self.servers.postgres

    def random_for(self, name: str) -> random.Random:
        """A generator of one task's own, the same for the same seed and name: no other task draws from it."""
        return random.Random(f"{self.drill.number}/{self.seed}/{name}")

    def at_size(self, small: int, large: int) -> int:
        return small if self.size == "small" else large

    def note(self, name: str, value: Any) -> None:
        """A figure for the report."""
        self.outcome.notes[name] = value

    def expect(self, condition: object, sentence: str) -> None:
        """What the drill wants to be so; it goes on either way, and fails at the end where it is not."""
        if not condition:
            self.outcome.failed.append(sentence)

    @asynccontextmanager
    async def city(self, *, small: bool = True, **options: Any) -> AsyncIterator[DrillCity]:  # noqa: ARG002
        """A city of this scene alone; nothing of it is left afterwards."""
        root = f"d{hashlib.sha256(f'{self.drill.number}/{self.seed}'.encode()).hexdigest()[:4]}{secrets.token_hex(2)}"
        stops_before = self.servers.stops
        try:
            async with DrillCity(self.stack, self.folder / root, topic_root=root, scene=self, **options) as city:
                try:
                    yield city
                except (Exception, asyncio.CancelledError):
                    await _judge_all_the_same(city)
                    raise
                finally:
                    self.outcome.kills = self.kills
                    self.outcome.server_stops = self.servers.stops - stops_before
        finally:
            await remove_deployments(self.stack, root)


async def _judge_all_the_same(city: DrillCity) -> None:
    """A client gave up, or waited in vain: what was lost or done twice says more than that."""
    with suppress(Exception):
        await city.all_start()
    with suppress(Exception):
        await city.settled(within=SETTLES_AFTER_FAILURE_SECONDS)
    with suppress(Exception):
        await city.judge()
