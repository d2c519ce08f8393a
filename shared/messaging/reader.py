"""The reader of a group: while a batch is heard, the next one is fetched and read, and the last one committed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
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
from shared.messaging.watching import PartEnded

log = structlog.get_logger(__name__)

Batch = dict[TopicPartition, list[Received]]

TAKEN_TOGETHER = 32
"""So many records are taken from the client in one go: asking it costs as much as reading one of them."""
READ_TOGETHER = 8
"""So many records are read in one go; then whoever waits for PostgreSQL may go on, a quarter of a millisecond later. An
answer of PostgreSQL comes in many pieces, each of which waits so long. In goes of twenty all was read before the first
answer was there, and nothing was left to do while PostgreSQL wrote."""
STOP_SECONDS_MAX = 10.0
COMMIT_SECONDS_MAX = 60.0
LAST_COMMIT_SECONDS_MAX = 3.0
COMMITS_APART_SECONDS = 0.25
"""What a crash makes come again is passed over by its marks: a commit after each of a hundred small batches a second
would cost the broker more than it spares."""
UNAWAITED_SECONDS_MAX = 0.05
"""What no handler waits for may lie so long for more to come: only marks are kept of it, in a transaction all the same.
"""
UNHEARD_REST_SECONDS = 1.0
"""So long topics are left alone that say nothing a handler waits for: each of their records would wake the broker, this
process and PostgreSQL, and each of their partitions is named in every request."""


class NotCommitted(Exception):
    """What was heard could not be committed. It comes again, and is passed over."""


class Reader(AIOKafkaConsumer):  # type: ignore[misc]
    """Kafka's client, as FastStream uses it. It hands over what the records say, and is one batch ahead at most.

    A batch that is handed over is *in hand*; its offsets alone are committed. What is *ahead* has been asked of nobody:
    only what the client has fetched already is taken, so that a handler that hangs still counts as not polling. It is
    dropped when partitions are taken away, and comes again when a batch is refused (docs/decisions/one-batch-ahead.md).
    What was heard is committed beside the next batches, four times a second at most, one commit after the other.

    Args:
        read: reads records, whatever they hold, and raises for none.
        is_awaited: whether there is a handler for what a record says.
        is_heard: whether there is one for anything that may be said on a topic.
        give_up: called when a batch cannot be taken apart, after which nothing is handed over any more; and with
            ``NotCommitted``. FastStream would go on as if nothing had happened.
    """

    def __init__(
        self,
        read: Callable[[Sequence[Any]], list[Received]],
        is_awaited: Callable[[Received], bool],
        is_heard: Callable[[str], bool],
        give_up: Callable[[Exception], None],
        *topics: str,
        **options: Any,
    ) -> None:
        super().__init__(*topics, **options)
        self._read, self._is_awaited, self._is_heard, self._give_up = read, is_awaited, is_heard, give_up
        self._in_hand: dict[TopicPartition, int] = {}
        """Where what was handed over last ends in each of its partitions."""
        self._ahead: Batch = {}
        self._unread = deque[tuple[TopicPartition, Sequence[Any]]]()
        """What was taken from the client and follows what is ahead, in parts that are read together."""
        self._awaited_ahead = False
        self._reading_ahead: asyncio.Task[None] | None = None
        self._heard: dict[TopicPartition, int] = {}
        """What is to be committed, and no commit has begun with it."""
        self._committing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._assigned: Collection[TopicPartition] = ()
        self._unheard: list[TopicPartition] = []
        """Of what is assigned, the partitions of topics that nobody hears."""
        self._resting: asyncio.TimerHandle | None = None
        self._rested_until_ms = 0.0
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

    def raise_what_refreshing_died_of(self) -> None:
        """The client learns what is committed in a task of its own, a new one for each assignment.

        Raises:
            PartEnded: it has died. Its partitions would have no position until they are assigned anew.
        """
        task = self._coordinator._commit_refresh_task
        if task is not None and task.done() and not task.cancelled() and task.exception() is not None:
            raise PartEnded("refreshing has ended") from task.exception()

    @property
    def records_ahead(self) -> int:
        """Records that the client counts as consumed and that nobody was given."""
        return sum(map(len, self._ahead.values())) + sum(len(records) for _, records in self._unread)

    async def getmany(self, *_: TopicPartition, timeout_ms: int = 0, max_records: int = 1) -> Batch:
        """The next batch; waits until there is one.

        FastStream sleeps as long again after an empty answer, deaf to what arrives meanwhile.
        """
        if self._reading_ahead is not None:
            await self._reading_ahead
        await self._fill(max_records)
        await self._wait_for_more(max_records)
        while not self._ahead:
            await self._fill(max_records, wait_ms=timeout_ms)
            # Meanwhile partitions may be taken away, and what was ahead with them.
            await self._wait_for_more(max_records)
        batch, self._ahead, self._awaited_ahead = self._ahead, {}, False
        self._in_hand = {place: records[-1].offset + 1 for place, records in batch.items()}
        reached("after-read")
        self._reading_ahead = asyncio.create_task(self._read_ahead(max_records))
        return batch

    async def commit(self, offsets: Any = None) -> None:
        """What is in hand was heard: have it committed soon, in those of its partitions that are still ours.

        A crash before that makes it come again, and be passed over. While Kafka is away no more is heard than what was
        fetched before; a commit that is not answered within a minute is a failed one.
        """
        self._heard |= offsets or self._in_hand
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_on())

    async def committed_so_far(self) -> None:
        """Until the broker has answered for all that was heard, or a commit has failed."""
        self._hurry.set()
        if self._committing is not None:
            await self._committing

    async def _commit_on(self) -> None:
        self._hurry.clear()
        while heard := self._heard:
            self._heard = {}
            await self._commit(heard)
            with suppress(TimeoutError):
                async with asyncio.timeout(COMMITS_APART_SECONDS):
                    await self._hurry.wait()

    async def _commit(self, heard: dict[TopicPartition, int]) -> None:
        reached("before-offset-commit")
        try:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                await super().commit(heard)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions were taken away a moment ago, and the client joins its group again by itself.
            log.info("reader.commit-too-late", error=type(error).__name__)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody else would hear of it
            failed = NotCommitted(f"What was heard could not be committed ({type(error).__name__}).")
            failed.__cause__ = error
            self._give_up(failed)
            return
        reached("after-offset-commit")

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go back to what was refused. What follows it must not overtake it: all that is ahead is fetched again."""
        for place, first in self._drop_what_is_ahead().items():
            super().seek(place, first)
        super().seek(partition, offset)

    def forget(self) -> None:
        """Partitions were taken away. Those that come back begin where they were committed."""
        self._drop_what_is_ahead()
        self._in_hand, self._heard = {}, {}
        self.wake_up()

    async def stop(self) -> None:
        """Leave the group. Ends within a bound and without an error, even where the client waits for itself."""
        if self._reading_ahead is not None:
            self._reading_ahead.cancel()
        if self._resting is not None:
            self._resting.cancel()
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                # The group is left in any case: what was not committed comes again to whoever is next.
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_COMMIT_SECONDS_MAX):
                        await self.committed_so_far()
                await super().stop()
        except Exception as error:  # noqa: BLE001 - it raises again whatever one of its tasks has died of
            log.warning("reader.torn-down", error=type(error).__name__)
            self._tear_down()

    def _tear_down(self) -> None:
        """Nothing of a member may stay that would keep its partitions; the group notices when its session ends."""
        tasks = {self._client._sync_task, self._committing}
        if self._coordinator is not None:
            coordinator = self._coordinator
            tasks |= {coordinator._coordination_task, coordinator._heartbeat_task, coordinator._commit_refresh_task}
        if self._fetcher is not None:
            tasks |= {self._fetcher._fetch_task, *self._fetcher._pending_tasks}
        for task in filter(None, tasks):
            task.cancel()
        for connection in self._client._conns.values():
            connection.close()

    def _drop_what_is_ahead(self) -> dict[TopicPartition, int]:
        """Returns the offset at which it began in each of its partitions."""
        began: dict[TopicPartition, int] = {}
        for place, records in (*self._ahead.items(), *self._unread):
            began.setdefault(place, records[0].offset)
        self._ahead, self._awaited_ahead = {}, False
        self._unread.clear()
        return began

    async def _wait_for_more(self, records_max: int) -> None:
        """Where no handler waits for what is ahead: until one does, the batch is full, or for a moment."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + UNAWAITED_SECONDS_MAX
        while 0 < (before := self.records_ahead) < records_max and not self._awaited_ahead:
            left_s = ends_at - clock()
            if left_s > 0:
                await self._fill(records_max, wait_ms=int(left_s * 1000) + 1)
            if self.records_ahead == before:
                return

    async def _read_ahead(self, records_max: int) -> None:
        # The client says its errors again to whoever asks next, and that is who hears them.
        with suppress(KafkaError, ConsumerStoppedError):
            await self._fill(records_max, beside_hearing=True)

    async def _fill(self, records_max: int, *, wait_ms: int = 0, beside_hearing: bool = False) -> None:
        """Read on until so many records are ahead, or nothing more is there. Waits at most for the first that comes.

        Args:
            beside_hearing: whoever waits for PostgreSQL goes on in between. Otherwise nobody may: the client would ask
                the broker for more first, which takes longer than reading what came.
        """
        await self._read_what_was_taken(beside_hearing=beside_hearing)
        while (left := records_max - self.records_ahead) > 0:
            asked = min(left, TAKEN_TOGETHER)
            found = await self._take(asked, wait_ms)
            if not found and wait_ms:
                # What came in the moment in which the wait ended lies in the client, and nobody was told.
                found = await self._take(asked, 0)
            # What the client holds back of a partition that rests would keep it from fetching the others.
            if was_all := sum(map(len, found.values())) < asked:
                self._let_rest()
            wait_ms = 0
            for place, records in found.items():
                parts = range(0, len(records), READ_TOGETHER)
                self._unread += [(place, records[first : first + READ_TOGETHER]) for first in parts]
            await self._read_what_was_taken(beside_hearing=beside_hearing)
            if was_all:
                return

    async def _read_what_was_taken(self, *, beside_hearing: bool) -> None:
        # Whoever goes on in between may drop all of it.
        while self._unread:
            place, together = self._unread.popleft()
            received = self._read(together)
            self._ahead.setdefault(place, []).extend(received)
            self._awaited_ahead = self._awaited_ahead or any(map(self._is_awaited, received))
            if beside_hearing:
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

    def _let_rest(self) -> None:
        """Leave partitions alone that nobody hears, once each was fetched since they rested last."""
        assigned = self.assignment()
        # The client makes a new set for each assignment; while it asks for the next one, the last still stands.
        if assigned is not self._assigned:
            self._assigned = assigned
            self._unheard = [place for place in assigned if not self._is_heard(place.topic)]
        if self._resting or not self._unheard:
            return
        if all((self.last_poll_timestamp(place) or 0) > self._rested_until_ms for place in self._unheard):
            self.pause(*self._unheard)
            self._resting = asyncio.get_running_loop().call_later(UNHEARD_REST_SECONDS, self.wake_up)

    def wake_up(self) -> None:
        """Look at what nobody hears, too; then it rests again."""
        if self._resting is not None:
            self._resting.cancel()
        self._resting, self._rested_until_ms = None, time.time() * 1000
        self.resume(*self.paused())


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
