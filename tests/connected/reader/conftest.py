"""Topics, somebody who says words on them, and readers of one group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from local.stack import StackAddresses
from shared.messaging.reader import ForgetsWhatIsTakenAway, Reader
from shared.messaging.records import Received
from tests.connected.reader.members import Said, is_awaited, is_heard, received_of
from tests.fixtures import TopicFactory


@pytest.fixture
async def topic(topics: TopicFactory, topic_root: str) -> str:
    name = f"{topic_root}.intake.dinsos-samarinda"
    await topics(name)
    return name


@pytest.fixture
async def unheard(topic: str, topics: TopicFactory) -> str:
    """A topic on which nothing is said that anybody hears."""
    name = topic.replace(".intake.", ".programs.")
    await topics(name)
    return name


@pytest.fixture
async def say(stack: StackAddresses, topic: str) -> AsyncIterator[Said]:
    """`await say(partition, ["a", "b"])`, on the test's topic or another."""
    async with AIOKafkaProducer(**stack.kafka.aiokafka(), acks="all") as producer:

        async def said(partition: int, words: Sequence[str], on: str = topic) -> None:
            for word in words:
                await producer.send_and_wait(on, word.encode(), partition=partition)

        yield said


@pytest.fixture
def given_up() -> list[Exception]:
    """Why readers gave up. A test that wants one to takes it out."""
    return []


@pytest.fixture
def reader_of(stack: StackAddresses, topic: str, given_up: list[Exception]) -> Iterator[Callable[..., Any]]:
    """`async with reader_of() as reader`: a member of the test's group; of the test's topic, or of those named."""

    @asynccontextmanager
    async def made(
        *names: str,
        listener: type[ForgetsWhatIsTakenAway] = ForgetsWhatIsTakenAway,
        read: Callable[[Sequence[Any]], list[Received]] | None = None,
    ) -> AsyncIterator[Reader]:
        options = stack.kafka.aiokafka() | {"group_id": f"{topic}.readers", "enable_auto_commit": False}
        reader = Reader(
            read or received_of,
            is_awaited,
            is_heard,
            given_up.append,
            **options,
            auto_offset_reset="earliest",
            heartbeat_interval_ms=200,
        )
        reader.subscribe(names or [topic], listener=listener(lambda: reader))
        await reader.start()
        try:
            yield reader
        finally:
            await reader.stop()

    yield made
    assert given_up == []
