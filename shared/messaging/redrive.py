"""Re-drive: handle again what was parked, in order, under the lock of its key; or dismiss it, by name and reason."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.messaging.announcing import write_announcements
from shared.messaging.failures import is_infrastructure
from shared.messaging.heard import Judgement, Mark, keep_marks, lock_marks
from shared.messaging.hearing import SHARE_WITH_REBUILD, Hearing, failure
from shared.messaging.parking import Parked, restate, settle, stored_record, waiting_of
from shared.messaging.records import receive


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of the queue of one key."""

    handled: int
    left: int
    stopped_by: str | None = None


async def redrive(hearing: Hearing, head: Parked, *, by: str, accept_gap: bool = False) -> Redriven:
    """Handle the queue of a parked record's key in order, until it is empty or one fails again.

    Each record is handled in a savepoint, all in one transaction with the lifting of the block: whatever arrives
    meanwhile waits for the lock and finds either the queue or the way free.

    Args:
        accept_gap: handle the first record although numbers before it never came; somebody answers for that.
    """
    async with hearing.sessions() as session:
        await session.execute(SHARE_WITH_REBUILD)
        key = head.key_bytes
        mark = (await lock_marks(session, [(head.topic, key)]))[head.topic, key]
        queue = await waiting_of(session, head.topic, key)
        mark.blocked, handled, stopped_by = False, 0, None
        mark.changed = True
        for place, each in enumerate(queue):
            stopped_by = await _handle(hearing, session, mark, each, by=by, accept_gap=accept_gap and place == 0)
            if stopped_by is not None:
                mark.block()
                break
            handled += 1
        await keep_marks(session, [mark])
        await write_announcements(session)
        await session.commit()
    hearing.after_commit()
    return Redriven(handled, len(queue) - handled, stopped_by)


async def dismiss(hearing: Hearing, head: Parked, *, by: str, reason: str) -> Redriven:
    """Give a record up for good; somebody answers for it by name. What waited behind it is handled at once."""
    if not by.strip() or not reason.strip():
        raise ValueError("A record is dismissed by a named person with a reason.")
    async with hearing.sessions() as session:
        mark = (await lock_marks(session, [(head.topic, head.key_bytes)]))[head.topic, head.key_bytes]
        raw = await stored_record(session, hearing.sealer, head.id)
        sequence = receive(raw, hearing.topic_root, hearing.authority).sequence
        if sequence is not None:
            mark.last_sequence = max(mark.last_sequence, sequence)
        mark.changed = True
        await settle(session, head.id, "dismissed", by=by, reason=reason)
        await keep_marks(session, [mark])
        await session.commit()
    return await redrive(hearing, head, by=by)


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
            mark.last_sequence = before[0]
            fault = failure(error)
    if fault is not None:
        await restate(session, parked.id, fault)
        return fault.reason
    await settle(session, parked.id, "redriven", by=by)
    return None
