"""Relay: a filled outbox is moved to Kafka, in order, each row deleted once its record is acknowledged.

Ours is the product's relay. The reference is the loop of the same promise by hand: delete and return a thousand rows,
one batch per partition with all acknowledgements, commit. Neither waits for the disk to know of what was deleted, as a
row that comes back is sent again and passed over; both remember the partitions of keys. Both empty the same rows of two
databases onto two topics. The clock runs from the commit that fills the outbox to the one that leaves it empty. The
notes tell what the same loop does when each of its commits waits for the disk, what a raw producer does, whose batches
are made before its clock and only sent and acknowledged within, and what that loop does without the database: rows in
memory, headers read and batches made within the clock.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from prometheus_client import CollectorRegistry

from benchmarks.bus import AGENCY, Bus, bus
from benchmarks.databases import Database, databases
from benchmarks.measuring import Result, Sample, Stopwatch, by_turns, middle_cpu_us, middle_rate, rates
from benchmarks.workplace import Workplace
from shared.events.topics import PARTITIONS
from shared.messaging.collecting import collecting_seldom
from shared.messaging.metrics import RelayMetrics
from shared.messaging.relay import BATCH_BYTES_MAX, Relay, session_settings
from shared.messaging.wake import Wake

ROWS = 1_000
_PARTITIONS = list(range(PARTITIONS))


async def run(workplace: Workplace) -> Result:
    """Events per second, on both sides."""
    events = workplace.at_size(1_000, 100_000)
    async with databases(workplace) as make, bus(workplace, ["intake", "verification"]) as topics:
        mine, theirs = await make("verification", "relay"), await make("verification", "by_hand")
        relaying = _Relaying(workplace, mine, topics.topic("intake"))
        async with relaying.running(), _by_hand(workplace, theirs, topics.topic("verification")) as hand:

            async def ours(_: int) -> Sample:
                return await relaying.empty(events)

            async def reference(_: int) -> Sample:
                return await hand.empty(events)

            async def strict(_: int) -> Sample:
                async with hand.waiting_for_the_disk():
                    return await hand.empty(events)

            async def without_database(_: int) -> Sample:
                return await hand.send_what_is_in_memory(events)

            async def raw_producer(_: int) -> Sample:
                return await hand.send_what_is_made(events)

            # As services look for cycles, and for both sides.
            with collecting_seldom():
                sides = (ours, reference, strict, without_database, raw_producer)
                *measured, waiting, in_memory, raw = await by_turns(workplace.rounds, *sides)
            waits = {"ours": await relaying.synchronous_commit(), "reference": await hand.synchronous_commit()}
        payload = await _payload_bytes(theirs, topics)
    return rates(
        "relay",
        *measured,
        unit="events/s",
        at_least=0.80,
        payload_bytes=payload,
        connections=1,
        reference_connections=1,
        notes={
            "events": events,
            "synchronous_commit_of_ours": waits["ours"],
            "synchronous_commit_of_reference": waits["reference"],
            "reference_cpu_us_per_op": middle_cpu_us(measured[1]),
            "reference_that_waits_for_the_disk_per_second": middle_rate(waiting),
            "raw_producer_per_second": middle_rate(raw),
            "raw_producer_cpu_us": middle_cpu_us(raw),
            "ratio_to_raw_producer": round(middle_rate(measured[0]) / middle_rate(raw), 3),
            "without_database_per_second": middle_rate(in_memory),
            "without_database_cpu_us": middle_cpu_us(in_memory),
        },
    )


class _Relaying:
    """The product's relay, standing ready."""

    def __init__(self, workplace: Workplace, database: Database, topic: str) -> None:
        self._workplace, self._database, self._topic = workplace, database, topic
        self._registry, self._wake = CollectorRegistry(), Wake()
        self._relay = Relay(database.connect, self._producer, self._wake, RelayMetrics(self._registry))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        relaying = asyncio.create_task(self._relay.run())
        try:
            yield
        finally:
            relaying.cancel()
            await asyncio.wait([relaying])

    async def empty(self, events: int) -> Sample:
        before = self._relayed()
        async with filled(self._database, self._topic, events) as appear:
            with Stopwatch() as watch:
                await appear()
                self._wake.signal()
                # A measure of the product says when; asking costs microseconds.
                while self._relayed() - before < events:  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
        return watch.sample(events)

    async def synchronous_commit(self) -> str:
        """What the server says to a session with the relay's settings."""
        connection = await self._database.connect()
        await connection.execute(session_settings())
        said: str = await connection.fetchval("show synchronous_commit")
        await connection.close()
        return said

    def _relayed(self) -> float:
        return self._registry.get_sample_value("tuntas_relayed_total") or 0

    def _producer(self) -> AIOKafkaProducer:
        return producer(self._workplace)


class _ByHand:
    """One connection, one producer."""

    def __init__(
        self, connection: asyncpg.Connection[Any], database: Database, producer: AIOKafkaProducer, topic: str
    ) -> None:
        self._connection, self._database, self._producer, self._topic = connection, database, producer, topic
        self._partitioner = DefaultPartitioner()
        self._partition_of: dict[bytes, int] = {}
        """Of every key that was ever sent: hashing one costs as much as all the rest of a row."""

    async def empty(self, events: int) -> Sample:
        async with filled(self._database, self._topic, events) as appear:
            with Stopwatch() as watch:
                await appear()
                while await self._move():
                    pass
        return watch.sample(events)

    @asynccontextmanager
    async def waiting_for_the_disk(self) -> AsyncIterator[None]:
        """Within the block each commit returns once it is on disk."""
        await self._connection.execute("set synchronous_commit = on")
        yield
        await self._connection.execute("set synchronous_commit = off")

    async def synchronous_commit(self) -> str:
        """What the server says to this session."""
        said: str = await self._connection.fetchval("show synchronous_commit")
        return said

    async def _move(self) -> int:
        async with self._connection.transaction():
            rows = await self._connection.fetch(_TAKE, ROWS)
            rows.sort(key=lambda row: row["id"])
            await self._send(self._packed(rows))
        return len(rows)

    async def send_what_is_in_memory(self, events: int) -> Sample:
        """The same loop over the same rows, without the database."""
        rows = await self._taken(events)
        with Stopwatch() as watch:
            for start in range(0, len(rows), ROWS):
                await self._send(self._packed(rows[start : start + ROWS]))
        return watch.sample(events)

    async def send_what_is_made(self, events: int) -> Sample:
        """The same records in the same batches, made before the clock: what the client and Kafka take at least."""
        rows = await self._taken(events)
        made = [self._packed(rows[start : start + ROWS]) for start in range(0, len(rows), ROWS)]
        with Stopwatch() as watch:
            for batches in made:
                await self._send(batches)
        return watch.sample(events)

    async def _taken(self, events: int) -> list[Any]:
        async with filled(self._database, self._topic, events) as appear:
            await appear()
        rows: list[Any] = await self._connection.fetch(_TAKE, events)
        rows.sort(key=lambda row: row["id"])
        return rows

    def _packed(self, rows: list[Any]) -> dict[int, Any]:
        """One batch of each partition that the rows go to."""
        batches: dict[int, Any] = defaultdict(self._producer.create_batch)
        for row in rows:
            headers = [(name, value.encode()) for name, value in orjson.loads(row["headers"]).items()]
            batch = batches[self._place(row["key"])]
            batch.append(key=row["key"], value=row["payload"], timestamp=None, headers=headers)
        return batches

    async def _send(self, batches: dict[int, Any]) -> None:
        sent = [
            await self._producer.send_batch(batch, self._topic, partition=place) for place, batch in batches.items()
        ]
        await asyncio.gather(*sent)

    def _place(self, key: bytes) -> int:
        place = self._partition_of.get(key)
        if place is None:
            place = self._partition_of[key] = self._partitioner(key, _PARTITIONS, _PARTITIONS)
        return place


@asynccontextmanager
async def _by_hand(workplace: Workplace, database: Database, topic: str) -> AsyncIterator[_ByHand]:
    connection = await database.connect()
    await connection.execute("set synchronous_commit = off")
    async with producer(workplace) as made:
        await made.partitions_for(topic)
        yield _ByHand(connection, database, made, topic)
    await connection.close()


def producer(workplace: Workplace) -> AIOKafkaProducer:
    """With the promises of the product's: acknowledged by all replicas in sync, never written twice."""
    return AIOKafkaProducer(
        **workplace.stack.kafka.aiokafka(),
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=BATCH_BYTES_MAX + 64 * 1024,
    )


@asynccontextmanager
async def filled(database: Database, topic: str, events: int) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """So many announcements of 10,000 households stand in the outbox, unseen until what this gives is called.

    A relay looks by itself now and then, and would otherwise begin before the clock does.
    """
    connection = await database.connect()
    try:
        await connection.execute("vacuum kernel.outbox")
        filling = connection.transaction()
        await filling.start()
        await connection.execute(_FILL, topic, events, f"/agencies/{AGENCY}/verification")
        await connection.execute("analyze kernel.outbox")
        yield filling.commit
    finally:
        await connection.close()


async def _payload_bytes(database: Database, topics: Bus) -> int:
    async with filled(database, topics.topic("intake"), 10) as appear:
        await appear()
    connection = await database.connect()
    length: int = await connection.fetchval("select avg(length(payload))::int from kernel.outbox")
    await connection.close()
    return length


_TAKE = """
    delete from kernel.outbox where id in (select id from kernel.outbox order by id limit $1)
    returning id, topic, key, headers, payload
"""
_FILL = """
    insert into kernel.outbox (event_id, topic, key, type, headers, payload)
    select
        event_id, $1::text, convert_to(household, 'utf8'), 'id.tuntas.verification.opened.v1',
        jsonb_build_object(
            'ce_specversion', '1.0', 'ce_source', $3::text, 'ce_type', 'id.tuntas.verification.opened.v1',
            'ce_subject', 'household/' || household, 'ce_time', '2022-12-05T02:00:00.000Z',
            'ce_dataschema', 'urn:tuntas:schema:verification.opened.v1', 'ce_correlationid', event_id,
            'content-type', 'application/json', 'ce_id', event_id,
            'traceparent', '00-' || replace(event_id::text, '-', '') || '-00f067aa0ba902b7-01',
            'ce_sequence', (1 + n / 10000)::text
        ),
        convert_to(
            '{"case_id":"' || household || '","household_id":"' || household
            || '","region":"64.72.05.1002","round":1,"reason":"cohort"}', 'utf8'
        )
    from (
        select n, gen_random_uuid() as event_id, md5('household' || n % 10000)::uuid::text as household
        from generate_series(0, $2::int - 1) as n
    ) as row
    order by n
"""
