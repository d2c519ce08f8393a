"""Committing over real Kafka: what was heard, beside the next batch, and nothing that was not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError

from shared.messaging import points
from shared.messaging.reader import NotCommitted
from tests.connected.reader.members import TOGETHER, Said, batch
from tests.fixtures import eventually


async def test_only_what_is_in_hand_is_committed(topic: str, say: Said, reader_of: Callable[..., Any]) -> None:
    await say(0, "abcdefgh")
    async with reader_of() as reader:
        assert await batch(reader) == ["a", "b", "c"]
        await eventually(lambda: reader.records_ahead == TOGETHER)
        await reader.commit()
        await reader.committed_so_far()
        assert await reader.committed(TopicPartition(topic, 0)) == 3


async def test_the_next_batch_is_handed_over_while_the_last_one_is_committed_and_no_second_commit_overtakes(
    topic: str, say: Said, reader_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, answers, asked = AIOKafkaConsumer.commit, asyncio.Event(), list[int]()

    async def slow(client: Any, offsets: Any) -> None:
        asked.extend(offsets.values())
        await answers.wait()
        await commit(client, offsets)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", slow)
    await say(0, "abcdef")
    async with reader_of() as reader:
        assert await batch(reader) == ["a", "b", "c"]
        await reader.commit()
        assert await batch(reader) == ["d", "e", "f"]
        await reader.commit()
        for _ in range(100):
            await asyncio.sleep(0)
        assert asked == [3]
        answers.set()
        await reader.committed_so_far()
    assert asked == [3, 6]
    async with reader_of() as next_one:
        assert await next_one.committed(TopicPartition(topic, 0)) == 6


@pytest.mark.parametrize("failure", [RuntimeError("the handler is closed"), None], ids=["error", "no answer"])
async def test_who_cannot_commit_gives_up(
    say: Said,
    reader_of: Callable[..., Any],
    given_up: list[Exception],
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception | None,
) -> None:
    async def fail(*_: Any) -> None:
        if failure is not None:
            raise failure
        await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaConsumer, "commit", fail)
    monkeypatch.setattr("shared.messaging.reader.COMMIT_SECONDS_MAX", 0.1)
    await say(0, "abc")
    async with reader_of() as reader:
        await batch(reader)
        await reader.commit()
        await reader.committed_so_far()
        (why,) = given_up
        given_up.clear()
    assert isinstance(why, NotCommitted)
    assert isinstance(why.__cause__, type(failure) if failure is not None else TimeoutError)


async def test_a_commit_that_comes_too_late_is_no_reason_to_give_up(
    topic: str, say: Said, reader_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, failed = AIOKafkaConsumer.commit, asyncio.Event()

    async def fail_once(client: Any, offsets: Any) -> None:
        if not failed.is_set():
            failed.set()
            raise CommitFailedError
        await commit(client, offsets)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", fail_once)
    await say(0, "abcdef")
    async with reader_of() as reader:
        for _ in range(2):
            await batch(reader)
            await reader.commit()
            await reader.committed_so_far()
        assert await reader.committed(TopicPartition(topic, 0)) == 6


async def test_a_commit_after_the_partitions_were_taken_away_commits_nothing(
    topic: str, say: Said, reader_of: Callable[..., Any]
) -> None:
    await say(0, "abc")
    async with reader_of() as reader:
        await batch(reader)
        reader.forget()
        await reader.commit()
        await reader.committed_so_far()
        assert await reader.committed(TopicPartition(topic, 0)) is None


async def test_points_are_passed_in_the_order_of_the_batches(say: Said, reader_of: Callable[..., Any]) -> None:
    await say(0, "abcdef")
    passed: list[points.Point] = []
    async with reader_of() as reader:
        points.listen(passed.append)
        try:
            for _ in range(2):
                await batch(reader)
                await reader.commit()
            await reader.committed_so_far()
        finally:
            points.listen(None)
    # The second batch may be read before the first is committed, and no commit begins before the last has ended.
    commits = [each for each in passed if each != "after-read"]
    assert commits == ["before-offset-commit", "after-offset-commit"] * 2
    assert passed[0] == "after-read"
    assert passed.count("after-read") == 2
    assert max(place for place, each in enumerate(passed) if each == "after-read") < len(passed) - 2
