"""9. Poison at the head of every partition: others are hardly delayed, its own household waits in order behind it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from uuid import UUID

from aiokafka.partitioner import DefaultPartitioner

from shared.events.topics import PARTITIONS, fact_topic
from tests.drills.foreign import Foreigner, foreigner
from tests.drills.looking import dismiss_what_is_not_ours, parked_by_reason, redrive_those
from tests.drills.poison import BINARY_KEY, KINDS, NO_KEY, POISONS, Place, Said, unknown_types_known
from tests.drills.poisoned import judge_handled, judge_parked, parked_at
from tests.drills.scene import Drill, DrillCity, Scene
from tests.drills.ways import compare, watching

DRILL = Drill(9, "poison at the head of a partition")
VERIFICATION = "verification.dinsos-samarinda"
NOTES = "programs.dinsos-samarinda"
ANNOUNCERS = ("intake.dinsos-samarinda", VERIFICATION, "programs.dinkop-samarinda")
MENDED = {"type-unknown", "handler-failed"}
"""What the next release knows, and what it does not fail at any more."""
REDRIVEN_IN_VAIN = 60
POISONED_HOUSEHOLDS = 5
RECENT = 20
ACKNOWLEDGED_BEHIND = 15
ROUNDS_MAX = 30
DISMISSED_AT_ONCE = 200


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city(notes=NOTES) as city, foreigner(scene.stack.kafka, city.topic_root) as foreign:
        await fail_until_mended(scene, city)
        said: list[Said] = []
        async with city.load() as load:
            load.waits_s = 2.0
            await asyncio.sleep(2)
            async with watching(city) as undisturbed:
                await asyncio.sleep(scene.at_size(6, 60))
            households = set[UUID]()
            async with watching(city, but=households) as poisoned:
                for number in range(scene.at_size(1, 10)):
                    said += await poison_everything(scene, city, foreign, households, number)
                    await asyncio.sleep(6)
                    await load.until(ACKNOWLEDGED_BEHIND)
            await load.stop()
        compare(scene, undisturbed, poisoned)
        await city.settled()
        scene.note("poison", dict(sorted(Counter(each.kind for each in said).items())))
        stubborn = {kind.reason for kind in POISONS.values() if kind.reason} - MENDED
        in_vain = await redrive_those(city, stubborn, most=REDRIVEN_IN_VAIN)
        scene.expect(in_vain.total() == 0, f"Poison stays poison when it is re-driven: {dict(in_vain)}")
        await judge_parked(scene, city, said, NOTES)
        await mend(scene, city)
        handled = await dismiss_poison(scene, city, len(said))
        scene.note("handled_behind", handled)
        scene.expect(handled > 0, "What waited behind poison is handled when it is dismissed.")
        await judge_handled(scene, city, said, NOTES)
        await city.judge()


async def fail_until_mended(scene: Scene, city: DrillCity) -> None:
    """Of one deployment what hears that a household is verified fails for every fourth one, until it is mended."""
    folder(scene).mkdir(parents=True)
    for process in city.of(NOTES):
        await process.stop()
        process.deployed.fault = ["fail_verified", str(folder(scene))]
    await city.all_start()


def folder(scene: Scene) -> Path:
    return scene.folder / "handlers"


async def mend(scene: Scene, city: DrillCity) -> None:
    """The next release knows the unknown types and does not fail: what it can handle now is re-driven."""
    before = {name: {row[:3] for row in await parked_at(city, name) if row.reason in MENDED} for name in city.here()}
    (folder(scene) / "mended").touch()
    with unknown_types_known():
        redriven = await redrive_those(city, MENDED)
    await city.settled()
    scene.note("redriven", dict(redriven))
    for name, places in before.items():
        rows = [row for row in await parked_at(city, name) if row[:3] in places]
        scene.expect(rows, f"Something that can be mended waits at {name}.")
        left = Counter(row.reason for row in rows if row.state != "redriven")
        scene.expect(not left, f"After the mend nothing of it waits at {name}: {dict(left)}")
    failed = {row[:3] for row in await parked_at(city, NOTES) if row.reason == "handler-failed"}
    scene.expect(failed, f"Handlers that fail for good have their records parked at {NOTES}.")


async def poison_everything(
    scene: Scene, city: DrillCity, foreign: Foreigner, households: set[UUID], number: int
) -> list[Said]:
    """Some of every kind on each partition of every announcer, of strangers; and some for households at work.

    Those at work are added to ``households`` before anything is said of them. They are chosen by their numbers in the
    clients' journal, for what id a household has is the service's choice.
    """
    places = [
        Place(fact_topic(city.topic_root, service, agency), partition, service, agency)
        for service, _, agency in (name.partition(".") for name in ANNOUNCERS)
        for partition in range(PARTITIONS)
    ]
    kinds = _dealt(scene, places)
    chances = {place: scene.random_for(f"{place.service} {place.partition} {number}") for place in places}
    each = await asyncio.gather(*(_poison_strangers(foreign, place, kinds[place], chances[place]) for place in places))
    said = [one for of_place in each for one in of_place]
    # Those about which verification has most to say yet.
    recent = [UUID(entry.answer) for entry in scene.journal.of("registration") if entry.answer is not None][-RECENT:]
    known = scene.random.sample(recent, min(len(recent), POISONED_HOUSEHOLDS))
    households.update(known)
    return said + [await _poison(scene, city, foreign, household) for household in known]


def _dealt(scene: Scene, places: list[Place]) -> dict[Place, list[str]]:
    """So many kinds for each place that every kind is dealt a few times."""
    each = scene.at_size(3, len(KINDS))
    cards = [kind for _ in places for kind in sorted(KINDS)][: each * len(places)]
    scene.random.shuffle(cards)
    return {place: cards[number * each : (number + 1) * each] for number, place in enumerate(places)}


async def _poison_strangers(foreign: Foreigner, place: Place, kinds: list[str], chance: Random) -> list[Said]:
    return [await _say(foreign, place, kind, UUID(int=chance.getrandbits(128), version=4)) for kind in kinds]


async def _say(foreign: Foreigner, place: Place, kind: str, household: UUID) -> Said:
    return Said(kind, place.topic, place.partition, await KINDS[kind].say(foreign, place, household))


async def _poison(scene: Scene, city: DrillCity, foreign: Foreigner, household: UUID) -> Said:
    service, _, agency = VERIFICATION.partition(".")
    everywhere = list(range(PARTITIONS))
    partition = DefaultPartitioner()(str(household).encode(), everywhere, everywhere)
    place = Place(fact_topic(city.topic_root, service, agency), partition, service, agency)
    kind = scene.random.choice(sorted(set(POISONS) - {NO_KEY, BINARY_KEY}))
    return await _say(foreign, place, kind, household)


async def dismiss_poison(scene: Scene, city: DrillCity, poison: int) -> int:
    """Somebody gives every poisoned record up; how many good ones were handled at that."""
    handled = 0
    for _ in range(ROUNDS_MAX + poison // DISMISSED_AT_ONCE):
        dismissed, behind = await dismiss_what_is_not_ours(city)
        handled += behind
        if not dismissed:
            break
    await city.settled()
    left = await parked_by_reason(city)
    scene.expect(not left, f"Once the poison is dismissed nothing waits: {dict(left)}")
    return handled
