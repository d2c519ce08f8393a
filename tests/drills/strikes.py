"""A server falls while processes of ours sleep at named points: awake again, each finds right there that it is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from tests.drills.asleep import falls_asleep
from tests.drills.load import DINSOS
from tests.drills.storm import REACHES

if TYPE_CHECKING:
    from tests.drills.load import Load
    from tests.drills.scene import DrillCity, DrillProcess, Scene

APART = {f"{service}.{DINSOS}": ("api", "worker", "relay") for service in ("intake", "verification", "programs")}
SLEEPERS = (
    {"worker": f"verification.{DINSOS}", "relay": f"intake.{DINSOS}", "api": f"intake.{DINSOS}"},
    {"worker": f"programs.{DINSOS}", "relay": f"verification.{DINSOS}", "api": f"intake.{DINSOS}"},
)
"""Who sleeps together, in the order in which they fall asleep: none is fed by one that sleeps already."""
NTH_MAX = 3
GOES_ON_FOR = 5
"""So many requests more are acknowledged after a strike, before the next one."""

Away = Callable[[], AbstractAsyncContextManager[None]]
"""A server that is gone while the block lasts, and answers again at its end."""


class Lot(NamedTuple):
    """Who is to sleep, and where."""

    role: str
    point: str


async def strike_at_each_point(scene: Scene, city: DrillCity, load: Load, away: Away, *, rounds: int) -> Counter[str]:
    """In each round a server falls once at each point of each role, under load; how often it did, by role and point.

    Wants a city of which ``APART`` holds. Those asleep wake up while the server is away, or when it is back.
    """
    struck = Counter[str]()
    for number in range(rounds):
        names = SLEEPERS[number % len(SLEEPERS)]
        for lots in deal(scene.random):
            await _strike(scene, city, {lot: city.of(names[lot.role], lot.role)[0] for lot in lots}, away, struck)
            await load.until(acknowledged=GOES_ON_FOR)
    unseen = [lot for lots in deal(scene.random) for lot in lots if not struck[" ".join(lot)]]
    scene.expect(not unseen, f"The server falls at each point of each role, and not at {unseen}.")
    return struck


def deal(chance: Random) -> Iterator[list[Lot]]:
    """Each point of each role once, in random order; at most one of a role at a time, and as few strikes as that takes.

    A role with fewer points takes part in strikes that chance chooses.
    """
    strikes = max(len(REACHES[role]) for role in SLEEPERS[0])
    turns: list[list[Lot]] = [[] for _ in range(strikes)]
    for role in SLEEPERS[0]:
        points = REACHES[role]
        for turn, point in zip(chance.sample(turns, len(points)), points, strict=True):
            turn.append(Lot(role, point))
    yield from turns


async def _strike(
    scene: Scene, city: DrillCity, sleepers: dict[Lot, DrillProcess], away: Away, struck: Counter[str]
) -> None:
    for lot, process in sleepers.items():
        await process.stop()
        asleep = await falls_asleep(process, lot.point, scene.random.randint(1, NTH_MAX))
        scene.expect(asleep, f"{process.key} comes to {lot.point}.")
        struck[" ".join(lot)] += asleep
        if not asleep:
            # It may still be on its way there: it would fall asleep when nobody wakes it up any more, and the drill
            # would fail for that instead.
            await process.kill()
            await process.start()
    wakes_in_the_dark = scene.random.random() < 0.5
    async with away():
        if wakes_in_the_dark:
            await _wake(sleepers)
    await _wake(sleepers)
    await city.wait_ready([each.key for each in sleepers.values()])


async def _wake(sleepers: dict[Lot, DrillProcess]) -> None:
    for process in sleepers.values():
        await process.resume()
