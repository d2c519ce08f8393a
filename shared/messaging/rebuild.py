"""Rebuild: empty the read tables and fold the past again, to the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, delete, select, text
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from shared.messaging.heard import Judgement, Mark, MarkKey
from shared.messaging.hearing import REBUILD_LOCK
from shared.messaging.reading import read_topics
from shared.messaging.records import Received, receive
from shared.messaging.tables import heard, parked

if TYPE_CHECKING:
    from shared.deployment import Deployment

_READ_TOGETHER = 5_000
_DIGESTED_TOGETHER = 1_000


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild read, and the digest of the read tables before and after."""

    records: int
    before: str
    after: str

    @property
    def unchanged(self) -> bool:
        return self.before == self.after


async def rebuild(deployment: Deployment, progress: Callable[[int], None] = lambda _: None) -> Rebuilt:
    """Empty the read tables and run the projections over everything that was heard, in one transaction.

    Reactions never run. What is parked or was dismissed is passed over, as it was when it was heard. Workers of this
    deployment wait meanwhile; a crash leaves the old tables.
    """
    tables = deployment.declared.read_tables()
    hearing = deployment.kernel.hearing
    async with deployment.sessions() as session:
        await session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": REBUILD_LOCK})
        before = await digest(session, tables)
        for table in reversed(tables):
            await session.execute(delete(table))
        past, judged = await _Past.of(session), _AsItWasJudged()
        records = 0
        async for batch in read_topics(deployment.settings, together=_READ_TOGETHER):
            received = [receive(raw, deployment.settings.topic_root, judged) for raw in batch]
            await hearing.dispatch(session, [each for each in received if past.was_handled(each)], react=False)
            records += len(batch)
            progress(records)
        after = await digest(session, tables)
        await session.commit()
    return Rebuilt(records, before, after)


async def digest(session: Session, tables: list[Table]) -> str:
    """SHA-256 over every row of the tables, in key order: equal digests mean equal bytes.

    PostgreSQL digests a thousand rows at a time, and those digests are digested here.
    """
    total = hashlib.sha256()
    for table in tables:
        total.update(table.name.encode())
        columns = ", ".join(f'"{column.name}"::text' for column in table.columns)
        keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
        parts = await session.stream(
            text(
                f"select sha256(convert_to(string_agg(line, E'\\n' order by place), 'utf8')) as part "
                f"from (select row({columns})::text as line, row_number() over (order by {keys}) as place "
                f'from "{table.name}") as lines group by (place - 1) / {_DIGESTED_TOGETHER} order by min(place)'
            )
        )
        async for row in parts:
            total.update(row.part)
    return total.hexdigest()


class _AsItWasJudged:
    """What was heard was judged then; what was not stands with the parked. Today's directory changes no history."""

    def may_announce(self, service: str, agency: str, region: str, on: date) -> bool:  # noqa: ARG002
        return True


class _Past:
    """Judges records as they were judged when they were heard: by fresh marks, within what was handled then."""

    def __init__(self, limits: dict[MarkKey, Any], not_handled: set[tuple[str, int, int]]) -> None:
        self._limits = limits
        self._not_handled = not_handled
        self._marks: dict[MarkKey, Mark] = {}

    @classmethod
    async def of(cls, session: Session) -> _Past:
        limits = await session.execute(select(heard.c.topic, heard.c.key, heard.c.last_sequence, heard.c.last_offset))
        skipped = await session.execute(
            select(parked.c.topic, parked.c.partition, parked.c.offset).where(parked.c.state != "redriven")
        )
        return cls(
            {(row.topic, row.key): row for row in limits},
            {(row.topic, row.partition, row.offset) for row in skipped},
        )

    def was_handled(self, received: Received) -> bool:
        limit = self._limits.get((received.topic, received.key))
        place = (received.topic, received.partition, received.offset)
        if limit is None or place in self._not_handled or received.fault is not None:
            return False
        if received.sequence is None:
            if received.offset > limit.last_offset:
                return False
        elif received.sequence > limit.last_sequence:
            return False
        mark = self._marks.setdefault((received.topic, received.key), Mark(received.topic, received.key))
        judgement, _ = mark.judge(received)
        if judgement is Judgement.PARK:
            # A gap that somebody accepted, or a dismissed record before this one: it was handled then all the same.
            mark.blocked = False
            mark.last_sequence = received.sequence or mark.last_sequence
            return True
        return judgement is Judgement.HANDLE
