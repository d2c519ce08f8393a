"""11. A consumer ten times too slow: its memory stays bounded, and a broker knows of the lag that it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import orjson
from aiokafka.partitioner import DefaultPartitioner

from shared.events.topics import PARTITIONS, consumer_group, fact_topic
from shared.events.verification import VisitRecorded
from shared.messaging.consumer import FETCHED_BYTES_MAX
from shared.messaging.kernel import MEASURE_SECONDS
from shared.messaging.parking import StoredRecord
from shared.settings import DeploymentSettings
from tests.drills.foreign import Foreigner, foreigner
from tests.drills.poison import Place, headers_of
from tests.drills.scene import Drill, DrillCity, DrillProcess, Scene

DRILL = Drill(11, "a consumer ten times too slow")
SLOW = "notifications.dinsos-samarinda"
ANNOUNCER = "verification.dinsos-samarinda"
SECONDS_PER_EVENT = 0.01
"""A handler of ours needs about a millisecond for an event of a batch."""
BACKLOG_BYTES = 100_000_000
"""Far more than a worker may hold: one that read on and on would be seen to grow."""
ROOM_MB = 20.0
"""What Python keeps of what it has given back."""
LOOKS = 4
LOOK_SECONDS = 0.2


@DRILL.run
async def run(scene: Scene) -> None:
    async with scene.city() as city, foreigner(scene.stack.kafka, city.topic_root) as foreign:
        slow = city.processes[SLOW]
        await slow.kill()
        slow.deployed.fault = ["slow_handlers", str(SECONDS_PER_EVENT)]
        await city.all_start()
        async with city.load() as load:
            await load.until_paid()
            await load.stop()
        # All of the code has run by then, and nobody else says anything any more.
        await city.settled()
        watch = Watch(slow, slow.resident_mb())
        count = scene.at_size(8_000, 50_000)
        scene.note("backlog", await foreign.say_again(visits(city.topic_root, count)))
        await lag_is_right(scene, city, foreign, watch)
        grown_mb, may_grow_mb = watch.most_mb - watch.began_mb, held_mb_max(BACKLOG_BYTES // count)
        scene.note("memory_grown_mb", [round(grown_mb, 1), "of", round(may_grow_mb, 1)])
        scene.expect(
            grown_mb < may_grow_mb,
            f"Under a backlog a worker grows by {may_grow_mb:.0f} MB, and not by {grown_mb:.0f}.",
        )
        await slow.kill()
        slow.deployed.fault = []
        await city.all_start()
        await city.settled()
        await city.judge()


def held_mb_max(record_bytes: int) -> float:
    """What a worker may hold of a topic: what it fetched of each partition, a batch in hand and one ahead of it.

    Twice: an answer is there as it came until all of it is taken apart, and a record as it came and as it was read.
    """
    batch_records_max: int = DeploymentSettings.model_fields["batch_records_max"].default
    fetched, batches = PARTITIONS * FETCHED_BYTES_MAX, 2 * batch_records_max * record_bytes
    return 2 * (fetched + batches) / 1e6 + ROOM_MB


@dataclass
class Watch:
    """How large a process was seen to be."""

    process: DrillProcess
    began_mb: float
    most_mb: float = 0.0

    def look(self) -> None:
        self.most_mb = max(self.most_mb, self.process.resident_mb())


def visits(topic_root: str, count: int) -> Iterator[StoredRecord]:
    """Visits to households that nobody has heard of: only the slow consumer has to do with them.

    A later release says more of each, so that all together are as large as they should be.
    """
    service, _, agency = ANNOUNCER.partition(".")
    topic, everywhere = fact_topic(topic_root, service, agency), list(range(PARTITIONS))
    more = "x" * (BACKLOG_BYTES // count)
    for _ in range(count):
        household = uuid4()
        key = str(household).encode()
        partition = DefaultPartitioner()(key, everywhere, everywhere)
        headers = headers_of(Place(topic, partition, service, agency), household, VisitRecorded)
        value = orjson.dumps(VisitRecorded.example | {"household_id": str(household), "more": more})
        yield StoredRecord(topic, partition, 0, key, value, tuple(headers))  # type: ignore[arg-type]


async def lag_is_right(scene: Scene, city: DrillCity, foreign: Foreigner, watch: Watch) -> None:
    """What the slow worker says of itself is what a broker knew at one of the looks around it.

    It commits batch by batch, some five seconds apart, so that hardly anything it may have meant escapes the looks.
    """
    service, _, agency = SLOW.partition(".")
    group, clock = consumer_group(city.topic_root, service, agency), asyncio.get_running_loop().time
    told: list[tuple[float, list[int]]] = []

    async def look(seconds: float) -> list[int]:
        known, ends_at = [await foreign.behind(group)], clock() + seconds
        while clock() < ends_at:
            await asyncio.sleep(LOOK_SECONDS)
            known.append(await foreign.behind(group))
            watch.look()
        return known

    for _ in range(LOOKS):
        # Longer than a process takes to measure itself anew; and what it has heard is committed a moment later.
        before = await look(MEASURE_SECONDS + 1)
        said = (await city.processes[SLOW].metrics())["tuntas_lag_records"]
        known = sorted({*before, *await look(1)}, reverse=True)
        told.append((said, known))
        scene.expect(known[0] > 0, "The slow consumer is behind.")
        scene.expect(said in known, f"tuntas_lag_records says {said}; meanwhile brokers knew {known}.")
    scene.note("lag", told)
    scene.expect(len({said for said, _ in told}) > 1, f"The slow consumer goes on, and says so: {told}")
