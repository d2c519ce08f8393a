"""Relay: moves the outbox to Kafka, in order. One is active per deployment; others stand by."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from typing import Any

import orjson
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.messaging.literals import as_array
from shared.messaging.metrics import RelayMetrics
from shared.messaging.points import reached
from shared.messaging.wake import OUTBOX_CHANNEL, Wake

log = structlog.get_logger(__name__)

ROWS_MAX = 1_000
BATCH_BYTES_MAX = 900 * 1024
SEND_SECONDS_MAX = 30.0
# Below what supervision takes for a steady run: else it would begin anew at once each time, and /readyz say nothing.
START_SECONDS_MAX = 15.0
PRODUCER_SECONDS_MAX = 86_400
"""A producer's name is forgotten by the broker when nobody has begun under it for a week."""
CLIENTS_TURNS = 3
"""So many turns of the loop after a batch was given to it, Kafka's client has written it to its connection."""
ANSWERS_WITHIN_SECONDS = 5.0
"""Kafka that owes a relay an answer for longer is away, whatever the relay tries next."""
STANDBY_SECONDS = 1.0
POLL_SECONDS = 0.5
# Held on the very connection that deletes: who loses the one loses the other.
RELAY_LOCK = 0x74756E746173

_PARTITIONER = DefaultPartitioner()

Place = tuple[str, int]
"""A topic and one of its partitions."""


class Relay:
    """Sends outbox rows in their order, and deletes them once Kafka has acknowledged all of them.

    A crash in between sends a tail again, in the same order; hearing passes over it. A batch that was not acknowledged
    is never sent again on the same producer: both connections are closed, and the next round begins anew. Whoever has
    lost its turn without knowing is refused by the broker where its successor has written (see fenced_producer.py).
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Any]],
        make_producer: Callable[[], AIOKafkaProducer],
        wake: Wake,
        metrics: RelayMetrics,
    ) -> None:
        self._connect = connect
        self._make_producer = make_producer
        self._wake = wake
        self._metrics = metrics
        self.active = False
        self._rests = False
        """Whether nothing is under way, and whatever is committed is read at once."""
        self._owed_since: float | None = None
        """Since when Kafka owes an answer, to a producer that begins or to what was sent; over any number of attempts.
        """
        self._awaited: asyncio.Event | None = None
        """Set when that is on its way to Kafka which was committed to the relay at rest; None where nothing was."""

    def expect(self) -> asyncio.Event | None:
        """Something was committed. Returns what is set when it is on its way; None where the relay is not at rest."""
        if self._rests:
            self._awaited = self._awaited or asyncio.Event()
            return self._awaited
        return None

    @property
    def wrong(self) -> str | None:
        """What keeps it from sending although it runs: each attempt begins well, and Kafka that hangs ends it late."""
        if self._owed_since is None or time.monotonic() - self._owed_since < ANSWERS_WITHIN_SECONDS:
            return None
        return "Kafka does not answer"

    @contextmanager
    def _kafka_answers(self) -> Iterator[None]:
        """Whoever breaks off has had no answer yet."""
        self._owed_since = self._owed_since or time.monotonic()
        yield
        self._owed_since = None

    async def run(self) -> None:
        """Relay until cancelled. Raises what went wrong; the supervisor waits and calls again."""
        async with self._connection() as connection:
            await self._wait_for_turn(connection)
            self.active = True
            try:
                await connection.add_listener(OUTBOX_CHANNEL, lambda *_: self._wake.set_local())
                while True:
                    async with self._producer() as producer:
                        await self._relay(connection, producer)
            finally:
                self.active = False

    async def _relay(self, connection: Any, producer: AIOKafkaProducer) -> None:
        clock = asyncio.get_running_loop().time
        ends_at = clock() + PRODUCER_SECONDS_MAX
        try:
            while clock() < ends_at:
                self._wake.clear()
                moved = await self._move(connection, producer)
                self._let_answers_go_on()
                self._metrics.relayed.inc(moved)
                if moved < ROWS_MAX:
                    await self._rest()
        finally:
            self._let_answers_go_on()

    async def _rest(self) -> None:
        self._rests = True
        try:
            await self._wake.wait(POLL_SECONDS)
        finally:
            self._rests = False

    async def _move(self, connection: Any, producer: AIOKafkaProducer) -> int:
        # Nobody else sends or deletes: whoever holds the lock is alone. So no transaction has to stay open meanwhile.
        # The time to send is counted from before the read: a process that was suspended in between may have lost its
        # session, and has no time left. This bounds how late it sends; to be refused is for the broker.
        clock = asyncio.get_running_loop().time
        sends_until = clock() + SEND_SECONDS_MAX
        rows = await connection.fetch(_FIRST, ROWS_MAX)
        if rows:
            reached("before-publish")
            with self._kafka_answers():
                await asyncio.wait_for(self._send(producer, rows), sends_until - clock())
            reached("after-publish")
            await connection.execute(_DELETE, as_array([str(row["id"]) for row in rows]))
        return len(rows)

    async def _send(self, producer: AIOKafkaProducer, rows: list[Any]) -> None:
        partitions_of = {
            topic: tuple(sorted(await producer.partitions_for(topic))) for topic in {row["topic"] for row in rows}
        }
        packed: dict[Place, list[Any]] = {}
        for _, topic, key, headers, payload in rows:
            place = topic, _partition_of(key, partitions_of[topic])
            named = [(name, value.encode()) for name, value in orjson.loads(headers).items()]
            batches = packed.get(place)
            if batches is None or batches[-1].append(key=key, value=payload, timestamp=None, headers=named) is None:
                packed.setdefault(place, []).append(_batch_of(producer, key, payload, named))
        # One batch per partition at a time: a second one that arrived although the first had failed would be a gap.
        while packed:
            sent = [await self._send_one(producer, place, batches.pop(0)) for place, batches in packed.items()]
            if self._awaited is not None:
                for _turn in range(CLIENTS_TURNS):
                    await asyncio.sleep(0)
                self._let_answers_go_on()
            await asyncio.gather(*sent)
            packed = {place: batches for place, batches in packed.items() if batches}

    def _let_answers_go_on(self) -> None:
        """Those that wait until what they tell of is on its way; whether it is or not, there is nothing to wait for."""
        if self._awaited is not None:
            self._awaited.set()
            self._awaited = None

    async def _send_one(self, producer: AIOKafkaProducer, place: Place, batch: Any) -> Any:
        batch.close()
        return await producer.send_batch(batch, place[0], partition=place[1])

    async def _wait_for_turn(self, connection: Any) -> None:
        # Nothing tells when another relay's session ends, so this asks again.
        while not await connection.fetchval("select pg_try_advisory_lock($1)", RELAY_LOCK):
            self._owed_since = None
            await asyncio.sleep(STANDBY_SECONDS)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await self._connect()
        try:
            await connection.execute(session_settings())
            yield connection
        finally:
            with suppress(Exception):
                await connection.close(timeout=5)
            connection.terminate()

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = self._make_producer()
        try:
            # The client asks for a coordinator and for its epoch again and again, silently, for as long as Kafka has
            # none to give: the relay would hold its turn, move nothing and say nothing of it.
            with self._kafka_answers():
                async with asyncio.timeout(START_SECONDS_MAX):
                    await producer.start()
            yield producer
        except BaseException:
            await _abandon(producer)
            raise
        await producer.stop()


async def outbox_backlog(session: Session) -> tuple[int, float | None]:
    """How many events wait to be relayed, and for how many seconds the oldest does."""
    waiting, oldest_seconds = (await (await session.connection()).execute(_DEPTH)).one()
    return waiting, oldest_seconds


def session_settings() -> str:
    """What a relay's connection is told first; its session ends after twice the time that sending may take."""
    # A relay that hangs loses its session, and with it the lock. Deletions that a crash of the server takes back are
    # sent again, as the tail of a crash is: nobody waits for the disk here; what was announced is on disk by the commit
    # of those who announced it. A plan is made once, while the table may be small: it is to be good for a long one too.
    return f"""
        set idle_session_timeout = {round(2000 * SEND_SECONDS_MAX)};
        set synchronous_commit = off;
        set enable_seqscan = off
    """


@lru_cache(maxsize=20_000)
def _partition_of(key: bytes, partitions: tuple[int, ...]) -> int:
    """Where a key belongs. A third of the price of a row, so the keys of late, which tend to come again, are kept."""
    place: int = _PARTITIONER(key, partitions, partitions)
    return place


def _batch_of(producer: AIOKafkaProducer, key: bytes, payload: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
    """A batch that begins with this record. The first one has room whatever its size, and none fills a third of it."""
    batch = producer.create_batch()
    batch.append(key=key, value=payload, timestamp=None, headers=headers)
    return batch


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Close a producer without sending what it still holds.

    ``stop()`` would flush: an older revision of a profile could then reach Kafka after a newer one, or after its
    tombstone, when the broker heals beside the relay that began anew.
    """
    producer._closed = True
    with suppress(Exception):
        if producer._sender is not None:
            await asyncio.wait_for(producer._sender.close(), 5)
    with suppress(Exception):
        await asyncio.wait_for(producer.client.close(), 5)


_FIRST = "select id, topic, key, headers, payload from kernel.outbox order by id limit $1"
_DELETE = "delete from kernel.outbox where id = any(cast($1::text as bigint[]))"
_DEPTH = text(
    "select count(*), extract(epoch from clock_timestamp() - min(created_at))::double precision from kernel.outbox"
)
