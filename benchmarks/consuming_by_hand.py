"""The best that hand-written code does with a batch of records: aiokafka, orjson, asyncpg, one transaction per batch.

It keeps the rows that a deployment keeps (marks locked and advanced, effects, numbers, the outbox with the same headers
and payloads) and the promise that nothing is heard twice; it knows one type of event, checks no contract, no
authority and no header, and parks nothing.
"""

from __future__ import annotations

import gc
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer
from uuid_utils.compat import uuid7

from benchmarks.bus import AGENCY
from benchmarks.databases import Database
from benchmarks.measuring import Sample, Stopwatch
from benchmarks.workplace import Workplace

EFFECT = "create table bench_effect (event_id uuid, household_id uuid, revision integer)"
_TYPE = "id.tuntas.verification.opened.v1"


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
        watch, left, collecting = Stopwatch(), events, gc.get_threshold()
        # As ours does: the collector finds nothing here, and looks at all that this process has imported.
        gc.freeze()
        gc.set_threshold(200_000, *collecting[1:])
        try:
            while left:
                polled = await consumer.getmany(timeout_ms=200, max_records=self.batch)
                records = [record for found in polled.values() for record in found]
                if not records:
                    continue
                if left == events:
                    watch.__enter__()
                async with self.connection.transaction():
                    await self._handle(records)
                await consumer.commit()
                left -= len(records)
            watch.__exit__()
        finally:
            gc.set_threshold(*collecting)
            gc.unfreeze()
            await consumer.stop()
        return watch.sample(events)

    async def _handle(self, records: list[Any]) -> None:
        keys = sorted({record.key for record in records})
        marks = {row["key"]: row["last_sequence"] for row in await self.connection.fetch(_LOCK, self.topic, keys)}
        offsets: dict[bytes, int] = {}
        fresh = []
        for record in records:
            headers = dict(record.headers)
            sequence = int(headers["ce_sequence"])
            if sequence == marks.get(record.key, 0) + 1:
                marks[record.key] = sequence
                fresh.append((record.key, headers, orjson.loads(record.value)))
            offsets[record.key] = record.offset
        await self.connection.copy_records_to_table(
            "bench_effect",
            records=[
                (UUID(headers["ce_id"].decode()), UUID(body["household_id"]), body["revision"])
                for _, headers, body in fresh
            ],
        )
        await self._announce(fresh)
        await self.connection.execute(
            _KEEP, self.topic, keys, [marks[key] for key in keys], [offsets[key] for key in keys]
        )

    async def _announce(self, fresh: list[Any]) -> None:
        counted = Counter(key for key, _, _ in fresh)
        keys = sorted(counted)
        rows = await self.connection.fetch(_NUMBER, keys, [counted[key] for key in keys])
        numbers = {row["key"]: row["last_sequence"] - counted[row["key"]] for row in rows}
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        source, topic = f"/agencies/{AGENCY}/verification", f"{self.workplace.root}.verification.{AGENCY}"
        ids, said, payloads = [], [], []
        for key, _, body in fresh:
            numbers[key] += 1
            event_id, household = uuid7(), body["household_id"]
            # The cause of an answer to a batch is the batch's, which is a new one.
            correlation = uuid7()
            said.append(
                f'{{"ce_specversion":"1.0","ce_source":"{source}","ce_type":"{_TYPE}",'
                f'"ce_subject":"household/{household}","ce_time":"{now}",'
                f'"ce_dataschema":"urn:tuntas:schema:verification.opened.v1","ce_correlationid":"{correlation}",'
                f'"content-type":"application/json","ce_id":"{event_id}",'
                f'"traceparent":"00-{correlation.hex}-{event_id.hex[16:]}-01","ce_sequence":"{numbers[key]}"}}'
            )
            ids.append(event_id)
            payloads.append(
                orjson.dumps(
                    {
                        "case_id": household,
                        "household_id": household,
                        "region": body["region"],
                        "round": body["revision"],
                        "reason": "roster-corrected",
                    }
                )
            )
        await self.connection.execute(_OUTBOX, ids, topic, [key for key, _, _ in fresh], _TYPE, said, payloads)


_LOCK = """
    select key, last_sequence from kernel.heard where topic = $1 and key = any($2::bytea[])
    order by topic, key for update
"""
_KEEP = """
    insert into kernel.heard (topic, key, last_sequence, last_offset)
    select $1, key, last_sequence, last_offset
    from unnest($2::bytea[], $3::bigint[], $4::bigint[]) as kept(key, last_sequence, last_offset)
    on conflict (topic, key) do update
    set last_sequence = excluded.last_sequence, last_offset = excluded.last_offset
"""
_NUMBER = """
    insert into kernel.announced (key, last_sequence)
    select key, wanted from unnest($1::bytea[], $2::bigint[]) as given(key, wanted)
    on conflict (key) do update set last_sequence = announced.last_sequence + excluded.last_sequence
    returning key, last_sequence
"""
_OUTBOX = """
    insert into kernel.outbox (event_id, topic, key, type, headers, payload)
    select event_id, $2, key, $4, headers::jsonb, payload
    from unnest($1::uuid[], $3::bytea[], $5::text[], $6::bytea[]) as item(event_id, key, headers, payload)
"""
