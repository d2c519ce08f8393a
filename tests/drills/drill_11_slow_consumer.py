"""11. A consumer ten times too slow: its memory stays bounded, and its lag is what a broker knows of it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import orjson
from aiokafka.partitioner import DefaultPartitioner

from shared.events.topics import PARTITIONS, consumer_group, fact_topic
from shared.events.verification import VisitRecorded
from shared.messaging.parking import StoredRecord
from tests.drills.foreign import Foreigner, foreigner
from tests.drills.poison import Place, headers_of
from tests.drills.scene import Drill, DrillCity, Scene

DRILL = Drill(11, "a consumer ten times too slow")
SLOW = "notifications.dinsos-samarinda"
ANNOUNCER = "verification.dinsos-samarinda"
SECONDS_PER_EVENT = 0.01
"""A handler of ours needs about a millisecond for an event of a batch."""
GROWTH_MB_MAX = 60.0
LOOKS = 4


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city() as city, foreigner(scene.stack.kafka, city.topic_root) as foreign:
        slow = city.processes[SLOW]
        await slow.kill()
        slow.deployed.fault = ["slow_handlers", str(SECONDS_PER_EVENT)]
        await city.all_start()
        before_mb = slow.resident_mb()
        async with city.load() as load:
            await load.until_paid()
            await load.stop()
        scene.note("backlog", await foreign.say_again(visits(city.topic_root, scene.at_size(3_000, 50_000))))
        await lag_is_right(scene, city, foreign)
        grown_mb = slow.resident_mb() - before_mb
        scene.note("memory_grown_mb", round(grown_mb, 1))
        scene.expect(grown_mb < GROWTH_MB_MAX, f"Memory is bounded under a backlog: {grown_mb:.0f} MB more.")
        await slow.kill()
        slow.deployed.fault = []
        await city.all_start()
        await city.settled()
        await city.judge()


def visits(topic_root: str, count: int) -> list[StoredRecord]:
    """Visits to households that nobody has heard of: only the slow consumer has to do with them."""
    service, _, agency = ANNOUNCER.partition(".")
    topic, everywhere = fact_topic(topic_root, service, agency), list(range(PARTITIONS))
    found = []
    for _ in range(count):
        household = uuid4()
        key = str(household).encode()
        partition = DefaultPartitioner()(key, everywhere, everywhere)
        headers = headers_of(Place(topic, partition, service, agency), household, VisitRecorded)
        value = orjson.dumps(VisitRecorded.example | {"household_id": str(household)})
        found.append(StoredRecord(topic, partition, 0, key, value, tuple(headers)))  # type: ignore[arg-type]
    return found


async def lag_is_right(scene: Scene, city: DrillCity, foreign: Foreigner) -> None:
    """What the slow worker says lies between what a broker knew before and what it knows after."""
    service, _, agency = SLOW.partition(".")
    group = consumer_group(city.topic_root, service, agency)
    for _ in range(LOOKS):
        before = await foreign.behind(group)
        # Longer than a process takes to measure itself anew.
        await asyncio.sleep(3)
        said = (await city.processes[SLOW].metrics())["tuntas_lag_records"]
        after = await foreign.behind(group)
        scene.note("lag", [before, said, after])
        scene.expect(before > 0, "The slow consumer is behind.")
        scene.expect(after <= said <= before, f"tuntas_lag_records says {said}; brokers knew {before}, then {after}.")
