"""Two ways of a household from one deployment to the next, watched: how long each of them takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from tests.drills.scene import DrillCity, Scene

LATER_AT_MOST_S = 1.0
"""Of the half that is quicker, and of nineteen in twenty."""
LONGEST_LATER_AT_MOST_S = 10.0
"""Of a few dozen families on a machine that does all of this at once, the slowest says little; this is a bound."""
ARRIVES_WITHIN_SECONDS = 30.0
LOOK_SECONDS = 0.02


class Way(NamedTuple):
    """From a row at one deployment to the row that its announcement makes at another."""

    name: str
    begins_at: str
    begun: str
    ends_at: str
    arrived: str


WAYS = (
    Way(
        "intake to verification",
        "intake.dinsos-samarinda",
        "select id from household",
        "verification.dinsos-samarinda",
        "select household_id as id from household where household_id = any($1)",
    ),
    # The other agency with programmes: at the first one handlers fail.
    Way(
        "verification to programs",
        "verification.dinsos-samarinda",
        "select household_id as id from verification_case where state = 'verified'",
        "programs.dinkop-samarinda",
        "select household_id as id from seen_verification where household_id = any($1)",
    ),
)


@dataclass
class Watch:
    """From a household's row at the one to its row at the other, in seconds, as a client sees both come."""

    seconds: list[float] = field(default_factory=list)
    begun: dict[UUID, float] = field(default_factory=dict)
    """Since when those are on their way that have not arrived."""

    @property
    def longest(self) -> float:
        return max(self.seconds, default=0.0)

    def share(self, share: float) -> float:
        """So large a share of them took less, by the nearest rank."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@asynccontextmanager
async def watching(city: DrillCity, but: Collection[UUID] = ()) -> AsyncIterator[dict[Way, Watch]]:
    """Both ways, until the block ends, and until all that was begun in it has arrived.

    Args:
        but: households that are not waited for, and do not count where they have not arrived; it may grow.
    """
    watches, ends = {way: Watch() for way in WAYS}, asyncio.Event()
    tasks = [asyncio.create_task(_watch(city, way, watch, ends, but)) for way, watch in watches.items()]
    try:
        yield watches
    finally:
        ends.set()
        await asyncio.gather(*tasks)


async def _watch(city: DrillCity, way: Way, watch: Watch, ends: asyncio.Event, but: Collection[UUID]) -> None:
    async with city.database(way.begins_at) as first, city.database(way.ends_at) as second:
        known = {row["id"] for row in await first.fetch(way.begun)}
        gives_up_at = float("inf")
        while not ends.is_set() or (set(watch.begun) - set(but) and time.monotonic() < gives_up_at):
            if not ends.is_set():
                for row in await first.fetch(way.begun):
                    if row["id"] not in known:
                        known.add(row["id"])
                        watch.begun[row["id"]] = time.monotonic()
            elif gives_up_at == float("inf"):
                gives_up_at = time.monotonic() + ARRIVES_WITHIN_SECONDS
            for row in await second.fetch(way.arrived, list(watch.begun)):
                watch.seconds.append(time.monotonic() - watch.begun.pop(row["id"]))
            await asyncio.sleep(LOOK_SECONDS)
    for household in but:
        watch.begun.pop(household, None)


def compare(scene: Scene, undisturbed: dict[Way, Watch], poisoned: dict[Way, Watch]) -> None:
    """On each way others are hardly later than they were without poison; the figures go to the report."""
    for way in WAYS:
        _compare(scene, way.name, undisturbed[way], poisoned[way])


def _compare(scene: Scene, way: str, undisturbed: Watch, poisoned: Watch) -> None:
    for name, watch in (("undisturbed", undisturbed), ("poisoned", poisoned)):
        figures = {"typical_s": watch.share(0.5), "p95_s": watch.share(0.95), "longest_s": watch.longest}
        figures["households"] = len(watch.seconds)
        scene.note(f"{name}, {way}", {each: round(value, 3) for each, value in figures.items()})
        scene.expect(watch.seconds, f"Families went from {way} while all was {name}.")
        scene.expect(not watch.begun, f"{len(watch.begun)} families never came from {way} while all was {name}.")
    later = {
        "typical": poisoned.share(0.5) - undisturbed.share(0.5),
        "p95": poisoned.share(0.95) - undisturbed.share(0.95),
        "longest": poisoned.longest - undisturbed.longest,
    }
    scene.note(f"later_s, {way}", {name: round(seconds, 3) for name, seconds in later.items()})
    for which in ("typical", "p95"):
        seconds = later[which]
        scene.expect(
            seconds < LATER_AT_MOST_S, f"Others come later by less than a second: {which} {seconds:.2f} s, {way}"
        )
    scene.expect(
        later["longest"] < LONGEST_LATER_AT_MOST_S, f"Nobody is delayed for long: {later['longest']:.2f} s, {way}"
    )
