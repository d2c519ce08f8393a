"""What new subjects announce first, numbered and written down before the transaction that makes them begins.

For families by the thousand: another process can have made it ready. Nobody else can announce of a subject that is not
there yet, so that its numbers are known: they begin with one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.bulk import RowLines
from shared.messaging.announcement import Announcement, Record
from shared.messaging.announcing import Announcer, Checked, announcer_of, count_written_ahead, envelop
from shared.messaging.causes import Cause
from shared.messaging.tables import announced, outbox


class WrittenAhead(NamedTuple):
    """All that a new subject announces, as lines of the kernel's tables."""

    numbers: bytes
    records: bytes
    said: int
    """So many records."""


def write_ahead(events: Sequence[Checked], announcer: Announcer, cause: Cause, at: datetime) -> WrittenAhead:
    """Write down all that one new subject announces, in its order.

    Args:
        at: becomes the time of the events: when they were written down, not when they are announced.

    Raises:
        ContractBroken: an event is another service's.
        ValueError: the events are of several subjects, or none of them is a fact.
    """
    return lines_of([envelop(each, announcer, cause, at) for each in events])


def lines_of(announcements: Sequence[Announcement]) -> WrittenAhead:
    """Number what one new subject announces, and write it down. Raises ValueError as ``write_ahead`` does."""
    if len({each.key for each in announcements}) != 1 or not any(each.always.numbered for each in announcements):
        raise ValueError("the first events of one subject, a fact among them")
    records, number = list[Record](), 0
    for each in announcements:
        record = each.record()
        if each.always.numbered:
            number += 1
            record = record.numbered(number)
        records.append(record)
    return WrittenAhead(
        _NUMBERS.of([{"key": announcements[0].key, "last_sequence": number}]),
        _RECORDS.of([each._asdict() | {"headers": orjson.Fragment(each.headers)} for each in records]),
        len(records),
    )


_NUMBERS = RowLines(announced)
_RECORDS = RowLines(outbox, without=("id", "created_at"))


async def announce_written(session: Session, some: Sequence[WrittenAhead]) -> None:
    """Say it, together with what the session writes or not at all, as ``announce`` does.

    Raises:
        asyncpg.UniqueViolationError: one of the subjects has announced something before.
        ProjectionMayNotAct: called from a projection.
    """
    announcer_of(session)
    await _NUMBERS.write(session, [each.numbers for each in some])
    await _RECORDS.write(session, [each.records for each in some])
    count_written_ahead(session, sum(each.said for each in some))
