"""The best that hand-written code does with a batch of records: aiokafka, orjson, asyncpg, one transaction per batch.

It keeps the rows that a deployment keeps (marks locked and advanced, effects, numbers, the outbox with the same headers
and payloads) and the promise that nothing is heard twice; it knows one type of event, checks no contract, no
authority and no header, and parks nothing. As ours, it asks for the next batch while PostgreSQL works for this one,
waits for no commit of offsets, writes effects and outbox by COPY, and sends long columns as one text each, because
asyncpg examines every element of a list.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from uuid_utils import uuid7

from benchmarks.bus import AGENCY
from benchmarks.databases import Database
from benchmarks.measuring import Sample, Stopwatch
from benchmarks.workplace import Workplace

EFFECT = "create table bench_effect (event_id uuid, household_id uuid, revision integer)"
COMMITS_APART_SECONDS = 0.25
"""Offsets are committed as often as ours are: what a crash makes come again is passed over by its marks."""
READ_TOGETHER = 100
"""So many records are read in one go; then whoever waits for PostgreSQL may go on."""
_TYPE = "id.tuntas.verification.opened.v1"


class Read(NamedTuple):
    """What one record says. Keys and ids stay as texts: the driver takes those, and a UUID costs to make."""

    key: str
    offset: int
    sequence: int
    event_id: str
    body: dict[str, Any]


@dataclass
class Batch:
    """Records in their order, and where the last of each partition ends."""

    records: list[Read] = field(default_factory=list)
    ends: dict[TopicPartition, int] = field(default_factory=dict)

    def read(self, polled: dict[TopicPartition, list[Any]]) -> None:
        for place, records in polled.items():
            self.ends[place] = records[-1].offset + 1
            for record in records:
                headers = dict(record.headers)
                read = Read(
                    record.key.decode(),
                    record.offset,
                    int(headers["ce_sequence"]),
                    headers["ce_id"].decode(),
                    orjson.loads(record.value),
                )
                self.records.append(read)


@dataclass
class Commits:
    """Offsets of what was heard, committed beside the next batches: one commit after the other, four times a second."""

    consumer: AIOKafkaConsumer
    _heard: dict[TopicPartition, int] = field(default_factory=dict)
    _running: asyncio.Task[None] | None = None
    _began: float = 0.0

    async def heard(self, ends: dict[TopicPartition, int]) -> None:
        self._heard |= ends
        now = asyncio.get_running_loop().time()
        if now - self._began >= COMMITS_APART_SECONDS and (self._running is None or self._running.done()):
            await self._answered()
            self._began, self._running = now, asyncio.create_task(self._commit())

    async def finish(self) -> None:
        """Until the broker has answered for all that was heard."""
        await self._answered()
        await self._commit()

    async def _answered(self) -> None:
        if self._running is not None:
            await self._running

    async def _commit(self) -> None:
        heard, self._heard = self._heard, {}
        if heard:
            await self.consumer.commit(heard)


@dataclass(frozen=True)
class ByHand:
    """One connection, one topic."""

    workplace: Workplace
    connection: asyncpg.Connection[Any]
    topic: str
    batch: int

    @classmethod
    async def on(cls, workplace: Workplace, database: Database, topic: str, batch: int) -> Self:
        return cls(workplace, await database.connect(), topic, batch)

    async def consume(self, events: int) -> Sample:
        """Everything that waits in the topic, in a group of its own."""
        watch, left = Stopwatch(), events
        async with self._consumer() as consumer:
            commits, batch = Commits(consumer), await self._next(consumer, watch)
            while batch.records:
                left -= len(batch.records)
                ahead = asyncio.create_task(self._next(consumer)) if left else None
                async with self.connection.transaction():
                    await self._handle(batch.records)
                await commits.heard(batch.ends)
                batch = await ahead if ahead else Batch()
            await commits.finish()
            watch.__exit__()
        return watch.sample(events)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            self.topic,
            **self.workplace.stack.kafka.aiokafka(),
            group_id=f"{self.workplace.root}.by-hand",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=1_048_576,
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        collecting = gc.get_threshold()
        # As ours does: the collector finds nothing here, and looks at all that this process has imported.
        gc.freeze()
        gc.set_threshold(200_000, *collecting[1:])
        try:
            yield consumer
        finally:
            gc.set_threshold(*collecting)
            gc.unfreeze()
            await consumer.stop()

    async def _next(self, consumer: AIOKafkaConsumer, watch: Stopwatch | None = None) -> Batch:
        """As full a batch as the client has fetched; waits for the first record, with which the watch starts."""
        batch = Batch()
        while len(batch.records) < self.batch:
            asked = min(READ_TOGETHER, self.batch - len(batch.records))
            polled = await consumer.getmany(timeout_ms=0 if batch.records else 200, max_records=asked)
            if polled and watch is not None and not batch.records:
                watch.__enter__()
            if not polled and batch.records:
                break
            batch.read(polled)
            await asyncio.sleep(0)
        return batch

    async def _handle(self, records: list[Read]) -> None:
        last = {read.key: read.offset for read in records}
        keys = sorted(last)
        names = as_array(keys)
        rows = await self.connection.fetch(_LOCK, self.topic, names)
        marks = dict.fromkeys(keys, 0) | {row["key"]: row["last_sequence"] for row in rows}
        fresh = []
        for read in records:
            if read.sequence == marks[read.key] + 1:
                marks[read.key] = read.sequence
                fresh.append(read)
        sequences, offsets = (as_array([str(of[key]) for key in keys]) for of in (marks, last))
        keeping = asyncio.create_task(self.connection.execute(_KEEP, self.topic, names, sequences, offsets))
        # It is on its way to PostgreSQL before the rest is made.
        await asyncio.sleep(0)
        effects = [(each.event_id, each.body["household_id"], each.body["revision"]) for each in fresh]
        answers = self._answers(fresh)
        await keeping
        await self.connection.copy_records_to_table("bench_effect", records=effects)
        await self._announce(fresh, answers)

    def _answers(self, fresh: list[Read]) -> list[tuple[str, str, bytes]]:
        """Id, headers and payload of each answer, all but its number."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answers = []
        for read in fresh:
            event_id = str(uuid7())
            answers.append((event_id, _headers(event_id, read.body["household_id"], now), _answer(read.body)))
        return answers

    async def _announce(self, fresh: list[Read], answers: list[tuple[str, str, bytes]]) -> None:
        counted = Counter(read.key for read in fresh)
        keys = sorted(counted)
        rows = await self.connection.fetch(_NUMBER, as_array(keys), as_array([str(counted[key]) for key in keys]))
        numbers = {row["key"]: row["last_sequence"] - counted[row["key"]] for row in rows}
        topic = f"{self.workplace.root}.verification.{AGENCY}"
        outbox = []
        for read, (event_id, headers, answer) in zip(fresh, answers, strict=True):
            numbers[read.key] += 1
            numbered = f'{headers},"ce_sequence":"{numbers[read.key]}"}}'
            outbox.append((event_id, topic, read.key.encode(), _TYPE, numbered, answer))
        await self.connection.copy_records_to_table("outbox", schema_name="kernel", columns=_COLUMNS, records=outbox)


def _headers(event_id: str, household: str, now: str) -> str:
    # The cause of an answer to a batch is the batch's, which is a new one.
    correlation = str(uuid7())
    return (
        f'{{"ce_specversion":"1.0","ce_source":"/agencies/{AGENCY}/verification","ce_type":"{_TYPE}",'
        f'"ce_subject":"household/{household}","ce_time":"{now}",'
        f'"ce_dataschema":"urn:tuntas:schema:verification.opened.v1","ce_correlationid":"{correlation}",'
        f'"content-type":"application/json","ce_id":"{event_id}","traceparent":'
        f'"00-{correlation.replace("-", "")}-{event_id[19:23]}{event_id[24:]}-01"'
    )


def _answer(body: dict[str, Any]) -> bytes:
    household = body["household_id"]
    return orjson.dumps(
        {
            "case_id": household,
            "household_id": household,
            "region": body["region"],
            "round": body["revision"],
            "reason": "roster-corrected",
        }
    )


def as_array(words: Iterable[str]) -> str:
    """An array of UUIDs or numbers, as PostgreSQL reads it from one text."""
    return "{" + ",".join(words) + "}"


_LOCK = """
    select convert_from(found.key, 'utf8') as key, found.last_sequence
    from unnest($2::text::text[]) as wanted(key) cross join lateral (
        select key, last_sequence from kernel.heard
        where topic = $1 and heard.key = convert_to(wanted.key, 'utf8') for update
    ) as found
"""
_KEEP = """
    insert into kernel.heard (topic, key, last_sequence, last_offset)
    select $1, convert_to(key, 'utf8'), last_sequence, last_offset
    from unnest($2::text::text[], $3::text::bigint[], $4::text::bigint[]) as kept(key, last_sequence, last_offset)
    on conflict (topic, key) do update
    set last_sequence = excluded.last_sequence, last_offset = excluded.last_offset
"""
_NUMBER = """
    insert into kernel.announced (key, last_sequence)
    select convert_to(key, 'utf8'), wanted from unnest($1::text::text[], $2::text::bigint[]) as given(key, wanted)
    on conflict (key) do update set last_sequence = announced.last_sequence + excluded.last_sequence
    returning convert_from(key, 'utf8') as key, last_sequence
"""
_COLUMNS = ("event_id", "topic", "key", "type", "headers", "payload")
