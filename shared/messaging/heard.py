"""What a deployment has heard: one mark per (topic, key), locked while a batch is handled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.driver import driver_in_transaction
from shared.messaging.literals import as_array, keys_as_array
from shared.messaging.records import Fault, Received

MarkKey = tuple[str, bytes]

REBUILD_LOCK = 0x74756E746172
"""A rebuild takes this advisory lock alone; whoever locks marks shares it, in `kernel.lock_marks` (see rebuild.py). The
function, and so a migration, has this very number."""


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
    """The marks of these keys, made where missing, locked until the transaction ends: those that stand first, then
    the new ones, each in sorted order.

    No rebuild begins before it ends, and one that runs is waited for.
    """
    wanted, marks = sorted(set(keys)), dict[MarkKey, Mark]()
    # A row that is made is locked like the others. One that somebody else makes meanwhile is waited for, and found in
    # the next round.
    while missing := [key for key in wanted if key not in marks]:
        rows = await (await driver_in_transaction(session)).fetch(_LOCK, *_arrays(missing))
        marks |= {(row[0], row[1]): Mark(*row) for row in rows}
    return marks


def _arrays(keys: Sequence[MarkKey]) -> tuple[str, str]:
    return as_array(topic for topic, _ in keys), keys_as_array([key for _, key in keys])


async def keep_marks(session: Session, marks: Iterable[Mark]) -> None:
    """Write the marks that changed. They are locked, so their order does not matter."""
    changed = [mark for mark in marks if mark.changed]
    if not changed:
        return
    await (await driver_in_transaction(session)).execute(
        _KEEP,
        *_arrays([(mark.topic, mark.key) for mark in changed]),
        as_array([str(mark.last_sequence) for mark in changed]),
        as_array([str(mark.last_offset) for mark in changed]),
        as_array(["t" if mark.blocked else "f" for mark in changed]),
    )


_LOCK = """
    select topic, key, last_sequence, last_offset, blocked
    from kernel.lock_marks(cast($1::text as text[]), cast($2::text as text[]))
    """
# All of them stand: "on conflict" finds each by its key, where a plan that is made while the table is small would join.
_KEEP = """
    insert into kernel.heard (topic, key, last_sequence, last_offset, blocked)
    select topic, convert_to(key, 'UTF8'), last_sequence, last_offset, blocked
    from unnest(
        cast($1::text as text[]), cast($2::text as text[]),
        cast($3::text as bigint[]), cast($4::text as bigint[]), cast($5::text as boolean[])
    ) as kept(topic, key, last_sequence, last_offset, blocked)
    on conflict (topic, key) do update set
        last_sequence = excluded.last_sequence, last_offset = excluded.last_offset, blocked = excluded.blocked
    """
