"""Re-drive: handle again what was parked, in order, under the lock of its key; or dismiss it, by name and reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.messaging.announcing import write_announcements
from shared.messaging.failures import StartRefused, is_infrastructure
from shared.messaging.heard import Judgement, Mark, keep_marks, lock_marks
from shared.messaging.hearing import Hearing, failure
from shared.messaging.parking import Parked, restate, settle, stored_record, waiting_of
from shared.messaging.records import receive
from shared.messaging.statements import read_react_from


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of the queue of one key."""

    handled: int
    left: int
    stopped_by: str | None = None


class NotTheFirst(Exception):
    """Only the first record that waits of a household can be dismissed: those before it would be lost unseen."""


async def redrive(hearing: Hearing, head: Parked, *, by: str, accept_gap: bool = False) -> Redriven:
    """Handle the queue of a parked record's key in order, until it is empty or one fails again.

    Each record is handled in a savepoint, all in one transaction with the lifting of the block: whatever arrives
    meanwhile waits for the lock and finds either the queue or the way free.

    Args:
        accept_gap: handle the first record although numbers before it never came; somebody answers for that.
    """
    async with _queue_of(hearing, head) as (session, mark, queue):
        return await _drain(hearing, session, mark, queue, by=by, accept_gap=accept_gap)


async def dismiss(hearing: Hearing, head: Parked, *, by: str, reason: str) -> Redriven:
    """Give a record up for good; somebody answers for it by name. What waited behind it is handled at once.

    Raises:
        NotTheFirst: others of the same key wait before it, or it waits no more.
    """
    if not by.strip() or not reason.strip():
        raise ValueError("A record is dismissed by a named person with a reason.")
    async with _queue_of(hearing, head) as (session, mark, queue):
        if not queue or queue[0].id != head.id:
            first = f"the first is {queue[0].id}" if queue else "nothing of its household waits any more"
            raise NotTheFirst(f"{head.id} cannot be dismissed: {first}.")
        raw = await stored_record(session, hearing.sealer, head.id)
        sequence = receive(raw, hearing.topic_root, hearing.authority).sequence
        if sequence is not None:
            mark.last_sequence = max(mark.last_sequence, sequence)
        await settle(session, head.id, "dismissed", by=by, reason=reason)
        return await _drain(hearing, session, mark, queue[1:], by=by, accept_gap=False)


@asynccontextmanager
async def _queue_of(hearing: Hearing, head: Parked) -> AsyncIterator[tuple[Session, Mark, list[Parked]]]:
    """The mark of a key, locked, and what waits of it; all that is done in the block commits together."""
    async with hearing.sessions() as session:
        stated = await read_react_from(session)
        if stated is None:
            raise StartRefused("Nobody has stated from where on this deployment reacts: see `tuntas react-from`.")
        # A command has no worker beside it that would know below which offsets nothing may be reacted to.
        hearing.react_from = stated
        mark = (await lock_marks(session, [(head.topic, head.key_bytes)]))[head.topic, head.key_bytes]
        yield session, mark, await waiting_of(session, head.topic, head.key_bytes)
        mark.changed = True
        await keep_marks(session, [mark])
        await write_announcements(session)
        await session.commit()
    hearing.after_commit()


async def _drain(
    hearing: Hearing, session: Session, mark: Mark, queue: list[Parked], *, by: str, accept_gap: bool
) -> Redriven:
    mark.blocked, handled = False, 0
    for place, each in enumerate(queue):
        stopped_by = await _handle(hearing, session, mark, each, by=by, accept_gap=accept_gap and place == 0)
        if stopped_by is not None:
            mark.block()
            return Redriven(handled, len(queue) - handled, stopped_by)
        handled += 1
    return Redriven(handled, 0)


async def _handle(
    hearing: Hearing, session: Session, mark: Mark, parked: Parked, *, by: str, accept_gap: bool
) -> str | None:
    """The reason why a record still cannot be handled, or None when it was."""
    raw = await stored_record(session, hearing.sealer, parked.id)
    received = receive(raw, hearing.topic_root, hearing.authority)
    before = (mark.last_sequence, mark.last_offset)
    if received.sequence is None:
        mark.last_offset = min(mark.last_offset, received.offset - 1)
    elif accept_gap:
        mark.last_sequence = max(mark.last_sequence, received.sequence - 1)
    judgement, fault = mark.judge(received)
    mark.last_offset = max(mark.last_offset, before[1])
    if judgement is Judgement.HANDLE:
        announced = len(session.info.get("announced", ()))
        try:
            async with session.begin_nested():
                await hearing.dispatch(session, [received])
        except Exception as error:
            if is_infrastructure(error):
                raise
            del session.info.get("announced", [])[announced:]
            fault = failure(error)
    if fault is not None:
        # Also of a gap that was accepted: the numbers before this one may come still, as long as nothing was handled.
        mark.last_sequence = before[0]
        await restate(session, parked.id, fault)
        return fault.reason
    await settle(session, parked.id, "redriven", by=by)
    return None
