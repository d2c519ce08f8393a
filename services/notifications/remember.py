"""Remember facts as they were announced, and work out anew where the households they are about now stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, cast
from uuid import UUID

import orjson

from services.notifications.models import ENTRY_SPANS, HEARD, STAGE_SPANS, CohortEntry
from services.notifications.rules.buckets import entry_history
from services.notifications.rules.dated import Dated, Span
from services.notifications.rules.household import HouseholdState, history_of
from services.notifications.rules.stages import stage_history
from services.notifications.spans import replace_spans
from shared.bulk import NewRows, write_rows
from shared.driver import driver_in_transaction
from shared.events.contracts import CONTRACTS
from shared.events.envelope import TYPE_PREFIX, Event
from shared.events.intake import CohortEntryResolved
from shared.messaging import Fact, Session
from shared.messaging.bulk import is_rebuilt, write_held
from shared.messaging.literals import as_array


async def remember(session: Session, events: Sequence[Event], facts: Sequence[Fact]) -> None:
    """Keep facts; one that is known already stays as it is."""
    await write_held(session)
    rows = [row_of(event, fact) for event, fact in zip(events, facts, strict=True)]
    await write_rows(session, NewRows(HEARD, rows, where_absent=True))


async def lock_households(session: Session, keys: Iterable[UUID]) -> None:
    """Let nobody else work out what has these keys until the transaction ends; what they committed is seen after this.

    A household's facts stand in the topics of several announcers: while a worker hears one, somebody may have another
    handled that had been parked. A rebuild is alone already, and meets more households than the server has locks.
    """
    await write_held(session)
    if not is_rebuilt(session):
        await (await driver_in_transaction(session)).execute(_LOCK_KEYS, _ids(sorted(set(keys))))


async def lock_entries(session: Session, entries: Iterable[CohortEntry]) -> None:
    """Note rows of closed lists and lock them, in order, until the transaction ends.

    Their households are locked before: whoever works one out locks its entries after it.
    """
    await write_held(session)
    rows = {entry.entry_id: {"entry_id": entry.entry_id, "cohort": entry.cohort} for entry in entries}
    await (await driver_in_transaction(session)).execute(_LOCK_GIVEN, orjson.dumps(list(rows.values())).decode())


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
        "body": orjson.Fragment(event.model_dump_json()),
    }


async def load(session: Session, keys: Iterable[UUID], entries: Iterable[UUID] = ()) -> dict[UUID, list[Dated]]:
    """Kept facts of keys, and those about entries of closed lists, by their key."""
    found: dict[UUID, list[Dated]] = {}
    driver = await driver_in_transaction(session)
    for key, kind, body, *dated in await driver.fetch(_LOAD, _ids(keys), _ids(entries)):
        event = _contract(kind).__pydantic_validator__.validate_json(body)
        found.setdefault(key, []).append(Dated(event, *dated))
    return found


async def consider(session: Session, keys: Iterable[UUID]) -> None:
    """Write down anew how the households of these keys, and their entries in closed lists, stood in the course of time.

    Everything is worked out from the facts kept so far; a fact that is not there yet changes it when it comes.
    """
    wanted = sorted(set(keys))
    await lock_households(session, wanted)
    entries = await _locked_entries(session, wanted)
    facts = await load(session, wanted, entries)
    # An entry whose household became known later was told of under another key before.
    elsewhere = facts.keys() - set(wanted)
    if elsewhere:
        facts |= await load(session, elsewhere)
    histories = {key: _history(each) for key, each in facts.items()}
    await _write_stages(session, {key: histories.get(key, []) for key in wanted})
    if entries:
        words = _by_entry(fact for each in facts.values() for fact in each)
        await _write_entries(session, {entry: words[entry] for entry in entries}, histories)


def _history(facts: Iterable[Dated]) -> list[Span[HouseholdState]]:
    # A word about a row of a list says nothing about the household itself.
    return history_of(fact for fact in facts if type(fact.event) is not CohortEntryResolved)


def _by_entry(facts: Iterable[Dated]) -> dict[UUID, list[Dated]]:
    found: dict[UUID, list[Dated]] = {}
    for fact in facts:
        if type(fact.event) is CohortEntryResolved:
            found.setdefault(fact.event.entry_id, []).append(fact)
    return found


async def _locked_entries(session: Session, keys: Sequence[UUID]) -> list[UUID]:
    """The entries that the keys have to do with.

    They are locked in order: an entry whose household became known later belongs to two keys, of two workers.
    """
    found = await (await driver_in_transaction(session)).fetch(_LOCK_OF_KEYS, _ids(keys))
    return [entry for (entry,) in found]


async def _write_stages(session: Session, histories: Mapping[UUID, Sequence[Span[HouseholdState]]]) -> None:
    rows = [
        {"household_id": household, "stage": stage, "since": span.since, "until": span.until} | span.value._asdict()
        for household, history in histories.items()
        for stage, course in stage_history(history).items()
        for span in course
    ]
    await replace_spans(session, STAGE_SPANS, histories, rows)


async def _write_entries(
    session: Session, words: Mapping[UUID, Sequence[Dated]], histories: Mapping[UUID, Sequence[Span[HouseholdState]]]
) -> None:
    rows = [
        {
            "entry_id": entry,
            "cohort": at.cohort,
            "region": at.region,
            "bucket": at.bucket,
            "since": since,
            "until": until,
        }
        for entry, each in words.items()
        for since, until, at in entry_history(each, _households_of(each, histories))
    ]
    await replace_spans(session, ENTRY_SPANS, words, rows)


def _households_of(
    words: Iterable[Dated], histories: Mapping[UUID, Sequence[Span[HouseholdState]]]
) -> dict[UUID, Sequence[Span[HouseholdState]]]:
    named = {cast("CohortEntryResolved", word.event).household_id for word in words}
    return {household: histories.get(household, ()) for household in named if household is not None}


@cache
def _contract(kind: str) -> type[Event]:
    return CONTRACTS[TYPE_PREFIX + kind]


def _ids(ids: Iterable[UUID]) -> str:
    return as_array(map(str, ids))


# "In" and not "= any", with which a first form of these took PostgreSQL eight times as long while tables were young.
_LOAD = """
    select key, type, body::text, at, source, agency, position from heard_fact
    where key in (select unnest($1::text::uuid[]))
    union all
    select key, type, body::text, at, source, agency, position from heard_fact
    where entry_id in (select unnest($2::text::uuid[])) and key not in (select unnest($1::text::uuid[]))
"""
_LOCK_KEYS = """
    select pg_advisory_xact_lock(hashtextextended(key, 0)) from unnest($1::text::text[]) as asked(key)
"""
_LOCK_GIVEN = """
    insert into cohort_entry (entry_id, cohort)
    select entry_id, cohort from json_to_recordset($1::text::json) as given(entry_id uuid, cohort text)
    order by entry_id
    on conflict (entry_id) do update set cohort = excluded.cohort
"""
_LOCK_OF_KEYS = """
    with told as materialized (
        select distinct entry_id from heard_fact
        where key in (select unnest($1::text::uuid[])) and entry_id is not null
    )
    select entry_id from cohort_entry where entry_id in (select entry_id from told)
    order by entry_id for update of cohort_entry
"""
