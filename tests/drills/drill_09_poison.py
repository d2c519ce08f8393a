"""9. Poison at the head of every partition: others are hardly delayed, its own household waits in order behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from aiokafka.partitioner import DefaultPartitioner

from shared.events.topics import PARTITIONS, fact_topic
from tests.drills.foreign import Foreigner, foreigner
from tests.drills.looking import BEHIND, dismiss_all, parked_by_reason, redrive_all
from tests.drills.poison import POISONS, Place
from tests.drills.scene import Drill, DrillCity, Scene

DRILL = Drill(9, "poison at the head of a partition")
INTAKE, VERIFICATION = "intake.dinsos-samarinda", "verification.dinsos-samarinda"
NOTES = "programs.dinsos-samarinda"
ANNOUNCERS = (INTAKE, VERIFICATION, "programs.dinkop-samarinda")
REASONS = {
    "value-not-json", "value-misshapen", "value-missing", "too-large", "type-unknown", "type-forged", "source-forged",
    "header-not-text", "header-wrong", "header-missing", "key-missing", "key-wrong", BEHIND,
}  # fmt: skip
POISONED_HOUSEHOLDS = 5
LATER_AT_MOST_S = 1.0
LONGEST_LATER_AT_MOST_S = 10.0
"""Of a few dozen families on a machine that does all of this at once, the slowest says little; this is a bound."""
ACKNOWLEDGED_BEHIND = 15
ROUNDS_MAX = 30


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city(notes=NOTES) as city, foreigner(scene.stack.kafka, city.topic_root) as foreign:
        async with city.load() as load:
            load.waits_s = 2.0
            await asyncio.sleep(2)
            async with watching(city) as undisturbed:
                await asyncio.sleep(scene.at_size(6, 60))
            async with watching(city) as poisoned:
                said = 0
                for _ in range(scene.at_size(1, 10)):
                    said += await poison_everything(scene, city, foreign)
                    await asyncio.sleep(6)
                    await load.until(ACKNOWLEDGED_BEHIND)
            await load.stop()
        compare(scene, undisturbed, poisoned)
        await city.settled()
        parked = await parked_by_reason(city)
        scene.note("poison", said)
        scene.note("parked", dict(parked))
        scene.expect(set(parked) <= REASONS, f"Poison is parked for what it is: {dict(parked)}")
        scene.expect(parked[BEHIND] > 0, "Good records of a poisoned household wait behind it.")
        scene.expect(await redrive_all(city) == 0, "Poison stays poison when it is re-driven.")
        handled = await dismiss_poison(scene, city)
        scene.note("handled_behind", handled)
        scene.expect(handled > 0, "What waited behind poison is handled when it is dismissed.")
        await city.judge()


@dataclass
class Watch:
    """From a household's row at intake to its row at verification, in seconds, as a client sees both come."""

    seconds: list[float] = field(default_factory=list)
    registered: dict[UUID, float] = field(default_factory=dict)

    @property
    def longest(self) -> float:
        return max(self.seconds, default=0.0)

    @property
    def typical(self) -> float:
        return sorted(self.seconds)[len(self.seconds) // 2] if self.seconds else 0.0


@asynccontextmanager
async def watching(city: DrillCity) -> AsyncIterator[Watch]:
    """Until the block ends, and until all that was registered in it has arrived."""
    watch, ends = Watch(), asyncio.Event()
    task = asyncio.create_task(_watch(city, watch, ends))
    try:
        yield watch
    finally:
        ends.set()
        await task


async def _watch(city: DrillCity, watch: Watch, ends: asyncio.Event) -> None:
    async with city.database(INTAKE) as intake, city.database(VERIFICATION) as verification:
        known = {row["id"] for row in await intake.fetch("select id from household")}
        gives_up_at = float("inf")
        while not ends.is_set() or (watch.registered and time.monotonic() < gives_up_at):
            if not ends.is_set():
                for row in await intake.fetch("select id from household"):
                    if row["id"] not in known:
                        known.add(row["id"])
                        watch.registered[row["id"]] = time.monotonic()
            elif gives_up_at == float("inf"):
                gives_up_at = time.monotonic() + 30
            arrived = await verification.fetch(
                "select household_id as id from household where household_id = any($1)", list(watch.registered)
            )
            for row in arrived:
                watch.seconds.append(time.monotonic() - watch.registered.pop(row["id"]))
            await asyncio.sleep(0.02)


def compare(scene: Scene, undisturbed: Watch, poisoned: Watch) -> None:
    later, longest_later = poisoned.typical - undisturbed.typical, poisoned.longest - undisturbed.longest
    for name, watch in (("undisturbed", undisturbed), ("poisoned", poisoned)):
        figures = {"households": len(watch.seconds), "typical_s": watch.typical, "longest_s": watch.longest}
        scene.note(name, {each: round(value, 3) for each, value in figures.items()})
        scene.expect(watch.seconds, f"Families were registered while all was {name}.")
        scene.expect(not watch.registered, f"{len(watch.registered)} families never arrived while all was {name}.")
    scene.note("later_s", {"typical": round(later, 3), "longest": round(longest_later, 3)})
    scene.expect(later < LATER_AT_MOST_S, f"Others are delayed by at most a second: {later:.2f} s.")
    scene.expect(longest_later < LONGEST_LATER_AT_MOST_S, f"Nobody is delayed for long: {longest_later:.2f} s.")


async def poison_everything(scene: Scene, city: DrillCity, foreign: Foreigner) -> int:
    """Some of every kind on each partition of every announcer, of strangers; and some for households at work."""
    places = [
        Place(fact_topic(city.topic_root, service, agency), partition, service, agency)
        for service, _, agency in (name.partition(".") for name in ANNOUNCERS)
        for partition in range(PARTITIONS)
    ]
    kinds = _dealt(scene, places)
    await asyncio.gather(*(_poison_strangers(foreign, place, kinds[place]) for place in places))
    said = sum(map(len, kinds.values()))
    async with city.database(VERIFICATION) as verification:
        # Those about which verification has most to say yet.
        rows = await verification.fetch("select household_id from verification_case order by opened_at desc limit 20")
    for row in scene.random.sample(rows, min(len(rows), POISONED_HOUSEHOLDS)):
        await _poison(scene, city, foreign, row["household_id"])
        said += 1
    return said


def _dealt(scene: Scene, places: list[Place]) -> dict[Place, list[str]]:
    """So many kinds for each place that every kind is dealt a few times."""
    each = scene.at_size(3, len(POISONS))
    cards = [kind for _ in places for kind in sorted(POISONS)][: each * len(places)]
    scene.random.shuffle(cards)
    return {place: cards[number * each : (number + 1) * each] for number, place in enumerate(places)}


async def _poison_strangers(foreign: Foreigner, place: Place, kinds: list[str]) -> None:
    for kind in kinds:
        await POISONS[kind](foreign, place, uuid4())


async def _poison(scene: Scene, city: DrillCity, foreign: Foreigner, household: UUID) -> None:
    service, _, agency = VERIFICATION.partition(".")
    everywhere = list(range(PARTITIONS))
    partition = DefaultPartitioner()(str(household).encode(), everywhere, everywhere)
    place = Place(fact_topic(city.topic_root, service, agency), partition, service, agency)
    kind = scene.random.choice(sorted(set(POISONS) - {"no key", "binary key"}))
    await POISONS[kind](foreign, place, household)


async def dismiss_poison(scene: Scene, city: DrillCity) -> int:
    """Somebody gives every poisoned record up; how many good ones were handled at that."""
    handled = 0
    for _ in range(ROUNDS_MAX):
        dismissed, behind = await dismiss_all(city)
        handled += behind
        if not dismissed:
            break
    await city.settled()
    left = await parked_by_reason(city)
    scene.expect(not left, f"Once the poison is dismissed nothing waits: {dict(left)}")
    return handled
