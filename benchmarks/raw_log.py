"""The raw log: Kafka by aiokafka alone, with which the latency of the city is compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from uuid_utils.compat import uuid7

from benchmarks.bus import headers
from benchmarks.workplace import Workplace
from shared.events.envelope import Event
from shared.events.intake import HouseholdProfile, HouseholdRegistered
from shared.events.topics import PARTITIONS

SETTLED_SECONDS_MAX = 120.0
Echo = Callable[[float, float], Awaitable[list[float]]]
"""Sends at a rate, so many a second, for so many seconds; returns how many seconds each record took to be read."""


@dataclass
class Seen:
    """When each household (or record) became visible, by the clock of this process."""

    at: dict[str, float] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, *arguments: Any) -> None:
        self.at[arguments[-1]] = time.perf_counter()
        self.changed.set()

    async def all_of(self, wanted: set[str]) -> None:
        """Until each of them was seen."""
        async with asyncio.timeout(SETTLED_SECONDS_MAX):
            while not wanted <= self.at.keys():
                self.changed.clear()
                await self.changed.wait()


async def ticks(rate: float, seconds: float) -> AsyncIterator[int]:
    """Evenly, so many a second; one that is late does not shift the others."""
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        yield number


class SentRecord(NamedTuple):
    """What is sent of a family under a topic of its own."""

    name: str
    value: bytes
    enveloped_as: type[Event] | None


class RawLog(NamedTuple):
    """What is sent of each family; the first record is the one that is waited for."""

    name: str
    records: tuple[SentRecord, ...]
    partitions: int


_FACT, _PROFILE = (each.from_example().model_dump_json().encode() for each in (HouseholdRegistered, HouseholdProfile))
BARE = RawLog("bare", (SentRecord("fact", _FACT, None),), 3)
AS_INTAKE_SENDS = RawLog(
    "family",
    (SentRecord("fact", _FACT, HouseholdRegistered), SentRecord("profile", _PROFILE, HouseholdProfile)),
    PARTITIONS,
)


@asynccontextmanager
async def raw_log(workplace: Workplace, log: RawLog) -> AsyncIterator[Echo]:
    """Topics, a producer and a consumer of each; what is yielded sends at a rate and tells how long the first took."""
    options, read = workplace.stack.kafka.aiokafka(), Seen()
    first, *others = topics = [f"{workplace.root}.raw.{log.name}.{record.name}" for record in log.records]
    admin, producer = AIOKafkaAdminClient(**options), AIOKafkaProducer(**options, acks="all")
    await admin.start()
    await admin.create_topics([NewTopic(topic, log.partitions, 1) for topic in topics])
    await producer.start()

    async def consume(topic: str) -> None:
        async with AIOKafkaConsumer(topic, **options, group_id=None, auto_offset_reset="earliest") as consumer:
            while True:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records if topic == first else ():
                        read.tell(record.key.decode())

    async def echo(rate: float, seconds: float) -> list[float]:
        sent: dict[str, float] = {}
        async for _ in ticks(rate, seconds):
            household = str(uuid7())
            key = household.encode()
            values = [record.value for record in log.records]
            envelopes = [_envelope(record, household) for record in log.records]
            sent[household] = time.perf_counter()
            await producer.send_and_wait(first, values[0], key=key, headers=envelopes[0])
            for topic, value, envelope in zip(others, values[1:], envelopes[1:], strict=True):
                await producer.send(topic, value, key=key, headers=envelope)
        await read.all_of(set(sent))
        return [read.at[key] - at for key, at in sent.items()]

    consuming = [asyncio.create_task(consume(topic)) for topic in topics]
    try:
        # The first records of all wait for metadata.
        await echo(20, 1)
        yield echo
    finally:
        for each in consuming:
            each.cancel()
        await asyncio.wait(consuming)
        await producer.stop()
        await admin.delete_topics(topics)
        await admin.close()


def _envelope(record: SentRecord, household: str) -> list[tuple[str, str | bytes | None]]:
    return [] if record.enveloped_as is None else headers(record.enveloped_as, household, 1)
