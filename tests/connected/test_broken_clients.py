"""Kafka's client breaks in the middle and tells nobody: the consumer begins anew, and everything is heard once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, GroupLoadInProgressError, KafkaError, NodeNotReadyError
from aiokafka.protocol.commit import OffsetFetchRequest, OffsetFetchResponse_v3
from sqlalchemy import text

from local.stack import StackAddresses
from shared.events.intake import HouseholdRegistered
from shared.events.topics import fact_topic
from shared.messaging import group_errors
from shared.messaging.consumer import committed_offsets
from shared.messaging.statements import OFFSETS_SEEN, note
from tests.fixtures import TopicFactory, eventually
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.shared.messaging.city import SERVICE, TABLES

TOGETHER = 20
Said = Callable[[int], Awaitable[None]]


@pytest.fixture
async def city(
    deployment_of: DeploymentFactory, stack: StackAddresses, topics: TopicFactory, topic_root: str
) -> AsyncIterator[TestDeployment]:
    """A deployment that polls its partitions."""
    username, password = stack.kafka_admin
    kafka = {"kafka_bootstrap": stack.kafka_bootstrap, "kafka_username": username, "kafka_password": password}
    await topics(*(fact_topic(topic_root, service, "dinsos-samarinda") for service in ("intake", "verification")))
    made = await deployment_of(SERVICE, **kafka)
    async with made.transaction() as session:
        for statement in (*TABLES, "insert into kernel.statement (name, value) values ('react-from', 'true')"):
            await session.execute(text(statement))
    async with made.deployment.kernel.running("worker"):
        # A young broker looks for a group's coordinator for a while.
        await eventually(made.deployment.kernel.consumer.alive, within=90, what="the city polls its partitions")
        yield made


@pytest.fixture
async def say(city: TestDeployment, stack: StackAddresses) -> AsyncIterator[Said]:
    """`await say(20)`: twenty more households are registered."""
    async with AIOKafkaProducer(**stack.kafka.aiokafka(), acks="all") as producer:

        async def said(households: int) -> None:
            for _ in range(households):
                record = city.record(registered())
                await producer.send_and_wait(record.topic, record.value, key=record.key, headers=list(record.headers))

        yield said


async def test_a_commit_that_waits_for_a_client_which_waits_for_itself_is_given_up(
    city: TestDeployment, say: Said
) -> None:
    await say(TOGETHER)
    await eventually(lambda: has_heard(city, TOGETHER), within=30)
    client, coordinator = reader(city)._client, reader(city)._coordinator
    # As when a broker is gone: the task that keeps the metadata dies of it, and then the coordinator is looked for.
    client._metadata_update = raising(RuntimeError("the handler is closed"))
    client.coordinator_lookup = raising(NodeNotReadyError())
    client.force_metadata_update()
    coordinator.coordinator_dead()
    await say(TOGETHER)
    await eventually(lambda: has_heard(city, 2 * TOGETHER), within=60)
    await say(TOGETHER)
    await eventually(lambda: has_heard(city, 3 * TOGETHER), within=60)
    await eventually(lambda: has_committed(city, 3 * TOGETHER), within=30)
    assert await effects(city) == (3 * TOGETHER, 3 * TOGETHER)


@pytest.mark.parametrize("part", ["subscriber", "metadata", "coordination", "fetching"])
async def test_a_task_that_ends_unseen_costs_a_new_beginning_and_no_record(
    city: TestDeployment, topics: TopicFactory, stack: StackAddresses, part: str
) -> None:
    broken = reader(city)
    task = broken.background[part] if part != "subscriber" else subscriber(city).tasks[0]
    task.cancel()
    # It takes all of them to hear of a topic that appears later.
    later = fact_topic(city.topic_root, "programs", "dinsos-kaltim")
    await topics(later)
    async with AIOKafkaProducer(**stack.kafka.aiokafka(), acks="all") as producer:
        await producer.send_and_wait(later, b"{}", key=b"a", headers=[("ce_type", b"id.tuntas.comet.seen.v1")])
    await eventually(lambda: has_parked(city), within=60)
    assert reader(city) is not broken


async def test_what_could_not_be_committed_is_committed_after_a_new_beginning(
    city: TestDeployment, say: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, failed = AIOKafkaConsumer.commit, asyncio.Event()

    async def fail_once(client: Any, offsets: Any = None) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("the handler is closed")
        await commit(client, offsets)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", fail_once)
    # One alone: a later one of its partition would be committed with it.
    await say(1)
    await eventually(lambda: has_committed(city, 1), within=60)
    assert failed.is_set()
    assert await effects(city) == (1, 1)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(GroupLoadInProgressError, id="it-passes"),
        # The client does not ask again: the consumer begins anew.
        pytest.param(GroupAuthorizationFailedError, id="it-does-not-pass"),
    ],
)
async def test_a_broker_that_cannot_say_what_was_committed_is_asked_again_and_nothing_is_read_anew(
    city: TestDeployment, say: Said, monkeypatch: pytest.MonkeyPatch, error: type[KafkaError]
) -> None:
    kernel, send, silent = city.deployment.kernel, group_errors._send, {AIOKafkaConsumer, AIOKafkaAdminClient}

    async def send_to_one_that_cannot_say(client: Any, node: int, request: Any, **options: Any) -> Any:
        asks = AIOKafkaConsumer if "group" in options else AIOKafkaAdminClient
        if isinstance(request, OffsetFetchRequest) and asks in silent:
            silent.remove(asks)
            return OffsetFetchResponse_v3(0, [], error.errno)
        return await send(client, node, request, **options)

    await say(TOGETHER)
    await eventually(lambda: has_heard(city, TOGETHER), within=30)
    await eventually(lambda: has_committed(city, TOGETHER), within=30)
    async with kernel.sessions() as session:
        await note(session, OFFSETS_SEEN)
        await session.commit()
    monkeypatch.setattr(group_errors, "_send", send_to_one_that_cannot_say)
    broken = reader(city)
    subscriber(city).tasks[0].cancel()
    await eventually(lambda: kernel.consumer.alive() and reader(city) is not broken, within=60)
    await say(TOGETHER)
    await eventually(lambda: has_heard(city, 2 * TOGETHER), within=60)
    assert not silent
    assert kernel.heard_metrics.registry.get_sample_value("tuntas_repeated_total") == 0


def registered() -> HouseholdRegistered:
    return HouseholdRegistered(
        household_id=uuid4(), region="64.72.05.1002", registers=["dtks"], members=[], persons=0, revision=1
    )


def raising(error: Exception) -> Callable[..., Awaitable[None]]:
    async def fail(*_: Any) -> None:
        raise error

    return fail


def subscriber(city: TestDeployment) -> Any:
    broker = city.deployment.kernel.consumer._broker
    return broker.subscribers[0] if broker is not None else None


def reader(city: TestDeployment) -> Any:
    return subscriber(city).consumer


async def effects(city: TestDeployment) -> tuple[int, int]:
    """All of them, and of how many events."""
    rows = await city.fetch("select count(*), count(distinct event_id) from test_effect where what = 'opened'")
    return tuple(rows[0])


async def has_heard(city: TestDeployment, wanted: int) -> bool:
    return (await effects(city))[0] >= wanted


async def has_parked(city: TestDeployment) -> bool:
    return bool(await city.parked())


async def has_committed(city: TestDeployment, wanted: int) -> bool:
    kernel = city.deployment.kernel
    offsets = await committed_offsets(city.deployment.settings, kernel.consumer.group)
    intake = fact_topic(city.topic_root, "intake", "dinsos-samarinda")
    return sum(offset for place, offset in offsets.items() if place.topic == intake) == wanted
