"""Read whole topics without a consumer group: for rebuilds and reconciliation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.events.topics import parse_topic
from shared.messaging.consumer import make_plain_consumer
from shared.settings import DeploymentSettings

RECORDS_MAX = 1_000
POLL_MS = 1_000


async def read_topics(
    settings: DeploymentSettings,
    upto: dict[TopicPartition, int] | None = None,
    services: set[str] | None = None,
    together: int = RECORDS_MAX,
) -> AsyncGenerator[list[Any], None]:
    """All records that this principal may read, in batches, each partition in order, up to where it ends now.

    Args:
        upto: instead of the end, stop before these offsets; partitions that are not named are not read.
        services: only topics of these announcers.
        together: the most records of one batch.
    """
    consumer = make_plain_consumer(settings)
    await consumer.start()
    try:
        ends = await _ends(consumer, settings, services) if upto is None else dict(upto)
        if not ends:
            return
        _know(consumer, list(ends))
        begins = await consumer.beginning_offsets(list(ends))
        open_ends = {place: end for place, end in ends.items() if end > begins[place]}
        if not open_ends:
            return
        consumer.assign(sorted(open_ends))
        for place in open_ends:
            consumer.seek(place, begins[place])
        async for records in _until(consumer, open_ends, together):
            yield records
    finally:
        await consumer.stop()


class OneAhead:
    """Batches, of which the next is asked for as soon as one is taken: it arrives while that one is worked on."""

    def __init__(self, batches: AsyncGenerator[list[Any], None]) -> None:
        self._batches = batches
        self._next = self._ask()

    def __aiter__(self) -> OneAhead:
        return self

    async def __anext__(self) -> list[Any]:
        batch = await self._next
        if batch is None:
            raise StopAsyncIteration
        self._next = self._ask()
        return batch

    async def aclose(self) -> None:
        """Read no further; what is ahead is dropped."""
        self._next.cancel()
        await asyncio.wait([self._next])
        await self._batches.aclose()

    def _ask(self) -> asyncio.Future[list[Any] | None]:
        return asyncio.ensure_future(anext(self._batches, None))


async def _until(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], together: int
) -> AsyncIterator[list[Any]]:
    left = dict(ends)
    while left:
        polled = await consumer.getmany(timeout_ms=POLL_MS, max_records=together)
        records = [record for place, found in polled.items() for record in found if record.offset < ends[place]]
        if records:
            yield records
        # Compaction and transaction markers leave holes, so the position tells the end, not the last record; and a
        # partition may end with a hole, of which nothing comes.
        for place in list(left) if len(records) < together else polled:
            if place in left and await consumer.position(place) >= ends[place]:
                del left[place]
                consumer.pause(place)


async def _ends(
    consumer: AIOKafkaConsumer, settings: DeploymentSettings, services: set[str] | None
) -> dict[TopicPartition, int]:
    # What `consumer.topics()` asks for, of which it tells the names alone.
    known = await consumer._client.fetch_all_metadata()
    partitions = [
        TopicPartition(topic, partition)
        for topic in known.topics()
        if (announcer := parse_topic(topic, settings.topic_root))
        and (services is None or announcer.service in services)
        for partition in known.partitions_for_topic(topic)
    ]
    if not partitions:
        return {}
    _know(consumer, partitions)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    return ends


def _know(consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
    """Have the client learn all these topics at once; asked for offsets only, it takes 0.1 s for each of them."""
    consumer.assign(partitions)
    consumer.pause(*partitions)


async def end_offsets(settings: DeploymentSettings) -> dict[tuple[str, int], int]:
    """Where every topic that this principal may read ends now, per (topic, partition)."""
    consumer = make_plain_consumer(settings)
    await consumer.start()
    try:
        ends = await _ends(consumer, settings, None)
        return {(place.topic, place.partition): end for place, end in ends.items()}
    finally:
        await consumer.stop()
