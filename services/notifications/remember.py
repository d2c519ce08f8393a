"""Remember facts as they were announced, and work out anew where the households they are about now stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.notifications.models import ENTRIES, ENTRY_SPANS, HEARD, STAGE_SPANS, CohortEntry
from services.notifications.rules.buckets import entry_history
from services.notifications.rules.dated import Dated, Span, narrowed, timeline
from services.notifications.rules.household import HouseholdState, state_of
from services.notifications.rules.stages import Stage, stages_of
from shared.events.contracts import CONTRACTS
from shared.events.envelope import TYPE_PREFIX, Event
from shared.events.intake import CohortEntryResolved
from shared.messaging import Fact, Session

COLUMNS = [HEARD.c[name] for name in ("source", "key", "position", "at", "type", "agency", "body")]


async def remember(session: Session, events: Sequence[Event], facts: Sequence[Fact]) -> None:
    """Keep facts; one that is known already stays as it is."""
    rows = [row_of(event, fact) for event, fact in zip(events, facts, strict=True)]
    await session.execute(upsert(HEARD).on_conflict_do_nothing(), rows)


async def lock_entries(session: Session, entries: Iterable[CohortEntry]) -> None:
    """Note rows of closed lists and lock them, in order, until the transaction ends."""
    rows = {entry.entry_id: entry.model_dump() for entry in entries}
    statement = upsert(ENTRIES)
    again = statement.on_conflict_do_update(index_elements=["entry_id"], set_={"cohort": statement.excluded.cohort})
    await session.execute(again, [rows[entry_id] for entry_id in sorted(rows)])


def row_of(event: Event, fact: Fact) -> dict[str, Any]:
    """A fact as a row. Fact topics carry codes and counts only, so that the whole of it may be kept."""
    return {
        "source": fact.source,
        "id": fact.id,
        "key": event.subject_id,
        "position": fact.offset if fact.sequence is None else fact.sequence,
        "at": fact.time,
        "type": event.type,
        "agency": fact.agency,
        "region": getattr(event, event.region_field, None),
        "household_id": getattr(event, "household_id", None),
        "entry_id": getattr(event, "entry_id", None),
        "programme": getattr(event, "programme", None),
        "fund_line": getattr(event, "fund_line", None),
        "quota_id": getattr(event, "quota_id", None),
        "rupiah": getattr(event, "rupiah", None),
        "body": event.model_dump(mode="json"),
    }


def dated(row: Row[Any]) -> Dated:
    """A kept fact as the rules see it."""
    event = CONTRACTS[TYPE_PREFIX + row.type].model_validate(row.body)
    return Dated(event, row.at, row.source, row.agency, row.position)


async def load(session: Session, condition: ColumnElement[bool]) -> dict[UUID, list[Dated]]:
    """Kept facts by their key."""
    found: dict[UUID, list[Dated]] = {}
    for row in await session.execute(select(*COLUMNS).where(condition)):
        found.setdefault(row.key, []).append(dated(row))
    return found


async def consider(session: Session, keys: Iterable[UUID]) -> None:
    """Write down anew how the households of these keys, and their entries in closed lists, stood in the course of time.

    Everything is worked out from the facts kept so far; a fact that is not there yet changes it when it comes.
    """
    wanted = sorted(set(keys))
    entries = await _locked_entries(session, wanted)
    facts = await load(session, HEARD.c.key.in_(wanted) | HEARD.c.entry_id.in_(entries))
    # An entry whose household became known later was told of under another key before.
    elsewhere = facts.keys() - set(wanted)
    if elsewhere:
        facts |= await load(session, HEARD.c.key.in_(elsewhere))
    histories = {key: _history(each) for key, each in facts.items()}
    await _write_stages(session, {key: histories.get(key, []) for key in wanted})
    if entries:
        words = _by_entry(fact for each in facts.values() for fact in each)
        await _write_entries(session, {entry: words[entry] for entry in entries}, histories)


def _history(facts: Iterable[Dated]) -> list[Span[HouseholdState]]:
    # A word about a row of a list says nothing about the household itself.
    return timeline([fact for fact in facts if not isinstance(fact.event, CohortEntryResolved)], state_of)


def _by_entry(facts: Iterable[Dated]) -> dict[UUID, list[Dated]]:
    found: dict[UUID, list[Dated]] = {}
    for fact in facts:
        if isinstance(fact.event, CohortEntryResolved):
            found.setdefault(fact.event.entry_id, []).append(fact)
    return found


async def _locked_entries(session: Session, keys: Sequence[UUID]) -> list[UUID]:
    """The entries that the keys have to do with.

    They are locked in order: an entry whose household became known later belongs to two keys, of two workers.
    """
    of_keys = select(HEARD.c.entry_id).where(HEARD.c.key.in_(keys), HEARD.c.entry_id.is_not(None))
    locked = select(ENTRIES.c.entry_id).where(ENTRIES.c.entry_id.in_(of_keys))
    found = await session.execute(locked.order_by(ENTRIES.c.entry_id).with_for_update())
    return list(found.scalars())


async def _write_stages(session: Session, histories: dict[UUID, list[Span[HouseholdState]]]) -> None:
    rows = [
        {"household_id": household, "stage": stage, "region": region, "persons": persons} | _dates(span)
        for household, history in histories.items()
        for stage in Stage
        for span in narrowed(history, partial(_reached, stage))
        if span.value is not None
        for region, persons in [span.value]
    ]
    await session.execute(delete(STAGE_SPANS).where(STAGE_SPANS.c.household_id.in_(histories)))
    if rows:
        await session.execute(insert(STAGE_SPANS), rows)


def _reached(stage: Stage, state: HouseholdState) -> tuple[str, int] | None:
    persons = stages_of(state).get(stage)
    return None if persons is None or state.region is None else (state.region, persons)


async def _write_entries(
    session: Session, words: dict[UUID, list[Dated]], histories: dict[UUID, list[Span[HouseholdState]]]
) -> None:
    rows = [
        {"entry_id": entry, "cohort": at.cohort, "region": at.region, "bucket": at.bucket} | _dates(span)
        for entry, each in words.items()
        for span in entry_history(each, _households_of(each, histories))
        for at in [span.value]
    ]
    await session.execute(delete(ENTRY_SPANS).where(ENTRY_SPANS.c.entry_id.in_(words)))
    await session.execute(insert(ENTRY_SPANS), rows)


def _households_of(
    words: Iterable[Dated], histories: dict[UUID, list[Span[HouseholdState]]]
) -> dict[UUID, list[Span[HouseholdState]]]:
    named = {word.event.household_id for word in words if isinstance(word.event, CohortEntryResolved)}
    return {household: histories.get(household, []) for household in named if household is not None}


def _dates(span: Span[Any]) -> dict[str, datetime | None]:
    return {"since": span.since, "until": span.until}
