"""The reader of a group: while a batch is heard, and PostgreSQL works for it, the next one is fetched and read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
)

from shared.messaging.points import reached
from shared.messaging.records import Received

log = structlog.get_logger(__name__)

Batch = dict[TopicPartition, list[Received]]

READ_TOGETHER = 20
"""So many records are read in one go; then whoever waits for PostgreSQL may go on, half a millisecond later at most."""
STOP_SECONDS_MAX = 10.0


class NotCommitted(Exception):
    """What was heard could not be committed. It comes again, and is passed over."""


class Reader(AIOKafkaConsumer):  # type: ignore[misc]
    """Kafka's client, as FastStream uses it. It hands over what the records say, and is one batch ahead at most.

    A batch that is handed over is *in hand*; its offsets alone are committed. What is *ahead* has been asked of nobody:
    only what the client has fetched already is taken, so that a handler that hangs still counts as not polling. It is
    dropped when partitions are taken away, and comes again when a batch is refused (docs/decisions/one-batch-ahead.md).

    Args:
        read: reads records, whatever they hold, and raises for none.
        give_up: called when a batch cannot be taken apart, after which nothing is handed over any more; and with
            ``NotCommitted``. FastStream would go on as if nothing had happened.
    """

    def __init__(
        self,
        read: Callable[[Sequence[Any]], list[Received]],
        give_up: Callable[[Exception], None],
        *topics: str,
        **options: Any,
    ) -> None:
        super().__init__(*topics, **options)
        self._read, self._give_up = read, give_up
        self._in_hand: dict[TopicPartition, int] = {}
        """Where what was handed over last ends in each of its partitions."""
        self._ahead: Batch = {}
        self._reading_ahead: asyncio.Task[None] | None = None
        self.turns = 0
        """How often the client has answered, with records or without."""

    @property
    def background(self) -> dict[str, asyncio.Task[Any]]:
        """The client's own tasks. It tells nobody when one of them ends, and then waits for it, or reads no more."""
        return {
            "metadata": self._client._sync_task,
            "coordination": self._coordinator._coordination_task,
            "fetching": self._fetcher._fetch_task,
        }

    @property
    def records_ahead(self) -> int:
        """Records that the client counts as consumed and that nobody was given."""
        return sum(map(len, self._ahead.values()))

    async def getmany(self, *_: TopicPartition, timeout_ms: int = 0, max_records: int = 1) -> Batch:
        """The next batch; waits until there is one.

        FastStream sleeps as long again after an empty answer, deaf to what arrives meanwhile.
        """
        if self._reading_ahead is not None:
            await self._reading_ahead
        await self._fill(max_records)
        while not self._ahead:
            await self._fill(max_records, wait_ms=timeout_ms)
        batch, self._ahead = self._ahead, {}
        self._in_hand = {place: records[-1].offset + 1 for place, records in batch.items()}
        reached("after-read")
        self._reading_ahead = asyncio.create_task(self._read_ahead(max_records))
        return batch

    async def commit(self, offsets: Any = None) -> None:
        """Commit what is in hand, in those of its partitions that are still ours. While Kafka is away, this waits."""
        reached("before-offset-commit")
        heard = offsets or self._in_hand
        if heard:
            await self._commit(heard)
        reached("after-offset-commit")

    async def _commit(self, heard: Any) -> None:
        try:
            await super().commit(heard)
        except (CommitFailedError, IllegalStateError):
            # The partitions were taken away a moment ago, and the client joins its group again by itself.
            raise
        except Exception as error:
            failed = NotCommitted(f"What was heard could not be committed ({type(error).__name__}).")
            failed.__cause__ = error
            self._give_up(failed)
            raise

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go back to what was refused. What follows it must not overtake it: all that is ahead is fetched again."""
        ahead, self._ahead = self._ahead, {}
        for place, records in ahead.items():
            super().seek(place, records[0].offset)
        super().seek(partition, offset)

    def forget(self) -> None:
        """Partitions were taken away. Those that come back begin where they were committed."""
        self._in_hand, self._ahead = {}, {}

    async def stop(self) -> None:
        """Leave the group. Ends within a bound and without an error, even where the client waits for itself."""
        if self._reading_ahead is not None:
            self._reading_ahead.cancel()
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await super().stop()
        except Exception as error:  # noqa: BLE001 - it raises again whatever one of its tasks has died of
            log.warning("reader.torn-down", error=type(error).__name__)
            self._tear_down()

    def _tear_down(self) -> None:
        """Nothing of a member may stay that would keep its partitions; the group notices when its session ends."""
        tasks = {self._client._sync_task}
        if self._coordinator is not None:
            coordinator = self._coordinator
            tasks |= {coordinator._coordination_task, coordinator._heartbeat_task, coordinator._commit_refresh_task}
        if self._fetcher is not None:
            tasks |= {self._fetcher._fetch_task, *self._fetcher._pending_tasks}
        for task in filter(None, tasks):
            task.cancel()
        for connection in self._client._conns.values():
            connection.close()

    async def _read_ahead(self, records_max: int) -> None:
        # The client says its errors again to whoever asks next, and that is who hears them.
        with suppress(KafkaError, ConsumerStoppedError):
            await self._fill(records_max)

    async def _fill(self, records_max: int, *, wait_ms: int = 0) -> None:
        """Read on until so many records are ahead, or nothing more is there. Only the first is waited for."""
        while (left := records_max - self.records_ahead) > 0:
            found = await self._take(min(left, READ_TOGETHER), 0 if self._ahead else wait_ms)
            if not found:
                return
            for place, records in found.items():
                self._ahead.setdefault(place, []).extend(self._read(records))
            await asyncio.sleep(0)

    async def _take(self, records_max: int, wait_ms: int) -> dict[TopicPartition, list[Any]]:
        """Ask the client. Never returns after a record that it cannot take apart: what it drained with it is gone."""
        try:
            found: dict[TopicPartition, list[Any]] = await super().getmany(timeout_ms=wait_ms, max_records=records_max)
        except ConsumerStoppedError:
            raise
        except Exception as error:
            # The client says its other errors before it drains anything; this one in the middle.
            if isinstance(error, KafkaError) and not isinstance(error, CorruptRecordException):
                if self._ahead:
                    return {}
                raise
            self._give_up(error)
            await asyncio.Event().wait()
            raise
        self.turns += 1
        return found


class ForgetsWhatIsTakenAway(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells the reader of the moment that its partitions are taken away."""

    def __init__(self, reader: Callable[[], Reader | None]) -> None:
        self._reader = reader

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002
        """Called before the group is joined again; nothing is fetched until then."""
        reader = self._reader()
        if reader is not None:
            reader.forget()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """The client knows where to begin."""
