"""Rebuild: empty the read tables and fold the past again, to the same bytes."""

from __future__ import annotations

import asyncio
import gc
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import Table, delete, select, text
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.driver import driver_in_transaction
from shared.messaging.bulk import HeldRows
from shared.messaging.heard import REBUILD_LOCK, MarkKey
from shared.messaging.reading import OneAhead, read_topics
from shared.messaging.records import RawRecord, Told, receive
from shared.messaging.retelling import retell
from shared.messaging.tables import parked

if TYPE_CHECKING:
    from shared.deployment import Deployment

_READ_TOGETHER = 250
_FOLDED_TOGETHER = 125
"""What was read stays in the processor's cache until it is folded: a thousand at once cost a sixth more."""
_ROWS_HELD_MAX = 100_000
"""Rows that are folded in memory before they are written: some hundred megabytes at most."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild read, and the digest of the read tables before and after."""

    records: int
    before: str
    after: str

    @property
    def unchanged(self) -> bool:
        return self.before == self.after


async def rebuild(
    deployment: Deployment, progress: Callable[[int], None] = lambda _: None, rows_held_max: int = _ROWS_HELD_MAX
) -> Rebuilt:
    """Empty the read tables and run the projections over everything that was heard, in one transaction.

    Reactions never run. What is parked or was dismissed is passed over, as it was when it was heard. Workers of this
    deployment wait meanwhile, its screens show the old tables; a crash leaves them.
    """
    tables = deployment.declared.read_tables()
    hearing, root = deployment.kernel.hearing, deployment.settings.topic_root
    async with _without_collecting(), deployment.sessions() as session:
        await session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": REBUILD_LOCK})
        records = 0
        async with aclosing(OneAhead(read_topics(deployment.settings, together=_READ_TOGETHER))) as batches:
            past = await _Past.of(session)
            async with _emptying(session, tables, rows_held_max) as emptying:
                async for batch in batches:
                    for begins in range(0, len(batch), _FOLDED_TOGETHER):
                        part = batch[begins : begins + _FOLDED_TOGETHER]
                        await hearing.dispatch(session, past.handled_of(part, root), react=False)
                    records += len(batch)
                    progress(records)
                await hearing.dispatch(session, past.rest(), react=False)
                before = await emptying
        after = await digest(session, tables)
        await session.commit()
    return Rebuilt(records, before, after)


@asynccontextmanager
async def _without_collecting() -> AsyncIterator[None]:
    """Python looks for no cycles meanwhile: a fold makes none, and every look goes over all the rows that are held."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@asynccontextmanager
async def _emptying(session: Session, tables: list[Table], rows_held_max: int) -> AsyncIterator[asyncio.Task[str]]:
    """Digest and empty the tables while the past is read; what is folded is written once they are empty.

    The block is given the task, whose result is the digest. At its end everything is written.
    """

    async def digest_and_empty() -> str:
        before = await digest(session, tables)
        driver = await driver_in_transaction(session)
        for table in reversed(tables):
            await driver.execute(str(delete(table)))
        return before

    task = asyncio.create_task(digest_and_empty())

    async def emptied() -> list[Table]:
        await task
        return tables

    held = HeldRows(session, await session.connection(), emptied, rows_held_max)
    try:
        yield task
        await held.write()
    finally:
        # A session is closed by nobody while somebody else works with its connection.
        task.cancel()
        await asyncio.wait([task])


async def digest(session: Session, tables: list[Table]) -> str:
    """SHA-256 over every row of the tables, in key order: equal digests mean equal bytes.

    PostgreSQL writes the rows out as text while they are digested here.
    """
    total, driver = hashlib.sha256(), await driver_in_transaction(session)

    async def add(part: bytes) -> None:
        total.update(part)

    for table in tables:
        total.update(table.name.encode())
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
        await driver.copy_from_query(f"select {columns} from {table.fullname} order by {keys}", output=add)
    return total.hexdigest()


class _AsItWasJudged:
    """What was heard was judged then; what was not stands with the parked. Today's directory changes no history."""

    def may_announce(self, service: str, agency: str, region: str, on: date) -> bool:  # noqa: ARG002
        return True


_AS_IT_WAS_JUDGED = _AsItWasJudged()


@dataclass(slots=True)
class _Remembered:
    """How far a key was heard, and how far it was folded again; each number once, in the order in which it was lived.

    What comes in the log after a higher number was handled only if it was parked, and re-driven: whoever accepted the
    gap, or dismissed what stood behind it, gave up what had not come by then.
    """

    last_sequence: int
    last_offset: int
    folded: int = 0
    folded_offset: int = -1
    redriven: frozenset[int] = frozenset()
    held: dict[int, Told | None] = field(default_factory=dict)
    """What waits for lower numbers that come later in the log; None for what was dismissed."""

    def fold(self, number: int, told: Told | None) -> list[Told]:
        """What is to be folded now that a number has come: it, if it is its turn, and what had waited for it."""
        if number <= self.folded or number > self.last_sequence:
            return []
        self.held.setdefault(number, told)
        return self._whose_turn_it_is()

    def fold_without_number(self, told: Told) -> list[Told]:
        """It, if it was not folded yet."""
        if not self.folded_offset < told.offset <= self.last_offset:
            return []
        self.folded_offset = told.offset
        return [told]

    def rest(self) -> list[Told]:
        """What waits still, when there is nothing more to come."""
        self.redriven = frozenset()
        return self._whose_turn_it_is()

    def _whose_turn_it_is(self) -> list[Told]:
        told = []
        while self.held:
            number = min(self.held)
            if any(self.folded < lower < number for lower in self.redriven):
                break
            self.folded = number
            if (each := self.held.pop(number)) is not None:
                told.append(each)
        return told


class _Past:
    """Judges records as they were judged when they were heard: by how far their key was folded, within what was handled
    then."""

    def __init__(self, remembered: dict[MarkKey, _Remembered], not_handled: dict[tuple[str, int, int], int]) -> None:
        self._remembered = remembered
        self._not_handled = not_handled
        """By its place, the number of what was dismissed; 0 for what has none, or waits."""

    @classmethod
    async def of(cls, session: Session) -> _Past:
        driver = await driver_in_transaction(session)
        limits = await driver.fetch("select topic, key, last_sequence, last_offset from kernel.heard")
        remembered = {
            (topic, key): _Remembered(last_sequence, last_offset) for topic, key, last_sequence, last_offset in limits
        }
        not_handled = {}
        for topic, partition, offset, key, state, sequence in await session.execute(_PARKED):
            if state != "redriven":
                not_handled[topic, partition, offset] = sequence or 0 if state == "dismissed" else 0
            elif sequence is not None and (known := remembered.get((topic, key))) is not None:
                known.redriven |= {sequence}
        return cls(remembered, not_handled)

    def handled_of(self, batch: Iterable[RawRecord], root: str) -> list[Told]:
        """The records of a batch that were handled then, read anew, and what had waited for them."""
        return [told for raw in batch for told in self._told(raw, root)]

    def rest(self) -> list[Told]:
        """What waits for others that did not come."""
        return [told for known in self._remembered.values() if known.held for told in known.rest()]

    def _told(self, raw: RawRecord, root: str) -> Sequence[Told]:
        known = self._remembered.get((raw.topic, raw.key or b""))
        if known is None:
            return ()
        if (
            self._not_handled
            and (dismissed := self._not_handled.get((raw.topic, raw.partition, raw.offset))) is not None
        ):
            return known.fold(dismissed, None)
        number = known.folded + 1
        if number <= known.last_sequence and (retold := retell(raw, root, number)) is not None:
            if known.held:
                return known.fold(number, retold)
            # Nearly every record: the next one, for which nobody has waited.
            known.folded, known.folded_offset = number, max(raw.offset, known.folded_offset)
            return (retold,)
        received = receive(raw, root, _AS_IT_WAS_JUDGED)
        if received.fault is not None:
            return ()
        if received.sequence is None:
            return known.fold_without_number(received)
        known.folded_offset = max(raw.offset, known.folded_offset)
        return known.fold(received.sequence, received)


_PARKED = select(parked.c.topic, parked.c.partition, parked.c.offset, parked.c.key, parked.c.state, parked.c.sequence)
