"""A reader's small world: three records a batch, of which small letters are awaited, and services are heard but one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import TopicPartition

from shared.messaging.reader import ForgetsWhatIsTakenAway, Reader
from shared.messaging.records import Received
from tests.fixtures import eventually

TOGETHER = 3
Said = Callable[..., Awaitable[None]]


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
