"""The relay over real Kafka: what it has not sent, sends twice, or holds up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from unittest.mock import AsyncMock
from uuid import uuid4

import asyncpg
import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import CoordinatorNotAvailableError, ProducerFenced
from aiokafka.protocol.produce import ProduceRequest

from shared.events.topics import fact_topic
from shared.messaging import Session, announce, points
from shared.messaging.consumer import make_producer
from shared.messaging.fenced_producer import FencedProducer
from shared.messaging.relay import Relay
from shared.messaging.supervision import Supervised
from shared.messaging.wake import Wake
from tests.connected.pair import (
    Pair,
    all_well,
    announced,
    figure,
    has_effects,
    nothing_unsent,
    records_on,
    registered,
    running,
)
from tests.fixtures import eventually
from tests.fixtures.deployments import DeploymentFactory, TestDeployment
from tests.shared.messaging.city import INTAKE


def end_sessions_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that says nothing for a second loses its session, and has all its time to send still before it."""
    monkeypatch.setattr("shared.messaging.relay.session_settings", lambda: "set idle_session_timeout = '1s'")


def relay_of(intake: TestDeployment, connect: Any = None, make: Any = None) -> Relay:
    """Another relay of a deployment, beside the one that runs with its other loops."""
    kernel = intake.deployment.kernel
    make = make or partial(make_producer, kernel.settings, "intake")
    return Relay(connect or kernel._connect, make, Wake(), kernel.relay_metrics)


async def facts_on_kafka(intake: TestDeployment) -> int:
    """How many records stand on its topic, repeated ones among them."""
    topic = fact_topic(intake.deployment.settings.topic_root, "intake", "dinsos-samarinda")
    return await records_on(intake, topic)


class Held:
    """A relay that has read rows, and sends them only when it is let go."""

    def __init__(self, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        self._has_read, self._goes_on = asyncio.Event(), asyncio.Event()
        self._send, self._relay = relay._send, relay
        monkeypatch.setattr(relay, "_send", self._send_late)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """From when it has rows in hand."""
        task = asyncio.create_task(self._relay.run())
        try:
            await self.has_read()
            yield task
        finally:
            task.cancel()

    async def has_read(self) -> None:
        await asyncio.wait_for(self._has_read.wait(), 30)

    def let_go(self) -> None:
        self._goes_on.set()

    async def _send_late(self, *batch: Any) -> None:
        self._has_read.set()
        await self._goes_on.wait()
        await self._send(*batch)


class SeenReading:
    """A relay's connection; somebody is told how many rows it read as soon as they are there."""

    def __init__(self, connection: Any, has_read: Callable[[int], None]) -> None:
        self._connection, self._has_read = connection, has_read

    async def fetch(self, *words: Any) -> Any:
        rows = await self._connection.fetch(*words)
        self._has_read(len(rows))
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def test_what_waits_in_the_outbox_is_told_while_kafka_is_away(deployment_of: DeploymentFactory) -> None:
    """Nobody looks at the outbox more than when nothing leaves it."""
    cut_off = await deployment_of(INTAKE)
    await announced(cut_off, 10)
    async with running(cut_off):
        await eventually(lambda: figure(cut_off, "tuntas_outbox_events") == 30, within=10)
        assert figure(cut_off, "tuntas_outbox_oldest_seconds") > 0
    assert figure(cut_off, "tuntas_relayed_total") == 0


async def test_what_was_relayed_waits_no_more(pair: Pair) -> None:
    intake, _ = pair
    async with running(intake):
        await announced(intake, 10)
        await eventually(lambda: figure(intake, "tuntas_relayed_total") == 30, within=10)
        await eventually(lambda: figure(intake, "tuntas_outbox_events") == 0, within=10)


async def commit_one(intake: TestDeployment) -> Session:
    """As the edge commits what it announces."""
    async with intake.transaction() as session:
        announce(session, registered(uuid4()))
    return session


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for what leaves first would wait for an hour."""
    monkeypatch.setattr("shared.messaging.kernel.FIRST_SECONDS_MAX", 3_600)


@pytest.mark.usefixtures("patient")
async def test_what_was_committed_to_a_relay_at_rest_is_on_its_way_before_whoever_waits_for_it_goes_on(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, _ = pair
    kernel, sends, happened = intake.deployment.kernel, AIOKafkaConnection.send, list[str]()

    def send(connection: Any, request: Any, *more: Any, **options: Any) -> Any:
        if isinstance(request, ProduceRequest):
            happened.append("on its way")
        return sends(connection, request, *more, **options)

    monkeypatch.setattr(AIOKafkaConnection, "send", send)
    async with running(intake):
        for _again in range(3):
            await eventually(lambda: kernel.relay._rests, within=30)
            await kernel.on_its_way(await commit_one(intake))
            happened.append("goes on")
    assert happened == ["on its way", "goes on"] * 3


@pytest.mark.usefixtures("patient")
async def test_nobody_waits_for_a_relay_that_is_at_work_or_does_not_run(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, _ = pair
    kernel = intake.deployment.kernel
    held = Held(kernel.relay, monkeypatch)
    async with asyncio.timeout(60):
        await kernel.on_its_way(await commit_one(intake))
        async with running(intake):
            await held.has_read()
            await kernel.on_its_way(await commit_one(intake))
            held.let_go()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("error", [OSError, asyncio.CancelledError])
async def test_nobody_waits_for_a_relay_that_has_failed_or_was_ended(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    intake, _ = pair
    kernel = intake.deployment.kernel

    async def fail(*_: Any) -> None:
        raise error

    async with running(intake):
        await eventually(lambda: kernel.relay._rests, within=30)
        monkeypatch.setattr(kernel.relay, "_send", fail)
        async with asyncio.timeout(60):
            await kernel.on_its_way(await commit_one(intake))


async def test_what_fills_several_batches_of_a_partition_arrives_once_and_in_order(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So small a batch takes three or four of these records; one that finds no room begins the next."""
    monkeypatch.setattr("shared.messaging.consumer.BATCH_BYTES_MAX", 4_000)
    intake, programs = pair
    await announced(intake, 40, updates=4)
    async with running(intake), running(programs):
        await eventually(lambda: has_effects(programs, 200), within=60)
        await eventually(lambda: nothing_unsent(intake), within=30)
    await all_well(intake, programs)
    assert await facts_on_kafka(intake) == 200


async def test_a_crash_between_acknowledgement_and_deletion_repeats_a_tail_and_changes_nothing(pair: Pair) -> None:
    intake, city = pair
    crashes = iter([True, True, False])

    def crash(point: points.Point) -> None:
        if point == "after-publish" and next(crashes, False):
            raise OSError("the relay dies here")

    async with running(intake):
        points.listen(crash)
        try:
            await announced(intake, 100)
            await eventually(lambda: nothing_unsent(intake), within=30)
        finally:
            points.listen(None)
    async with running(intake, city):
        await eventually(lambda: has_effects(city, 300), within=30)
        await all_well(intake, city)
    assert await facts_on_kafka(intake) == 900


async def test_a_relay_that_sends_after_another_took_over_is_refused(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had in hand is older than what the other one sent: a profile would stand behind its own successor."""
    intake, _ = pair
    end_sessions_soon(monkeypatch)
    late = Held(relay_of(intake), monkeypatch)
    await announced(intake, 3)
    async with late.running() as first, running(intake):
        await eventually(lambda: nothing_unsent(intake), within=30)
        late.let_go()
        with pytest.raises(ProducerFenced):
            await first
    assert await facts_on_kafka(intake) == 9


async def test_a_relay_whose_time_was_over_before_it_sends_sends_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is counted from before it read: after that its session may have ended, and another may have gone on."""
    intake, _ = pair
    kernel, reads = intake.deployment.kernel, list[int]()

    async def connect() -> SeenReading:
        monkeypatch.setattr("shared.messaging.relay.SEND_SECONDS_MAX", 0)
        return SeenReading(await kernel._connect(), has_read)

    def has_read(rows: int) -> None:
        # Whoever began to count only now would have all the time there is.
        monkeypatch.setattr("shared.messaging.relay.SEND_SECONDS_MAX", 30)
        reads.append(rows)

    await announced(intake, 3)
    relay = asyncio.create_task(relay_of(intake, connect).run())
    try:
        await eventually(relay.done, within=30)
        assert reads == [9]
        assert isinstance(relay.exception(), TimeoutError)
    finally:
        relay.cancel()
    assert await facts_on_kafka(intake) == 0


async def test_a_relay_takes_its_name_again_and_keeps_its_turn(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka forgets a name that nobody has begun under for a week."""
    intake, _ = pair
    kernel, made, connected = intake.deployment.kernel, list[FencedProducer](), list[Any]()
    monkeypatch.setattr("shared.messaging.relay.PRODUCER_SECONDS_MAX", 0.1)

    async def connect() -> Any:
        connected.append(await kernel._connect())
        return connected[-1]

    def make() -> FencedProducer:
        made.append(make_producer(kernel.settings, "intake"))
        return made[-1]

    relay = asyncio.create_task(relay_of(intake, connect, make).run())
    try:
        await eventually(lambda: len(made) > 3, within=30)
        await announced(intake, 10)
        await eventually(lambda: nothing_unsent(intake), within=30)
        assert not relay.done()
        assert len(connected) == 1
        *earlier, _ = made
        assert all(each._closed for each in earlier)
        taken = [(each._txn_manager.producer_id, each._txn_manager.producer_epoch) for each in earlier]
        name, first = taken[0]
        assert taken == [(name, first + number) for number in range(len(earlier))]
    finally:
        relay.cancel()
    assert await facts_on_kafka(intake) == 30


async def test_a_relay_whose_producer_never_gets_its_epoch_says_so_and_gives_its_turn_away(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka's client asks for ever, e.g. while the topic that keeps such names has too few replicas."""
    intake, _ = pair
    kernel, made = intake.deployment.kernel, list[FencedProducer]()
    monkeypatch.setattr("shared.messaging.relay.START_SECONDS_MAX", 1.0)

    async def not_available(*_: Any) -> None:
        raise CoordinatorNotAvailableError

    def make() -> FencedProducer:
        made.append(make_producer(kernel.settings, "intake"))
        monkeypatch.setattr(made[-1].client, "coordinator_lookup", not_available)
        return made[-1]

    loop = Supervised("relay", relay_of(intake, make=make).run)
    task = asyncio.create_task(loop.run())
    try:
        await eventually(lambda: loop.wrong == "TimeoutError", within=30)
        await announced(intake, 3)
        async with running(intake):
            await eventually(lambda: nothing_unsent(intake), within=30)
        assert made[0]._closed
    finally:
        task.cancel()


async def test_a_relay_that_hangs_loses_its_turn_to_another(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """And learns of it with its next statement, where it has nothing to send any more."""
    intake, _ = pair
    end_sessions_soon(monkeypatch)
    relay = relay_of(intake)
    monkeypatch.setattr(relay, "_send", AsyncMock())
    hanging = Held(relay, monkeypatch)
    await announced(intake, 3)
    async with hanging.running() as first:
        async with running(intake):
            await eventually(lambda: nothing_unsent(intake), within=30)
        assert not first.done()
        hanging.let_go()
        with pytest.raises(asyncpg.InterfaceError):
            await first


class Unanswered:
    """A producer whose broker takes connections and answers nothing."""

    async def start(self) -> None:
        await asyncio.Event().wait()


async def test_a_relay_says_that_kafka_does_not_answer_until_it_does(
    deployment_of: DeploymentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt begins well: a process that only relays called itself ready while its broker was suspended."""
    monkeypatch.setattr("shared.messaging.relay.START_SECONDS_MAX", 0.01)
    monkeypatch.setattr("shared.messaging.relay.ANSWERS_WITHIN_SECONDS", 0.0)
    intake = await deployment_of(INTAKE)
    said: list[str | None] = []

    def make() -> Any:
        said.append(relay.wrong)
        return Unanswered()

    relay = relay_of(intake, make=make)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await relay.run()
    assert said == [None, "Kafka does not answer"]
    assert relay.wrong == "Kafka does not answer"
    producer = AsyncMock()
    monkeypatch.setattr(relay, "_make_producer", lambda: producer)
    task = asyncio.create_task(relay.run())
    await eventually(lambda: producer.start.called and relay.wrong is None, within=10)
    task.cancel()
