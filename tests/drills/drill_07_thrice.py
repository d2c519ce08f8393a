"""7. What is delivered too often changes nothing: records of any age again, all records thrice, whole topics."""

from __future__ import annotations

import asyncio

from tests.drills.foreign import Foreigner, foreigner
from tests.drills.looking import figures
from tests.drills.scene import Drill, DrillCity, Scene

DRILL = Drill(7, "every record delivered three times, whole topics replayed")
SAMPLE = 300


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city() as city, foreigner(scene.stack.kafka, city.topic_root) as foreign:
        async with city.load() as load:
            for _ in range(scene.at_size(3, 20)):
                await asyncio.sleep(scene.random.uniform(1, 3))
                await repeat_some(scene, foreign)
            await load.until_paid()
            await repeat_some(scene, foreign)
            await load.stop()
        await city.settled()
        before = await figures(city)
        said = await foreign.all_said()
        for _ in range(2):
            await foreign.say_again(said)
        await city.settled()
        await unchanged(scene, before, await figures(city), "when every record was delivered three times")
        read_again = await replay_topics(city, foreign)
        await city.settled()
        await unchanged(scene, before, await figures(city), "when whole topics were replayed")
        scene.note("said_again", 2 * len(said))
        scene.note("read_again", read_again)
        await city.judge()


async def repeat_some(scene: Scene, foreign: Foreigner) -> None:
    """Records of any age, in any order, between those that are new."""
    said = await foreign.all_said()
    await foreign.say_again(scene.random.sample(said, min(len(said), SAMPLE)))


async def replay_topics(city: DrillCity, foreign: Foreigner) -> int:
    """Every group begins at the beginning again; how many records are read once more."""
    for process in city.processes.values():
        await process.stop()
    read_again = 0
    for group in city.groups():
        read_again += await foreign.rewind(group)
    await city.all_start()
    return read_again


async def unchanged(scene: Scene, before: dict[str, str], after: dict[str, str], when: str) -> None:
    differing = sorted(name for name in before if before[name] != after[name])
    scene.expect(not differing, f"No figure changes {when}: {', '.join(differing)}")
