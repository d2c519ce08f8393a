"""Reading ahead over real Kafka: what is ahead is nobody's yet, whatever happens to what is in hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError

from local.stack import StackAddresses
from shared.messaging import points
from shared.messaging.reader import ForgetsWhatIsTakenAway, NotCommitted, Reader
from shared.messaging.records import Received
from tests.fixtures import TopicFactory, eventually

TOGETHER = 3
Said = Callable[..., Awaitable[None]]


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


class WaitsForOthers(ForgetsWhatIsTakenAway):
    """As where a group waits for a slow member: meanwhile the client answers with nothing, again and again."""

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await super().on_partitions_revoked(revoked)
        reader = self._reader()
        if reader is not None and revoked:
            turns = reader.turns
            await eventually(lambda: reader.turns > turns + 2)


def received_of(records: Sequence[Any]) -> list[Received]:
    return [Received(each, each.topic, each.partition, each.offset, each.value) for each in records]


def is_awaited(received: Received) -> bool:
    """What begins with a small letter."""
    return received.key.islower()


def is_heard(topic: str) -> bool:
    """All but what the programs service says."""
    return ".programs." not in topic


async def batch(reader: Reader) -> list[str]:
    handed_over = await reader.getmany(timeout_ms=100, max_records=TOGETHER)
    return [each.key.decode() for records in handed_over.values() for each in records]


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


async def test_what_was_ahead_at_a_stop_is_read_by_whoever_comes_next(say: Said, reader_of: Callable[..., Any]) -> None:
    await say(0, "abcdefgh")
    async with reader_of() as reader:
        await batch(reader)
        await eventually(lambda: reader.records_ahead == TOGETHER)
        await reader.commit()
    async with reader_of() as reader:
        assert [await batch(reader), await batch(reader)] == [["d", "e", "f"], ["g", "h"]]


async def test_a_batch_that_is_refused_comes_again_before_what_was_ahead(
    topic: str, say: Said, reader_of: Callable[..., Any]
) -> None:
    await say(0, "abcde")
    await say(1, "xyz")
    async with reader_of() as reader:
        first = await batch(reader)
        await eventually(lambda: reader.records_ahead == TOGETHER)
        # As FastStream refuses: every partition of the batch from its first record on.
        place = 0 if first[0] in "abcde" else 1
        reader.seek(TopicPartition(topic, place), 0)
        seen: list[str] = []
        while len(seen) < len("abcdexyz"):
            seen += await batch(reader)
    assert [each for each in seen if each in "abcde"] == list("abcde")
    assert [each for each in seen if each in "xyz"] == list("xyz")


@pytest.mark.parametrize("reads_d", ["seeks", "forgets"])
async def test_what_was_taken_from_the_client_and_not_read_yet_does_not_overtake(
    topic: str, say: Said, reader_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, reads_d: str
) -> None:
    """While d is ahead, e and f were taken and are read next, the batch before is refused, or partitions are lost."""
    monkeypatch.setattr("shared.messaging.reader.READ_TOGETHER", 1)
    place, went_back = TopicPartition(topic, 0), asyncio.Event()

    def go_back() -> None:
        assert reader.records_ahead == TOGETHER
        if reads_d == "forgets":
            reader.forget()
        reader.seek(place, 0)
        went_back.set()

    def read(records: Sequence[Any]) -> list[Received]:
        if records[0].value == b"d" and not went_back.is_set():
            # Before the next of them is read.
            asyncio.get_running_loop().call_soon(go_back)
        return received_of(records)

    await say(0, "abcdefgh")
    async with reader_of(read=read) as reader:
        assert await batch(reader) == ["a", "b", "c"]
        await went_back.wait()
        assert reader.records_ahead == 0
        seen: list[str] = []
        while len(seen) < len("abcdefgh"):
            seen += await batch(reader)
        assert seen == list("abcdefgh")


async def test_what_was_ahead_of_partitions_that_are_taken_away_is_handed_over_by_their_next_reader(
    say: Said, reader_of: Callable[..., Any]
) -> None:
    for partition in range(12):
        await say(partition, [f"{partition}-{number}" for number in range(4)])
    async with reader_of() as first:
        await batch(first)
        await eventually(lambda: first.records_ahead == TOGETHER)
        async with reader_of() as second:
            await eventually(lambda: len(first.assignment()) == len(second.assignment()) == 6, within=30)
            # Nothing was committed, so that everything is handed over, each by whoever reads its partition now.
            for reader in (first, second):
                seen: list[str] = []
                while len(seen) < 6 * 4:
                    seen += await batch(reader)
                wanted = {place.partition for place in reader.assignment()}
                assert {int(each.split("-")[0]) for each in seen} == wanted
                assert all(
                    [each for each in seen if each.startswith(f"{partition}-")]
                    == [f"{partition}-{number}" for number in range(4)]
                    for partition in wanted
                )


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


async def test_a_batch_is_filled_up_with_what_came_after_it_was_read(
    topic: str, say: Said, reader_of: Callable[..., Any]
) -> None:
    await say(0, "abcd")
    async with reader_of() as reader:
        await batch(reader)
        await eventually(lambda: reader.records_ahead == 1)
        await say(0, "e")
        await eventually(lambda: reader.highwater(TopicPartition(topic, 0)) == 5)
        assert await batch(reader) == ["d", "e"]


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
