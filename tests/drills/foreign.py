"""A client that is none of ours and may do everything: repeats records, poisons topics, rewinds groups."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import OffsetAndMetadata

from local.stack.addresses import KafkaAddress
from shared.events.topics import parse_topic
from shared.messaging.parking import StoredRecord
from shared.messaging.unpacking import read_forgivingly

Headers = list[tuple[str, bytes | None]]
read_forgivingly()

LARGEST = 1_000_000
IN_FLIGHT = 500


@dataclass
class Foreigner:
    """The administrator's rights, and no manners."""

    address: KafkaAddress
    topic_root: str
    producer: Any

    async def say(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> int:
        """The offset of the record."""
        said = await self.producer.send_and_wait(topic, value, key=key, headers=headers, partition=partition)
        return int(said.offset)

    async def say_again(self, records: Iterable[StoredRecord]) -> int:
        """Every record verbatim once more, on its own partition, in the order given; how many."""
        waiting: list[Any] = []
        said = 0
        for each in records:
            waiting.append(
                await self.producer.send(
                    each.topic, each.value, key=each.key, headers=list(each.headers), partition=each.partition
                )
            )
            said += 1
            if len(waiting) == IN_FLIGHT:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
        return said

    async def say_with_nameless_header(
        self, topic: str, partition: int, key: bytes, value: bytes, headers: Headers
    ) -> int:
        """A record with a header whose name is not UTF-8: brokers take it, Python's client would not."""
        batch = self.producer.create_batch()
        batch.append(key=key, value=value, timestamp=None, headers=[*headers, ("zz", b"1")])
        written = bytearray(batch._build())
        place = written.rindex(b"zz")
        written[place : place + 2] = b"\xff\xfe"
        # The checksum covers everything from the attributes on, and stands just before them.
        struct.pack_into(">I", written, 17, calc_crc32c(bytes(written[21:])))
        batch._buffer = bytes(written)
        # Open, it would take the next record, too, and never say so.
        batch.close()
        return int((await (await self.producer.send_batch(batch, topic, partition=partition))).offset)

    async def all_said(self) -> list[StoredRecord]:
        """Every record of every announcer, each partition in order."""
        found: list[StoredRecord] = []
        async with self._reader() as consumer:
            ends = await self._ends(consumer)
            consumer.assign(list(ends))
            await consumer.seek_to_beginning(*ends)
            left = {place for place, end in ends.items() if end}
            while left:
                for place, records in (await consumer.getmany(timeout_ms=500, max_records=2_000)).items():
                    found += [_stored(each) for each in records if each.offset < ends[place]]
                left = {place for place in left if await consumer.position(place) < ends[place]}
        return found

    async def behind(self, group: str) -> int:
        """How many records the group has not committed yet, as a broker knows it."""
        committed = await self.committed(group)
        async with self._reader() as consumer:
            ends = await self._ends(consumer)
        # Profiles that are not granted are never read, so nothing of them is ever committed.
        return sum(
            end - committed.get(place, 0) for place, end in ends.items() if place in committed or self._is_fact(place)
        )

    async def committed(self, group: str) -> dict[TopicPartition, int]:
        async with self._admin() as admin:
            offsets = await admin.list_consumer_group_offsets(group)
        return {place: meta.offset for place, meta in offsets.items() if meta.offset >= 0}

    async def rewind(self, group: str) -> int:
        """Set a group whose workers rest to the beginning of every topic; how many records it will read again."""
        committed = await self.committed(group)
        # Who commits without being a member may, as long as nobody is one.
        consumer = AIOKafkaConsumer(**self.address.aiokafka(), group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign(list(committed))
            await consumer.commit({place: OffsetAndMetadata(0, "") for place in committed})
        finally:
            await consumer.stop()
        return sum(committed.values())

    def _is_fact(self, place: TopicPartition) -> bool:
        announcer = parse_topic(place.topic, self.topic_root)
        return announcer is not None and announcer.kind == "facts"

    async def _ends(self, consumer: Any) -> dict[TopicPartition, int]:
        topics = [topic for topic in await consumer.topics() if parse_topic(topic, self.topic_root)]
        async with self._admin() as admin:
            described = await admin.describe_topics(topics)
        places = [
            TopicPartition(topic["topic"], each["partition"]) for topic in described for each in topic["partitions"]
        ]
        # Paused, so that the client learns all these topics at once.
        consumer.assign(places)
        consumer.pause(*places)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
        return ends

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(
            **self.address.aiokafka(), enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=50
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[Any]:
        admin = AIOKafkaAdminClient(**self.address.aiokafka())
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


@asynccontextmanager
async def foreigner(address: KafkaAddress, topic_root: str) -> AsyncIterator[Foreigner]:
    async with AIOKafkaProducer(
        **address.aiokafka(), acks="all", linger_ms=5, max_request_size=LARGEST + 40_000, max_batch_size=256 * 1024
    ) as producer:
        yield Foreigner(address, topic_root, producer)


def _stored(record: Any) -> StoredRecord:
    return StoredRecord(record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers))
