"""What nobody waits for lies for a moment, what nobody hears rests for longer, and neither holds anybody up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.messaging.reader import Reader
from tests.connected.reader.members import Said, WaitsForOthers, batch
from tests.fixtures import eventually


async def test_what_no_handler_waits_for_lies_for_a_moment_unless_something_comes_that_one_waits_for(
    say: Said, reader_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reader_of() as reader:
        await say(0, "A")
        assert await batch(reader) == ["A"]
        monkeypatch.setattr("shared.messaging.reader.UNAWAITED_SECONDS_MAX", 600.0)
        coming = asyncio.create_task(batch(reader))
        await say(0, "B")
        await eventually(lambda: reader.records_ahead == 1)
        assert not coming.done()
        await say(0, "c")
        assert await coming == ["B", "c"]
        coming = asyncio.create_task(batch(reader))
        await say(0, "DEF")
        assert await coming == ["D", "E", "F"]


async def test_partitions_may_be_taken_away_while_what_is_ahead_of_them_lies(
    say: Said, reader_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.reader.UNAWAITED_SECONDS_MAX", 600.0)
    async with reader_of() as reader:
        coming = asyncio.create_task(batch(reader))
        await say(0, "A")
        await eventually(lambda: reader.records_ahead == 1)
        reader.forget()
        await say(0, "b")
        assert await coming == ["b"]


async def test_what_nobody_hears_rests_and_holds_up_nobody_else(
    topic: str, unheard: str, say: Said, reader_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.reader.UNHEARD_REST_SECONDS", 600.0)
    async with reader_of(topic, unheard) as reader:
        await say(0, "A", on=unheard)
        assert await batch(reader) == ["A"]
        # Once each of its partitions was fetched, none is looked at any more.
        coming = asyncio.create_task(batch(reader))
        await eventually(lambda: {each.topic for each in reader.paused()} == {unheard})
        await say(0, "B", on=unheard)
        await say(0, "c")
        assert await asyncio.wait_for(coming, 15) == ["c"]
        reader.wake_up()
        assert await asyncio.wait_for(batch(reader), 15) == ["B"]
        await eventually(lambda: len(reader.paused()) == len(reader.assignment()) // 2)
        reader.forget()
        assert not reader.paused()


async def test_what_comes_in_the_moment_in_which_a_wait_ends_is_read_before_its_topic_rests(
    topic: str, unheard: str, say: Said, reader_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.reader.UNHEARD_REST_SECONDS", 600.0)
    getmany, place, late = AIOKafkaConsumer.getmany, TopicPartition(unheard, 0), list[int]()

    async def end_in_that_moment(client: Any, *, timeout_ms: int, max_records: int) -> Any:
        if timeout_ms == 0 or late:
            return await getmany(client, timeout_ms=timeout_ms, max_records=max_records)
        await eventually(lambda: client.highwater(place) == 1)
        late.append(timeout_ms)
        return {}

    async with reader_of(topic, unheard) as reader:
        await say(0, "A", on=unheard)
        monkeypatch.setattr(AIOKafkaConsumer, "getmany", end_in_that_moment)
        assert await asyncio.wait_for(batch(reader), 15) == ["A"]
        assert late


async def test_who_has_to_share_what_nobody_hears_reads_on(
    topic: str, unheard: str, say: Said, reader_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is asked for more again and again while the group waits for all to join."""
    monkeypatch.setattr("shared.messaging.reader.UNHEARD_REST_SECONDS", 0.05)
    heard: list[str] = []

    async def hear(reader: Reader) -> None:
        while True:
            heard.extend(await batch(reader))
            await reader.commit()

    async with reader_of(topic, unheard, listener=WaitsForOthers) as first:
        hearing = [asyncio.create_task(hear(first))]
        await eventually(lambda: bool(first.paused()))
        async with reader_of(topic, unheard) as second:
            hearing.append(asyncio.create_task(hear(second)))
            await eventually(lambda: len(first.assignment()) == len(second.assignment()) == 12)
            for partition in range(12):
                await say(partition, "B", on=unheard)
                await say(partition, "c")
            await eventually(lambda: (heard.count("B"), heard.count("c")) == (12, 12))
            await eventually(lambda: bool(first.paused()))
            assert not any(each.done() for each in hearing)
            for each in hearing:
                each.cancel()
