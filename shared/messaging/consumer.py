"""The consumer: one subscriber per group, every safety-bearing option explicit. Only this module knows FastStream."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import stamina
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import SASLScram256

from shared.events.topics import consumer_group, producer_name, subscription_pattern
from shared.messaging.collecting import collecting_seldom
from shared.messaging.connections import expect_lost_connections
from shared.messaging.failures import ConsumerStopped, StartRefused
from shared.messaging.fenced_producer import FencedProducer
from shared.messaging.group_errors import heed_group_errors
from shared.messaging.reader import ForgetsWhatIsTakenAway, NotCommitted, Reader
from shared.messaging.records import Received
from shared.messaging.relay import BATCH_BYTES_MAX
from shared.messaging.unpacking import read_forgivingly
from shared.messaging.watching import watch
from shared.settings import DeploymentSettings

log = structlog.get_logger(__name__)
read_forgivingly()
expect_lost_connections()
heed_group_errors()

METADATA_AGE_MS = 3_000
"""A topic of an agency that joined is heard after so long at the latest."""
SESSION_MS = 10_000
HEARTBEAT_MS = 3_000
POLL_MS_MAX = 300_000
RETRY_SECONDS_MAX = 15.0
POLL_AGE_SECONDS_MAX = 30.0
FETCHED_BYTES_MAX = 1_048_576
"""Of each partition, and not again before all of it was taken: with two batches it bounds what a worker holds."""
ENDS_SECONDS_MAX = 1.0
POSITIONS_SECONDS_MAX = 10.0


def kafka_options(settings: DeploymentSettings) -> dict[str, Any]:
    """Address and credentials of a deployment, for aiokafka's clients."""
    context = ssl.create_default_context(cafile=str(settings.kafka_ca_file)) if settings.kafka_ca_file else None
    return {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": "SASL_SSL" if context else "SASL_PLAINTEXT",
        "ssl_context": context,
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }


def make_producer(settings: DeploymentSettings, service: str) -> FencedProducer:
    """The relay's producer: acknowledged by all replicas in sync; refused where a later one of its deployment wrote."""
    return FencedProducer(
        producer_name(settings.topic_root, service, settings.agency),
        **kafka_options(settings),
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=BATCH_BYTES_MAX + 64 * 1024,
        request_timeout_ms=20_000,
        metadata_max_age_ms=METADATA_AGE_MS * 10,
    )


def make_plain_consumer(settings: DeploymentSettings) -> AIOKafkaConsumer:
    """A consumer without a group, for rebuilds and reconciliation: it reads and commits nothing."""
    return AIOKafkaConsumer(
        **kafka_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=100,
    )


@dataclass
class Consumer:
    """Reads records by ``read``, hands batches of them to ``hear`` and has their offsets committed once it returned.

    While one batch is heard, the next one is read. What no handler waits for (``is_awaited``) may lie a moment, and
    topics that say nothing of that (``is_heard``) are looked at seldom.
    """

    settings: DeploymentSettings
    service: str
    read: Callable[[Sequence[Any]], list[Received]]
    is_awaited: Callable[[Received], bool]
    is_heard: Callable[[str], bool]
    hear: Callable[[Sequence[Received]], Awaitable[None]]
    stopped: str | None = None
    _broker: KafkaBroker | None = None
    _halt: asyncio.Event = field(default_factory=asyncio.Event)
    _failed: Exception | None = None
    _in_hand: int = 0
    """Records handed over and not heard yet."""
    _hearing: bool = False
    _heard: int = 0
    """How often hearing has come back."""

    @property
    def group(self) -> str:
        return consumer_group(self.settings.topic_root, self.service, self.settings.agency)

    async def run(self) -> None:
        """Consume until cancelled; raises what kept it from starting, and ``ConsumerStopped`` when hearing gave up.

        Raises:
            Unreadable: Kafka's client cannot take a batch apart. Nothing that it drained meanwhile is committed.
            NotCommitted: committing failed, and waiting would not have helped; or it took longer than a minute.
            PartEnded: a task of FastStream or of the client has ended, or they stand still. Hearing may be slow.
        """
        self._halt, self._failed, self._in_hand, self._hearing = asyncio.Event(), None, 0, False
        broker = self._broker = self._make_broker()
        try:
            await broker.connect()
            # Connecting makes FastStream's own builder; its consumers are made by ours, from the same options.
            made_by: Any = broker.config.broker_config.builder
            broker.config.broker_config.builder = partial(
                Reader, self.read, self.is_awaited, self.is_heard, self._give_up_reading, **made_by.keywords
            )
            with collecting_seldom():
                async with asyncio.timeout(POLL_MS_MAX / 1000):
                    await broker.start()
                subscriber: Any = broker.subscribers[0]
                await watch(
                    {"subscriber": subscriber.tasks[0], **subscriber.consumer.background}, self._halt, self._came_round
                )
            if self._failed is not None:
                raise self._failed
            raise ConsumerStopped(self.stopped or "The consumer was stopped.")
        finally:
            self._broker = None
            await asyncio.shield(broker.stop())

    def alive(self) -> bool:
        """Whether partitions are assigned and polled. An idle group polls as well."""
        consumer = self._consumer()
        if consumer is None or self.stopped is not None:
            return False
        return bool(consumer.assignment()) and self.poll_age() < POLL_AGE_SECONDS_MAX

    def poll_age(self) -> float:
        """Seconds since the slowest partition was last polled."""
        consumer = self._consumer()
        if consumer is None or not consumer.assignment():
            return float("inf")
        polled = [consumer.last_poll_timestamp(each) or 0 for each in consumer.assignment()]
        return max(0.0, time.time() - min(polled) / 1000)

    async def committed_so_far(self) -> None:
        """Until the broker has answered for all that was heard; its offsets are not left to lie for others to come."""
        consumer = self._consumer()
        if consumer is not None:
            await consumer.committed_so_far()

    async def lag(self) -> int:
        """Records not heard yet, over the partitions of this worker: up to where they end, less what is committed."""
        consumer = self._consumer()
        if consumer is None or not consumer.assignment():
            return 0
        partitions = consumer.assignment()
        ends = await _ends_now(consumer, partitions)
        behind = self._in_hand + int(consumer.records_ahead)
        # A client that was given up on knows no position, ever.
        async with asyncio.timeout(POSITIONS_SECONDS_MAX):
            for each, end in ends.items():
                behind += max(0, end - await consumer.position(each))
        return behind

    def _consumer(self) -> Any:
        subscribers = self._broker.subscribers if self._broker else []
        return getattr(subscribers[0], "consumer", None) if subscribers else None

    def _came_round(self) -> int | None:
        """How often reading and hearing came back; a commit, too, must let them. None while something is heard.

        Raises PartEnded.
        """
        consumer = self._consumer()
        consumer.raise_what_refreshing_died_of()
        return None if self._hearing else self._heard + int(consumer.turns)

    async def _hear(self, records: tuple[Any, ...]) -> None:
        self._hearing = True
        try:
            await self._hear_until_done(records)
        finally:
            self._hearing = False
            self._heard += 1

    async def _hear_until_done(self, records: tuple[Any, ...]) -> None:
        """FastStream redelivers at once and for ever, so waiting happens here, within the poll interval."""
        delay, began, self._in_hand = 0.25, time.monotonic(), len(records)
        while self.stopped is None:
            try:
                await self.hear(records)
            except ConsumerStopped as stop:
                self.stopped = str(stop)
                self._halt.set()
            except Exception as error:
                log.warning("consumer.waits", error=type(error).__name__, seconds=delay)
                if time.monotonic() - began > POLL_MS_MAX / 2000:
                    raise
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_SECONDS_MAX)
            else:
                self._in_hand = 0
                return
        # Never return normally here: that would commit what was not heard.
        await asyncio.Event().wait()

    def _give_up_reading(self, error: Exception) -> None:
        """A batch cannot be taken apart, e.g. it rotted on the broker's disk, or was not committed: start anew."""
        if isinstance(error, NotCommitted):
            log.error("consumer.not-committed", error=type(error.__cause__).__name__)
            self._failed = error
        else:
            log.error("consumer.unreadable-record", error=type(error).__name__)
            self._failed = Unreadable(f"A record cannot be taken apart ({type(error).__name__}).")
        self._halt.set()

    def _make_broker(self) -> KafkaBroker:
        options = kafka_options(self.settings)
        broker = KafkaBroker(
            options["bootstrap_servers"],
            security=SASLScram256(
                username=options["sasl_plain_username"],
                password=options["sasl_plain_password"],
                ssl_context=options["ssl_context"],
                use_ssl=options["ssl_context"] is not None,
            ),
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_AGE_MS,
            graceful_timeout=15.0,
            apply_types=False,
            logger=None,
        )
        subscriber = broker.subscriber(
            pattern=subscription_pattern(self.settings.topic_root),
            group_id=self.group,
            batch=True,
            max_records=self.settings.batch_records_max,
            batch_timeout_ms=200,
            ack_policy=AckPolicy.NACK_ON_ERROR,
            auto_offset_reset="earliest",
            listener=ForgetsWhatIsTakenAway(self._consumer),
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=POLL_MS_MAX,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=FETCHED_BYTES_MAX,
            isolation_level="read_uncommitted",
            parser=_parse_nothing,
            decoder=_hand_over_read,
        )
        subscriber(self._hear)
        if any(each.ack_policy is not AckPolicy.NACK_ON_ERROR for each in broker.subscribers):
            raise StartRefused("A subscriber would commit what it did not handle.")
        return broker


class Unreadable(Exception):
    """Kafka's client cannot take a record apart; skipping it would lose what it had read beside it."""


async def _ends_now(consumer: Any, partitions: set[TopicPartition]) -> dict[TopicPartition, int]:
    """Where partitions end; where the broker does not answer, where they ended when they were last fetched.

    The client fetches a partition again once all it had of it is handed over: under a backlog that is long ago.
    """
    try:
        async with asyncio.timeout(ENDS_SECONDS_MAX):
            ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
    except (TimeoutError, KafkaError):
        fetched = {each: consumer.highwater(each) for each in partitions}
        return {each: end for each, end in fetched.items() if end is not None}
    return ends


@stamina.retry(on=KafkaError, attempts=10, timeout=20)
async def committed_offsets(settings: DeploymentSettings, group: str) -> dict[TopicPartition, int]:
    """What the group has committed, per partition; empty where Kafka knows no such group.

    A broker that is new, or has just changed, looks for a group's coordinator for a moment, and then loads its offsets.
    Raises KafkaError where Kafka does not say, also when asked for 20 seconds.
    """
    admin = AIOKafkaAdminClient(**kafka_options(settings))
    try:
        await admin.start()
        offsets = await admin.list_consumer_group_offsets(group)
        return {place: meta.offset for place, meta in offsets.items() if meta.offset >= 0}
    finally:
        await admin.close()


async def _parse_nothing(message: tuple[Received, ...], original: Any) -> Any:
    """FastStream's own parser decodes headers and loses a whole batch over a bad one: show it one record, without any.

    Where it seeks back to, it takes from what it was handed over.
    """
    parsed = await original((_without_content(message[0].raw),))
    parsed.raw_message = message
    return parsed


async def _hand_over_read(message: Any, original: Any) -> Any:  # noqa: ARG001 - FastStream's signature
    return message.raw_message


def _without_content(record: Any) -> Any:
    harmless = copy(record)
    object.__setattr__(harmless, "headers", ())
    object.__setattr__(harmless, "value", b"")
    return harmless
