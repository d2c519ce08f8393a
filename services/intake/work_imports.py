"""Work through an accepted file, one part per transaction: rows get their outcome, and the part is gone.

A process that dies in the middle leaves the part where it was, and its timer: whoever comes next does it again from
the start of that part, and nothing of it stands twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import delete, insert, select

from services.intake.accept_file import WORK
from services.intake.identity import seal_row
from services.intake.models import Import, ImportPart, ImportReject, table
from services.intake.places import place_of
from services.intake.register_families import register_families
from services.intake.registrations import Source
from services.intake.resolve_entries import resolve_part
from services.intake.rules.columns import FileKind
from services.intake.rules.families import Family, Line, group_families, read_family
from services.intake.rules.findings import refusals
from shared.deployment import deployment_of_session
from shared.events.fields import CohortOutcome
from shared.events.intake import RegisterSnapshotImported
from shared.messaging import Session, announce, schedule
from shared.security import HouseholdKey, household_key

log = structlog.get_logger(__name__)
_part = table(ImportPart)


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
    taken = await session.execute(
        delete(_part).where(_part.c.import_id == one.id, _part.c.number == one.parts_done).returning(_part.c.sealed)
    )
    lines: list[Line] = [
        (number, cells) for number, cells in orjson.loads(key.open(f"part {one.parts_done}", taken.scalar_one()))
    ]
    today = deployment.clock.today()
    place = place_of(one.region, today=today)
    families = [read_family(reference, rows, place, today=today) for reference, rows in group_families(lines)]
    done = await register_families(session, families, Source(one.register_code, one.numbering, one.id))
    await _reject(session, one, families, key)
    one.registered += sum(len(each.members) for each in done)
    one.households += sum(each.enters for each in done)
    one.known += sum(each.known for each in done)
    one.held += sum(len(each.held) for each in done)
    one.warned += sum(bool(member["warnings"]) for each in done for member in each.members)


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
