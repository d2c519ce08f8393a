"""What a deployment has heard: one mark per (topic, key), under lock while a batch is handled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.driver import Driver, driver_in_transaction
from shared.messaging.failures import MarkTaken
from shared.messaging.literals import as_array, keys_as_array
from shared.messaging.records import Fault, Received
from shared.messaging.writing_behind import write

MarkKey = tuple[str, bytes]

REBUILD_LOCK = 0x74756E746172
"""A rebuild takes this advisory lock alone (see rebuild.py); whoever locks marks shares it. `kernel.marks_under_lock`,
and so a migration, has this very number."""


class Judgement(Enum):
    """What is to be done with a record."""

    HANDLE = "handle"
    REPEATED = "repeated"
    PARK = "park"


@dataclass(slots=True)
class Mark:
    """How far one key of one topic was heard."""

    topic: str
    key: bytes
    last_sequence: int = 0
    last_offset: int = -1
    blocked: bool = False
    changed: bool = False
    is_new: bool = False
    """Nothing was heard of this key before this transaction: there was no row to lock. It is kept once, not again."""

    def judge(self, received: Received) -> tuple[Judgement, Fault | None]:
        """Decide about the next record of this key, and remember the decision.

        Numbered records are judged by their number, all others by their offset. Once something is parked, whatever
        follows of the same key waits behind it, so that the household's order holds.
        """
        if received.sequence == self.last_sequence + 1 and not self.blocked and received.fault is None:
            # Nearly every record: the next one, and nothing is wrong.
            self._saw(received)
            self.last_sequence += 1
            return Judgement.HANDLE, None
        if self._was_heard(received):
            self._saw(received)
            return Judgement.REPEATED, None
        fault = self._behind() or received.fault or self._gap(received)
        self._saw(received)
        if fault is not None:
            self.blocked = True
            return Judgement.PARK, fault
        if received.sequence is not None:
            self.last_sequence = received.sequence
        return Judgement.HANDLE, None

    def block(self) -> None:
        self.blocked = self.changed = True

    def _was_heard(self, received: Received) -> bool:
        if received.sequence is not None:
            return received.sequence <= self.last_sequence
        return received.offset <= self.last_offset

    def _behind(self) -> Fault | None:
        return Fault("behind") if self.blocked else None

    def _gap(self, received: Received) -> Fault | None:
        if received.sequence is None or received.sequence == self.last_sequence + 1:
            return None
        return Fault("gap", {"heard": self.last_sequence, "came": received.sequence})

    def _saw(self, received: Received) -> None:
        if received.offset > self.last_offset:
            self.last_offset = received.offset
        self.changed = True


async def lock_marks(session: Session, keys: Iterable[MarkKey]) -> dict[MarkKey, Mark]:
    """The marks of these keys, in sorted order; those that stand are locked until the transaction ends.

    A new one is there for whoever makes it first: see ``keep_marks``. No rebuild begins before the transaction ends,
    and one that runs is waited for.
    """
    wanted = sorted(set(keys))
    marks = {key: Mark(*key, is_new=True) for key in wanted}
    # Four arrays with an element for each mark that stands, or NULL instead of each of them where none does.
    standing = await (await driver_in_transaction(session)).fetchrow(_LOCK, *_arrays(wanted))
    for place, last_sequence, last_offset, blocked in zip(*(each or () for each in standing or ()), strict=True):
        topic, key = wanted[place - 1]
        marks[topic, key] = Mark(topic, key, last_sequence, last_offset, blocked)
    return marks


def _arrays(keys: Sequence[MarkKey]) -> tuple[str, str]:
    return as_array(topic for topic, _ in keys), keys_as_array([key for _, key in keys])


async def keep_marks(session: Session, marks: Iterable[Mark]) -> None:
    """Write the marks that changed, by ``writing_behind.write``: nobody waits for it in a large batch.

    New ones are made in the order given, which is sorted, so that nobody waits in a circle.

    Raises:
        MarkTaken: a new one was made by somebody else meanwhile, who has handled the same records. In a large batch it
            is raised by what is sent next, or where the block ends that writes behind.
    """
    changed = [mark for mark in marks if mark.changed]
    known, new = [each for each in changed if not each.is_new], [each for each in changed if each.is_new]
    if known:
        await write(session, partial(_keep, rows=_rows(known)))
    if new:
        await write(session, partial(_make, rows=_rows(new), marks=len(new)))


async def _keep(driver: Driver, rows: tuple[str, ...]) -> None:
    await driver.execute(_KEEP, *rows)


async def _make(driver: Driver, rows: tuple[str, ...], marks: int) -> None:
    if await driver.fetchval(_MAKE, *rows) < marks:
        raise MarkTaken


def _rows(marks: Sequence[Mark]) -> tuple[str, ...]:
    return (
        *_arrays([(mark.topic, mark.key) for mark in marks]),
        as_array([str(mark.last_sequence) for mark in marks]),
        as_array([str(mark.last_offset) for mark in marks]),
        as_array(["t" if mark.blocked else "f" for mark in marks]),
    )


_LOCK = "select * from kernel.marks_under_lock(cast($1::text as text[]), cast($2::text as text[]))"
_WRITE = """
    insert into kernel.heard (topic, key, last_sequence, last_offset, blocked)
    select topic, convert_to(key, 'UTF8'), last_sequence, last_offset, blocked
    from unnest(
        cast($1::text as text[]), cast($2::text as text[]),
        cast($3::text as bigint[]), cast($4::text as bigint[]), cast($5::text as boolean[])
    ) as kept(topic, key, last_sequence, last_offset, blocked)
    """
# All of them stand: "on conflict" finds each by its key, where a plan that is made while the table is small would join.
_KEEP = f"""
    {_WRITE} on conflict (topic, key) do update set
        last_sequence = excluded.last_sequence, last_offset = excluded.last_offset, blocked = excluded.blocked
    """
_MAKE = f"with made as ({_WRITE} on conflict do nothing returning 1) select count(*) from made"
