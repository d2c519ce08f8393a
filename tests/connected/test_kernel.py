"""The kernel over real Kafka: relay, consumer, poison, restarts, rebuild and reconciliation."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.record.util import calc_crc32c
from sqlalchemy import text

from shared.events.intake import HouseholdUpdated
from shared.events.topics import fact_topic
from shared.messaging import Session, announce, points
from shared.messaging.announcement import Always
from shared.messaging.consumer import kafka_options
from shared.messaging.rebuild import rebuild
from shared.messaging.reconcile import reconcile
from shared.messaging.redrive import dismiss, redrive
from shared.service import Counted
from tests.connected.pair import (
    Pair,
    all_well,
    announced,
    effects,
    has_effects,
    nothing_unsent,
    registered,
    running,
    updated,
)
from tests.fixtures import TopicFactory, eventually
from tests.fixtures.deployments import TestDeployment
from tests.shared.messaging.city import INTAKE


async def test_what_was_announced_is_heard_once_and_reconciles(pair: Pair) -> None:
    intake, city = pair
    async with running(intake, city):
        # The first group of a young broker waits until its coordinator is there; that is no part of what is bounded.
        await eventually(city.deployment.kernel.consumer.alive, within=90, what="the city polls its partitions")
        await announced(intake, 300)
        await eventually(lambda: has_effects(city, 900), within=30)
        await eventually(lambda: nothing_unsent(city), within=10)
        await all_well(intake, city)
    revisions = await city.fetch("select min(revision) as low, max(revision) as high from test_household")
    assert tuple(revisions[0]) == (3, 3)


async def test_poison_in_the_middle_of_a_batch_costs_nobody_else_anything(pair: Pair) -> None:
    intake, city = pair
    async with running(intake):
        ids = await announced(intake, 250, updates=1)
        await eventually(lambda: nothing_unsent(intake), within=30)
    topic = fact_topic(city.topic_root, "intake", "dinsos-samarinda")
    poisoned, strangers = ids[0], [uuid4() for _ in range(7)]
    async with producer(city) as send:
        for key, headers in zip(strangers, bad_headers(), strict=True):
            await send(topic, str(key).encode(), b"{}", headers)
        await send(topic, str(poisoned).encode(), b"{broken", good_headers(poisoned, 3))
        await send(topic, str(poisoned).encode(), *wire(updated(poisoned, 4), 4))
        for each in ids[1:]:
            await send(topic, str(each).encode(), *wire(updated(each, 3), 3))
    async with running(city):
        await eventually(lambda: has_effects(city, 500 + 249), within=30)
        parked = await city.parked()
        assert sorted(each.reason for each in parked).count("behind") == 1
        assert len(parked) == 9
        heads = {each.reason for each in parked}
        assert heads == {"behind", "value-not-json", "header-not-text", "header-missing", "type-unknown"}
        report = await reconcile(city.deployment)
        assert [(each.kind, each.count) for each in report.findings] == [("unexplained", 9)]
    head = next(each for each in parked if each.reason == "value-not-json")
    assert (await redrive(city.deployment.kernel.hearing, head, by="operator-1")).left == 2


async def test_a_header_whose_name_is_no_text_is_parked_and_blocks_its_household_alone(pair: Pair) -> None:
    intake, city = pair
    async with running(intake):
        ids = await announced(intake, 240, updates=0)
        await eventually(lambda: nothing_unsent(intake), within=30)
    topic = fact_topic(city.topic_root, "intake", "dinsos-samarinda")
    await send_with_nameless_header(city, topic, updated(ids[0], 2), 2)
    async with producer(city) as send:
        for each in ids:
            revision = 3 if each == ids[0] else 2
            await send(topic, str(each).encode(), *wire(updated(each, revision), revision))
    async with running(city):
        await eventually(lambda: has_effects(city, 240 + 239), within=30)
        await eventually(lambda: has_parked(city), within=10)
        parked = {each.reason: each for each in await city.parked()}
        assert sorted(parked) == ["behind", "header-not-text"]
        assert parked["header-not-text"].detail == {"headers": [r"\udcff\udcfe"]}
        assert (await reconcile(city.deployment)).count("lost") == 0
        done = await dismiss(city.deployment.kernel.hearing, parked["header-not-text"], by="op-1", reason="said anew")
        assert (done.handled, done.left) == (1, 0)
    assert await effects(city) == 480


async def test_a_stopped_worker_goes_on_where_it_was(pair: Pair) -> None:
    intake, city = pair
    async with running(intake):
        await announced(intake, 200)
        async with running(city):
            await eventually(lambda: has_effects(city, 1), within=30)
        await announced(intake, 50)
        async with running(city):
            await eventually(lambda: has_effects(city, 750), within=30)
            await eventually(lambda: nothing_unsent(city), within=10)
            await all_well(intake, city)


async def test_small_batches_that_fail_while_the_next_is_read_are_heard_once_and_in_order(pair: Pair) -> None:
    intake, city = pair
    consumer = city.deployment.kernel.consumer
    consumer.settings = consumer.settings.model_copy(update={"batch_records_max": 7})
    async with running(intake):
        ids = await announced(intake, 60)
        await eventually(lambda: nothing_unsent(intake), within=30)
    topic = fact_topic(city.topic_root, "intake", "dinsos-samarinda")
    async with producer(city) as send:
        await send(topic, str(ids[0]).encode(), b"{broken", good_headers(ids[0], 4))
        for each in ids[1:]:
            await send(topic, str(each).encode(), *wire(updated(each, 4), 4))
    commits = count(1)

    def fail_sometimes(point: points.Point) -> None:
        if point == "before-database-commit" and next(commits) in {2, 5, 6}:
            raise OSError("the database goes away here")

    points.listen(fail_sometimes)
    try:
        async with running(city):
            await eventually(lambda: has_effects(city, 180 + 59), within=60)
    finally:
        points.listen(None)
    assert [each.reason for each in await city.parked()] == ["value-not-json"]
    revisions = await city.fetch("select min(revision) as low, max(revision) as high from test_household")
    assert tuple(revisions[0]) == (3, 4)


async def test_a_topic_that_appears_later_is_heard(pair: Pair, topics: TopicFactory) -> None:
    _, city = pair
    async with running(city):
        await eventually(lambda: city.deployment.kernel.consumer.alive(), within=20)
        topic = fact_topic(city.topic_root, "programs", "dinsos-kaltim")
        await topics(topic)
        async with producer(city) as send:
            await send(topic, str(uuid4()).encode(), b"{}", [("ce_type", b"id.tuntas.comet.seen.v1")])
        await eventually(lambda: has_parked(city), within=20)


async def test_a_read_model_wiped_and_rebuilt_is_the_same_and_nothing_reacts(pair: Pair) -> None:
    intake, city = pair
    async with running(intake, city):
        await announced(intake, 200)
        await eventually(lambda: has_effects(city, 600), within=30)
        before = await effects(city)
        done = await rebuild(city.deployment)
        assert done.unchanged
        assert done.records >= 600
        assert await effects(city) == before


async def test_reconcile_finds_what_was_lost(pair: Pair) -> None:
    intake, city = pair
    async with running(intake, city):
        ids = await announced(intake, 20)
        await eventually(lambda: has_effects(city, 60), within=30)
        await eventually(lambda: nothing_unsent(city), within=10)
    topic = {"topic": fact_topic(city.topic_root, "intake", "dinsos-samarinda")}
    one_key = f"key = '\\x{str(ids[0]).encode().hex()}'"
    async with intake.transaction() as session:
        await session.execute(text(f"update kernel.announced set last_sequence = last_sequence + 1 where {one_key}"))
    async with city.transaction() as session:
        await session.execute(
            text(f"update kernel.heard set last_sequence = 1 where topic = :topic and {one_key}"), topic
        )
    assert (await reconcile(intake.deployment)).count("lost") == 1
    assert (await reconcile(city.deployment)).count("lost") == 2


async def test_a_fact_that_was_said_in_two_versions_is_one(pair: Pair) -> None:
    intake, _ = pair
    household, stands_for = uuid4(), 1

    async def facts(session: Session) -> list[Counted]:
        numbers = await session.execute(text("select key, last_sequence from kernel.announced"))
        return [Counted(row.key, stands_for, row.last_sequence) for row in numbers]

    intake.deployment.declared = replace(INTAKE, facts=facts)
    async with intake.transaction() as session:
        announce(session, registered(household))
        [said] = session.info["announced"]
        first = said.always
        kind = first.type.replace(".v1", ".v2")
        second = Always.of(first.topic, first.source, kind, first.schema, numbered=first.numbered)
        session.info["announced"].append(said._replace(always=second))
    await all_well(intake)
    async with running(intake):
        await eventually(lambda: nothing_unsent(intake), within=30)
    await all_well(intake)
    stands_for = 2
    assert (await reconcile(intake.deployment)).count("lost") == 1


async def has_parked(city: TestDeployment) -> bool:
    return bool(await city.parked())


@asynccontextmanager
async def producer(deployment: TestDeployment) -> AsyncIterator[Any]:
    client = AIOKafkaProducer(**kafka_options(deployment.deployment.settings), acks="all")
    await client.start()

    async def send(topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes | None]]) -> None:
        await client.send_and_wait(topic, value, key=key, headers=headers)

    try:
        yield send
    finally:
        await client.stop()


async def send_with_nameless_header(city: TestDeployment, topic: str, event: HouseholdUpdated, sequence: int) -> None:
    """An otherwise good record with a header whose name is not UTF-8, which brokers take."""
    async with AIOKafkaProducer(**kafka_options(city.deployment.settings), acks="all") as client:
        value, headers = wire(event, sequence)
        key = str(event.household_id).encode()
        batch = client.create_batch()
        batch.append(key=key, value=value, timestamp=None, headers=[*headers, ("zz", b"1")])
        written = bytearray(batch._build())
        place = written.rindex(b"zz")
        written[place : place + 2] = b"\xff\xfe"
        # The checksum covers everything from the attributes on, and stands just before them.
        struct.pack_into(">I", written, 17, calc_crc32c(bytes(written[21:])))
        batch._buffer = bytes(written)
        everywhere = sorted(await client.partitions_for(topic))
        partition = DefaultPartitioner()(key, everywhere, everywhere)
        await (await client.send_batch(batch, topic, partition=partition))


def good_headers(household: UUID, sequence: int, event: str = "household.updated.v1") -> list[tuple[str, bytes | None]]:
    return [
        ("ce_id", str(uuid4()).encode()), ("ce_source", b"/agencies/dinsos-samarinda/intake"),
        ("ce_type", f"id.tuntas.{event}".encode()), ("ce_subject", f"household/{household}".encode()),
        ("ce_time", b"2022-12-05T02:00:00Z"), ("ce_sequence", str(sequence).encode()),
    ]  # fmt: skip


def wire(event: HouseholdUpdated, sequence: int) -> tuple[bytes, list[tuple[str, bytes | None]]]:
    return event.model_dump_json().encode(), good_headers(event.household_id, sequence)


def bad_headers() -> list[list[tuple[str, bytes | None]]]:
    """Null, binary and NUL headers, none at all, and an unknown type."""
    plain = good_headers(uuid4(), 1)
    return [
        [("ce_id", None), *plain[1:]],
        [*plain[:-1], ("ce_sequence", b"\xff\xfe\x00")],
        [*plain, ("note", b"\x00")],
        [],
        [("unrelated", None)],
        good_headers(uuid4(), 1, "comet.seen.v1"),
        [*plain, ("binary", bytes(range(256)))],
    ]
