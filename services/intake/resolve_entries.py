"""Hold the entries of closed lists against the register: part by part, and again when households enter it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Uuid, any_, bindparam, cast, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from services.intake.identity import open_row
from services.intake.list_evidence import EntryRead, ListEvidence
from services.intake.models import (
    Cohort,
    CohortEntry,
    Member,
    table,
)
from services.intake.places import place_of
from services.intake.register_lock import lock_register
from services.intake.rules.closed_lists import EARLIER_ON_LIST, Resolution, resolve
from services.intake.rules.families import group_families, read_family
from services.intake.rules.findings import refusals
from shared.deployment import deployment_of_session
from shared.events.fields import CohortOutcome
from shared.events.intake import CohortEntryResolved
from shared.messaging import Session, announce, in_course_of
from shared.messaging.causes import Cause
from shared.security import household_key

_entry, _cohort, _member = table(CohortEntry), table(Cohort), table(Member)


async def resolve_part(session: Session, cohort_id: UUID, part: int) -> Counter[CohortOutcome]:
    """Resolve the entries of one part for the first time, in the order of the list. Counts their outcomes."""
    await lock_register(session)
    rows = await session.execute(select(_cohort).where(_cohort.c.id == cohort_id))
    cohort = rows.one()._asdict()
    wanted = (_entry.c.cohort_id == cohort_id, _entry.c.part == part, _entry.c.outcome.is_(None))
    rows = await session.execute(select(_entry).where(*wanted).order_by(_entry.c.row_number))
    entries = [row._asdict() for row in rows]
    if not entries:
        return Counter()
    read = await _read(session, cohort, entries)
    await _mark_earlier(session, cohort_id, read)
    resolved = await _decide(session, {cohort_id: cohort["code"]}, read)
    return Counter(each.outcome for each in resolved)


async def reconsider(session: Session, causes: Mapping[UUID, Cause | None]) -> None:
    """Look again at entries that waited for one of these households, or for one of their members.

    What becomes of an entry is announced in the course of what brought its household, where a cause is given.
    """
    rows = await session.execute(_RECONSIDERED, {"ids": list(causes)})
    entries = [row._asdict() for row in rows]
    if entries:
        read = [
            EntryRead(
                entry,
                refusals=entry["reasons"] if entry["outcome"] == CohortOutcome.DAMAGED else (),
                nik_index=entry["nik_index"],
                kk_index=None,
                known_to_registry=entry["known_to_registry"],
                is_earlier_on_list=EARLIER_ON_LIST in entry["reasons"],
            )
            for entry in entries
        ]
        await _decide(session, {entry["cohort_id"]: entry["code"] for entry in entries}, read, causes)


async def _read(session: Session, cohort: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> list[EntryRead]:
    deployment = deployment_of_session(session)
    key = await household_key(session, deployment.vault, cohort["id"])
    today = deployment.clock.today()
    place = place_of(cohort["region"], today=today)
    lines = [(entry["row_number"], open_row(key, str(entry["id"]), entry["sealed"])) for entry in entries]
    by_number = {entry["row_number"]: entry for entry in entries}
    index = deployment.vault.blind_index
    return [
        EntryRead(
            by_number[row.number],
            refusals=refusals(row.findings),
            nik_index=index("nik", row.person.nik.digits) if row.person.nik.digits and not row.refused else None,
            kk_index=index("kk", family.card) if family.card else None,
            known_to_registry=_KNOWN.get(row.cell("padan_dukcapil")),
        )
        for reference, its_lines in group_families(lines)
        for family in (read_family(reference, its_lines, place, today=today),)
        for row in family.rows
    ]


async def _mark_earlier(session: Session, cohort_id: UUID, read: Sequence[EntryRead]) -> None:
    """Mark entries whose person number an earlier entry of the same list has."""
    indexes = [each.nik_index for each in read if each.nik_index]
    rows = await session.execute(
        select(_entry.c.nik_index).where(
            _entry.c.cohort_id == cohort_id, _entry.c.nik_index == any_(cast(indexes, ARRAY(LargeBinary)))
        )
    )
    seen = {row.nik_index for row in rows}
    for each in read:
        each.is_earlier_on_list = each.nik_index in seen
        if each.nik_index is not None:
            seen.add(each.nik_index)


async def _decide(
    session: Session,
    codes: Mapping[UUID, str],
    read: Sequence[EntryRead],
    causes: Mapping[UUID, Cause | None] = MappingProxyType({}),
) -> list[Resolution]:
    register = await ListEvidence.load(session, read)
    resolved = [(each, resolve(register.evidence(each))) for each in read]
    changed = [(each, found) for each, found in resolved if _differs(each.entry, found)]
    if not changed:
        return []
    connection = await session.connection()
    await connection.execute(_RESOLVE, [_values(each, found) for each, found in changed])
    await _note_registry(session, changed)
    for each, found in changed:
        with in_course_of(causes.get(found.household_id) if found.household_id else None):
            announce(session, _event(each.entry, codes[each.entry["cohort_id"]], found))
    return [found for _, found in changed]


def _differs(entry: Mapping[str, Any], found: Resolution) -> bool:
    """Whether the entry has no outcome yet, or another one than was announced."""
    before = (entry["outcome"], entry["household_id"], entry["member_id"], tuple(entry["reasons"]))
    return before != (found.outcome, found.household_id, found.member_id, found.reasons)


def _values(each: EntryRead, found: Resolution) -> dict[str, Any]:
    return {
        "of": each.entry["id"],
        "outcome": found.outcome.value,
        "reasons": list(found.reasons),
        "nik_index": each.nik_index,
        "known_to_registry": each.known_to_registry,
        "household_id": found.household_id,
        "member_id": found.member_id,
        "waits": found.waits,
        "revision": each.entry["revision"] + 1,
    }


def _event(entry: Mapping[str, Any], code: str, found: Resolution) -> CohortEntryResolved:
    return CohortEntryResolved(
        cohort_id=entry["cohort_id"],
        cohort=code,
        entry_id=entry["id"],
        region=entry["region"],
        outcome=found.outcome,
        household_id=found.household_id,
        member_id=found.member_id,
        reasons=list(found.reasons),
        revision=entry["revision"] + 1,
    )


async def _note_registry(session: Session, resolved: Sequence[tuple[EntryRead, Resolution]]) -> None:
    """What the list says of the civil registry becomes known of the member, with its date."""
    today = deployment_of_session(session).clock.today()
    said = [
        {"of": found.member_id, "dukcapil": "match" if each.known_to_registry else "no-match", "dukcapil_on": today}
        for each, found in resolved
        if found.member_id is not None and each.known_to_registry is not None
    ]
    if said:
        await (await session.connection()).execute(_NOTE, said)


_KNOWN = {"1": True, "2": False}
_RESOLVE = (
    update(_entry)
    .where(_entry.c.id == bindparam("of"))
    .values({name: bindparam(name) for name in (
        "outcome", "reasons", "nik_index", "known_to_registry", "household_id", "member_id", "waits", "revision",
    )})
)  # fmt: skip
_NOTE = (
    update(_member)
    .where(_member.c.id == bindparam("of"))
    .values(dukcapil=bindparam("dukcapil"), dukcapil_on=bindparam("dukcapil_on"))
)
_WAITING = (
    text(
        """
        select waiting.id from household_reference as family
        join cohort_entry as waiting on waiting.numbering = family.numbering and waiting.reference = family.reference
        where family.household_id = any(:ids) and waiting.waits
        union
        select waiting.id from member
        join cohort_entry as waiting on waiting.nik_index = member.nik_index
        where member.household_id = any(:ids) and member.state = 'active' and waiting.waits
        """
    )
    .bindparams(bindparam("ids", type_=ARRAY(Uuid)))
    .columns(id=Uuid)
)
# Several families may enter at the same time: an entry that waits for two of them is looked at by one after the other.
_RECONSIDERED = (
    select(_entry, _cohort.c.code)
    .join(_cohort, _cohort.c.id == _entry.c.cohort_id)
    .where(_entry.c.id.in_(select(_WAITING.subquery("waiting").c.id)), _entry.c.outcome.is_not(None))
    .order_by(_entry.c.cohort_id, _entry.c.row_number)
    .with_for_update(of=_entry)
)
