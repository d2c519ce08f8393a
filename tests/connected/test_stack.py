"""The session's stack is real, is the one that was asked for, and lets nobody in who was not let in."""

from __future__ import annotations

import asyncio
import os

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.stack import StackAddresses
from tests.fixtures import DatabaseFactory, TopicFactory, eventually


async def test_the_stack_is_the_one_that_was_asked_for(stack: StackAddresses) -> None:
    kind = "container" if os.environ.get("TUNTAS_STACK") == "containers" else "embedded"
    assert kind in stack.kafka.origin or "TUNTAS_KAFKA" in stack.kafka.origin
    assert kind in stack.postgres.origin or "TUNTAS_DATABASE_ADMIN_DSN" in stack.postgres.origin


async def test_a_record_goes_through_the_real_broker(
    stack: StackAddresses, topics: TopicFactory, topic_root: str
) -> None:
    topic = f"{topic_root}.intake.dinsos-samarinda"
    await topics(topic)
    async with AIOKafkaProducer(**stack.kafka.aiokafka(), acks="all") as producer:
        await producer.send_and_wait(topic, b"fact", key=b"household")
    async with AIOKafkaConsumer(topic, **stack.kafka.aiokafka(), auto_offset_reset="earliest") as consumer:
        record = await asyncio.wait_for(consumer.getone(), timeout=15)
    assert (record.key, record.value) == (b"household", b"fact")
    assert len(consumer.partitions_for_topic(topic) or ()) == 12


async def test_a_stranger_is_refused_by_kafka_and_by_postgresql(stack: StackAddresses) -> None:
    stranger = {**stack.kafka.librdkafka(), "sasl.username": "stranger", "log_level": 0}
    with pytest.raises(KafkaException):
        await asyncio.to_thread(AdminClient(stranger).list_topics, timeout=3.0)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(stack.postgres.dsn_of("postgres", "postgres", "guess"))


async def test_a_topic_that_nobody_made_does_not_appear(stack: StackAddresses, topic_root: str) -> None:
    admin = AdminClient(stack.kafka.librdkafka())
    asked = await asyncio.to_thread(admin.list_topics, topic=f"{topic_root}.nobody", timeout=10)
    assert asked.topics[f"{topic_root}.nobody"].error is not None


async def test_two_databases_of_a_test_know_nothing_of_each_other(database: DatabaseFactory) -> None:
    one, other = await database("intake", migrated=False), await database("intake", migrated=False)
    connection = await one.connect()
    await connection.execute("create table seen (id int)")
    await connection.close()
    connection = await other.connect()
    assert await connection.fetchval("select to_regclass('seen')") is None
    assert (await connection.fetchval("show server_version")).startswith("18")
    await connection.close()


async def test_eventually_returns_the_first_true_answer_and_names_what_never_came() -> None:
    answers = iter([0, None, 3])
    assert await eventually(lambda: next(answers)) == 3
    with pytest.raises(AssertionError, match="the impossible; last seen: False"):
        await eventually(lambda: False, within=0.05, what="the impossible")
