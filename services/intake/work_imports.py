"""Work through an accepted file, one part per transaction: rows get their outcome, and the part is gone.

A process that dies in the middle leaves the part where it was, and its timer: whoever comes next does it again from
the start of that part, and nothing of it stands twice.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from functools import cache
from operator import itemgetter
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, insert, select, text

from services.intake.accept_file import WORK
from services.intake.csv_files import Dialect
from services.intake.draft_ahead import PARTS_AHEAD, PARTS_MIN, SealedPart, Task, draft_ahead_of
from services.intake.drafts import Draft, read_again
from services.intake.identity import seal_row
from services.intake.models import Import, ImportPart, ImportReject, table
from services.intake.register_families import register_drafts
from services.intake.registrations import Source
from services.intake.resolve_entries import resolve_part
from services.intake.rules.columns import FileKind
from services.intake.rules.families import Family
from services.intake.rules.findings import refusals
from shared.deployment import deployment_of_session
from shared.events.fields import CohortOutcome
from shared.events.intake import RegisterSnapshotImported
from shared.messaging import Session, announce, current_cause, schedule
from shared.security import HouseholdKey, household_key

log = structlog.get_logger(__name__)
_part = table(ImportPart)
_number = itemgetter(0)
"""Of a numbered line."""


async def work_next_part(session: Session, import_id: UUID) -> None:
    """Do one part of a file, and schedule the next; at the end, say that the file is done."""
    one = await session.get_one(Import, import_id, with_for_update=True)
    if one.state == "done":
        return
    if one.kind == FileKind.COHORT and one.cohort_id is not None:
        resolved = await resolve_part(session, one.cohort_id, one.parts_done)
        one.rejected += resolved[CohortOutcome.DAMAGED]
        one.registered += resolved.total() - resolved[CohortOutcome.DAMAGED]
    else:
        await _register_part(session, one)
    one.parts_done += 1
    clock = deployment_of_session(session).clock
    if one.parts_done < one.parts:
        await schedule(session, WORK, clock.now(), str(one.id))
    else:
        one.state, one.finished_at = "done", clock.now()
        _say_done(session, one)
    session.add(one)
    await session.flush()
    log.info("import.part-done", import_id=str(one.id), part=one.parts_done, parts=one.parts)


async def _register_part(session: Session, one: Import) -> None:
    deployment = deployment_of_session(session)
    key = await household_key(session, deployment.vault, one.id)
    today = deployment.clock.today()
    due, *next_ones = await _tasks(session, one, today)
    drafts = await draft_ahead_of(deployment).take(due, then=next_ones)
    opened = cache(lambda: due.opened(deployment.vault))

    def again(draft: Draft) -> Family:
        lines = opened()
        first, last = bisect_left(lines, draft.first, key=_number), bisect_right(lines, draft.last, key=_number)
        return read_again(draft, due.dialect.read(lines[first:last]), one.region, today=today)

    done = await register_drafts(session, drafts, due.source, again)
    await _reject(session, one, [each.family for each in done if each.family is not None], key)
    one.registered += sum(each.joined for each in done)
    one.households += sum(each.enters for each in done)
    one.known += sum(each.known for each in done)
    one.held += sum(len(each.held) for each in done)
    one.warned += sum(each.warned for each in done)


async def _tasks(session: Session, one: Import, today: date) -> list[Task]:
    """To draft the part that is due, which is taken away, and the next ones."""
    last = one.parts_done + (PARTS_AHEAD if one.parts >= PARTS_MIN else 0)
    at_hand = draft_ahead_of(deployment_of_session(session)).parts_of(one.id)
    numbers = [number for number in range(one.parts_done, min(last + 1, one.parts)) if number not in at_hand]
    for row in await session.execute(_SEALED_PARTS, {"import_id": one.id, "numbers": numbers}):
        at_hand[row.number] = SealedPart(one.id, row.number, row.sealed, row.wrapped)
    taken = await session.execute(
        delete(_part).where(_part.c.import_id == one.id, _part.c.number == one.parts_done).returning(_part.c.number)
    )
    if taken.one_or_none() is None:
        raise ValueError("a part of the file is gone")
    dialect, cause = Dialect(tuple(one.header), one.delimiter), current_cause()
    source = Source(one.register_code, one.numbering, one.id)
    return [
        Task(at_hand[number], dialect, source, one.region, today, cause)
        for number in range(one.parts_done, last + 1)
        if number in at_hand
    ]


_SEALED_PARTS = text(
    """
    select number, sealed, wrapped
    from import_part join kernel.household_key on household_id = import_id
    where import_id = :import_id and number = any(cast(:numbers as integer[]))
    """
)


async def _reject(session: Session, one: Import, families: Sequence[Family], key: HouseholdKey) -> None:
    rows: list[dict[str, Any]] = [
        {
            "import_id": one.id,
            "row_number": row.number,
            "sealed": seal_row(key, str(row.number), row.cells),
            "key_version": key.key_version,
            "reasons": refusals(row.findings),
        }
        for family in families
        for row in family.rows
        if row.refused
    ]
    one.rejected += len(rows)
    if rows:
        await (await session.connection()).execute(insert(table(ImportReject)), rows)


def _say_done(session: Session, one: Import) -> None:
    if one.kind == FileKind.REGISTER:
        announce(
            session,
            RegisterSnapshotImported(
                import_id=one.id,
                region=one.region,
                register_code=one.register_code,
                rows=one.rows,
                persons=one.registered + one.known,
                households=one.households,
                rejected=one.rejected,
                held=one.held,
                source_sha256=one.source_sha256,
            ),
        )


async def unfinished_imports(session: Session) -> list[UUID]:
    """Files that are not worked through yet."""
    found = await session.execute(select(table(Import).c.id).where(table(Import).c.state == "working"))
    return list(found.scalars())
