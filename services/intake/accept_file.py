"""Take in an uploaded file: its rows are kept sealed, its work is scheduled, and a closed list is closed.

All of it is one transaction: a file is accepted whole or not at all. Nothing is checked here but the header, so that a
closed list counts its rows as they came (docs/decisions/files-in-sealed-parts.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, text
from uuid_utils.compat import uuid7

from services.intake.csv_files import CsvFile, NumberedLine
from services.intake.identity import seal_part, seal_row
from services.intake.models import Cohort, CohortEntry, Import, ImportPart, table
from services.intake.rules.columns import FileKind
from services.intake.rules.families import Line, family_key
from services.intake.settings import IntakeSettings
from shared.deployment import Deployment
from shared.events.fields import RegionCount
from shared.events.intake import CohortClosed
from shared.messaging import Session, announce, schedule
from shared.problem import Problem
from shared.security import HouseholdKey, household_key

WORK: Final = "work-import"
"""Kind of the timer that works through a file, one part at a time."""
_REGION: Final = re.compile(r"\d{2}\.\d{2}\.\d{2}\.\d{4}")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a file is for, as the uploader says."""

    kind: FileKind
    register_code: str
    numbering: str
    region: str
    created_by: str
    cohort: str | None = None
    received_on: date | None = None


async def accept_file(session: Session, deployment: Deployment, file: CsvFile, purpose: Purpose) -> tuple[Import, bool]:
    """The import of a file, and whether it is new. The same file for the same purpose gives the import it had."""
    await session.execute(text("select pg_advisory_xact_lock(hashtextextended(:file, 0))"), {"file": file.sha256})
    earlier = await _earlier(session, file, purpose)
    if earlier is not None:
        return earlier, False
    one = _import_of(file, purpose, deployment)
    cohort = await _open_cohort(session, one, purpose, deployment) if purpose.kind is FileKind.COHORT else None
    session.add(one)
    await session.flush()
    key = await household_key(session, deployment.vault, cohort.id if cohort else one.id, create=True)
    settings = deployment.settings
    assert isinstance(settings, IntakeSettings)  # noqa: S101 - app.py declares them
    for number, part in enumerate(file.parts(settings.import_part_rows_max)):
        one.parts, one.rows = number + 1, one.rows + len(part)
        if cohort is None:
            await _keep_part(session, one.id, number, part, key)
        else:
            await _keep_entries(session, cohort, number, file.dialect.read(part), key)
    if one.rows == 0:
        raise Problem("file-empty", status=422, field="file")
    if cohort is not None:
        await _close(session, cohort)
    await schedule(session, WORK, deployment.clock.now(), str(one.id))
    return one, True


async def _earlier(session: Session, file: CsvFile, purpose: Purpose) -> Import | None:
    found = await session.exec(
        select(Import).where(  # type: ignore[call-overload]
            table(Import).c.kind == purpose.kind.value,
            table(Import).c.register_code == purpose.register_code,
            table(Import).c.numbering == purpose.numbering,
            table(Import).c.source_sha256 == file.sha256,
        )
    )
    one: Import | None = found.scalar_one_or_none()
    return one


def _import_of(file: CsvFile, purpose: Purpose, deployment: Deployment) -> Import:
    return Import(
        id=uuid7(),
        kind=purpose.kind.value,
        register_code=purpose.register_code,
        numbering=purpose.numbering,
        region=purpose.region,
        source_sha256=file.sha256,
        size_bytes=file.size_bytes,
        header=list(file.dialect.header),
        delimiter=file.dialect.delimiter,
        rows=0,
        parts=0,
        created_by=purpose.created_by,
        created_at=deployment.clock.now(),
    )


async def _open_cohort(session: Session, one: Import, purpose: Purpose, deployment: Deployment) -> Cohort:
    taken = await session.execute(select(table(Cohort).c.id).where(table(Cohort).c.code == purpose.cohort))
    if purpose.cohort is None or taken.first() is not None:
        raise Problem("cohort-closed-already", status=409, field="cohort", cohort=purpose.cohort or "")
    cohort = Cohort(
        id=uuid7(),
        code=purpose.cohort,
        region=purpose.region,
        register_code=purpose.register_code,
        numbering=purpose.numbering,
        received_on=purpose.received_on or deployment.clock.today(),
        baseline_persons=0,
        baseline_families=0,
        closed_at=deployment.clock.now(),
    )
    session.add(cohort)
    await session.flush()
    one.cohort_id = cohort.id
    return cohort


async def _keep_part(
    session: Session, import_id: UUID, number: int, part: Sequence[NumberedLine], key: HouseholdKey
) -> None:
    values = {"import_id": import_id, "number": number, "rows": len(part), "sealed": seal_part(key, number, part)}
    await session.execute(insert(table(ImportPart)).values({**values, "key_version": key.key_version}))


async def _keep_entries(session: Session, cohort: Cohort, part: int, lines: Sequence[Line], key: HouseholdKey) -> None:
    rows = [_entry(cohort, part, number, cells, key) for number, cells in lines]
    await (await session.connection()).execute(insert(table(CohortEntry)), rows)


def _entry(cohort: Cohort, part: int, number: int, cells: dict[str, str], key: HouseholdKey) -> dict[str, Any]:
    entry_id = uuid7()
    stated = cells.get("kode_wilayah", "").strip()
    inside = _REGION.fullmatch(stated) is not None and stated.startswith(f"{cohort.region}.")
    return {
        "id": entry_id,
        "cohort_id": cohort.id,
        "row_number": number,
        "part": part,
        "region": stated if inside else cohort.region,
        "numbering": cohort.numbering,
        "reference": family_key(cells)[0],
        "sealed": seal_row(key, str(entry_id), cells),
        "key_version": key.key_version,
    }


async def _close(session: Session, cohort: Cohort) -> None:
    rows = (await session.execute(_COUNT, {"cohort": cohort.id})).all()
    cohort.baseline_persons = sum(row.persons for row in rows)
    cohort.baseline_families = (await session.execute(_FAMILIES, {"cohort": cohort.id})).scalar_one()
    announce(
        session,
        CohortClosed(
            cohort_id=cohort.id,
            code=cohort.code,
            region=cohort.region,
            register_code=cohort.register_code,
            received_on=cohort.received_on,
            baseline_persons=cohort.baseline_persons,
            baseline_families=cohort.baseline_families,
            by_region=[RegionCount(region=row.region, persons=row.persons) for row in rows],
        ),
    )


_COUNT = text(
    "select region, count(*) as persons from cohort_entry where cohort_id = :cohort group by region order by region"
)
_FAMILIES = text(
    "select count(distinct coalesce(nullif(reference, ''), id::text)) from cohort_entry where cohort_id = :cohort"
)
