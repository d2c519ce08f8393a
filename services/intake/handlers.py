"""What intake hears: which deployment has an open case with which household. Nothing else of it is kept."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert

from services.intake.models import OpenCase, table
from services.intake.rules.cases import CLOSING, OPENING, case_of
from shared.events.envelope import Event
from shared.messaging import EventRouter, Fact, Session

router = EventRouter(service="intake")
_case = table(OpenCase)


async def remember_opened(events: list[Event], session: Session, facts: list[Fact]) -> None:
    """A deployment began to deal with households."""
    await _remember(session, events, facts, is_open=True)


async def remember_closed(events: list[Event], session: Session, facts: list[Fact]) -> None:
    """A deployment has nothing more to do with households."""
    await _remember(session, events, facts, is_open=False)


for opening in OPENING:
    router.project(opening, batch=True)(remember_opened)
for closing in CLOSING:
    router.project(closing, batch=True)(remember_closed)


async def _remember(session: Session, events: Sequence[Event], facts: Sequence[Fact], *, is_open: bool) -> None:
    """The last word of a source on a case counts, by the source's own numbering and never by arrival."""
    last = {(event.subject_id, fact.source, case_of(event)): fact for event, fact in zip(events, facts, strict=True)}
    rows = [
        {
            "household_id": household_id,
            "source": source,
            "case_id": case_id,
            "agency": fact.agency,
            "is_open": is_open,
            "sequence": fact.sequence if fact.sequence is not None else fact.offset,
        }
        for (household_id, source, case_id), fact in sorted(last.items(), key=lambda item: item[0])
    ]
    statement = insert(_case)
    newer = statement.on_conflict_do_update(
        index_elements=[_case.c.household_id, _case.c.source, _case.c.case_id],
        set_={"is_open": statement.excluded.is_open, "sequence": statement.excluded.sequence},
        where=_case.c.sequence < statement.excluded.sequence,
    )
    await (await session.connection()).execute(newer, rows)
