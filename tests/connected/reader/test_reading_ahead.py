"""Reading ahead over real Kafka: what is ahead is nobody's yet, whatever happens to what is in hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition

from shared.messaging.records import Received
from tests.connected.reader.members import TOGETHER, Said, batch, received_of
from tests.fixtures import eventually


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
