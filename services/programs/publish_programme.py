"""Publishes a programme file: its version, its quotas with their places, its fund lines."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.programs.load_programme import lock_quotas
from services.programs.models import (
    FundLineRow,
    ProgrammeRow,
    ProgrammeVersion,
    Quota,
    QuotaAllocation,
    Slot,
    SlotState,
)
from services.programs.moment import now, own_agency
from services.programs.move_money import Item, lock_line, may_move, must_move
from services.programs.programme_files import ProgrammeFile
from services.programs.rules.ledger import Move
from services.programs.rules.programme import FundLine, Programme
from shared.events.fields import ProgrammeStatus, Unit
from shared.events.programs import FundLineOpened, ProgrammePublished, QuotaAllocated
from shared.messaging import Session, announce
from shared.problem import Problem


@dataclass(frozen=True, slots=True)
class Published:
    programme_id: UUID
    version: int
    changed: bool
    """False where the very same file was in force already."""


async def publish(session: Session, file: ProgrammeFile, by: str) -> Published:
    """Bring a version into force. A change is a new version, one higher; enrolments keep theirs."""
    programme = file.programme
    if programme.agency != own_agency(session):
        raise Problem("programme-of-another-agency", status=422, field="agency", agency=programme.agency)
    row = (
        await session.execute(select(ProgrammeRow).where(col(ProgrammeRow.code) == programme.code).with_for_update())
    ).scalar_one_or_none()
    if row is not None and await _stands(session, row, file):
        return Published(row.programme_id, row.version, changed=False)
    expected = 1 if row is None else row.version + 1
    if programme.version != expected:
        raise Problem("programme-version-order", status=409, field="version", expected=expected, got=programme.version)
    programme_id: UUID = row.programme_id if row is not None else uuid7()
    await _keep_version(session, row, programme_id, file, by)
    _announce_version(session, programme_id, programme)
    for line in programme.fund_lines:
        await _open_line(session, programme_id, programme, line, by)
    known = {(quota.region, quota.period): quota for quota in await lock_quotas(session, programme_id)}
    for stated in programme.quotas:
        quota = known.get((stated.region, stated.period))
        if quota is None:
            quota = Quota(
                quota_id=uuid7(),
                programme_id=programme_id,
                region=stated.region,
                period=stated.period,
                unit=programme.unit,
                kind=stated.kind,
                places=0,
            )
            session.add(quota)
            await session.flush()
        await allocate(session, programme, quota, stated.places, reason=f"version-{programme.version}", by=by)
    return Published(programme_id, programme.version, changed=True)


async def allocate(session: Session, programme: Programme, quota: Quota, places: int, *, reason: str, by: str) -> None:
    """Give a quota (locked by the caller) another number of places. Raises 409 below what is taken."""
    if places < quota.taken:
        raise Problem("quota-below-taken", status=409, field="places", taken=quota.taken, region=quota.region)
    last = await session.execute(
        select(func.coalesce(func.max(col(QuotaAllocation.version)), 0)).where(
            col(QuotaAllocation.quota_id) == quota.quota_id
        )
    )
    session.add(
        QuotaAllocation(
            quota_id=quota.quota_id,
            version=last.scalar_one() + 1,
            places=places,
            reason=reason,
            allocated_by=by,
            allocated_at=now(session),
        )
    )
    quota.places = places
    quota.threshold_told = False
    await session.flush()
    if quota.kind == "slots":
        await _fit_slots(session, quota)
    announce(
        session,
        QuotaAllocated(
            programme_id=quota.programme_id,
            programme=programme.code,
            quota_id=quota.quota_id,
            region=quota.region,
            period=quota.period,
            unit=Unit(quota.unit),
            places=places,
        ),
    )


async def _fit_slots(session: Session, quota: Quota) -> None:
    """As many slots as places: free ones are taken out from the end, taken out ones come back first."""
    slots = list(
        (
            await session.execute(
                select(Slot).where(col(Slot.quota_id) == quota.quota_id).order_by(col(Slot.number)).with_for_update()
            )
        ).scalars()
    )
    in_use = [slot for slot in slots if slot.state != SlotState.WITHDRAWN]
    withdrawn = [slot for slot in slots if slot.state == SlotState.WITHDRAWN]
    surplus = len(in_use) - quota.places
    if surplus > 0:
        free = [slot for slot in in_use if slot.state in (SlotState.VACANT, SlotState.RELEASED)]
        for slot in free[-surplus:]:
            slot.state = SlotState.WITHDRAWN
    for slot in withdrawn[: max(0, -surplus)]:
        slot.state = SlotState.VACANT
    missing = -surplus - len(withdrawn)
    if missing > 0:
        session.add_all(
            Slot(slot_id=uuid7(), programme_id=quota.programme_id, quota_id=quota.quota_id, number=len(slots) + each)
            for each in range(1, missing + 1)
        )
    await session.flush()


async def _stands(session: Session, row: ProgrammeRow, file: ProgrammeFile) -> bool:
    sha256 = await session.execute(
        select(col(ProgrammeVersion.sha256)).where(
            col(ProgrammeVersion.programme_id) == row.programme_id, col(ProgrammeVersion.version) == row.version
        )
    )
    return bool(sha256.scalar_one() == file.sha256)


async def _keep_version(
    session: Session, row: ProgrammeRow | None, programme_id: UUID, file: ProgrammeFile, by: str
) -> None:
    if row is None:
        await session.execute(
            insert(ProgrammeRow),
            [{"programme_id": programme_id, "code": file.programme.code, "version": file.programme.version}],
        )
    else:
        await session.execute(
            update(ProgrammeRow)
            .where(col(ProgrammeRow.programme_id) == programme_id)
            .values(version=file.programme.version)
        )
    session.add(
        ProgrammeVersion(
            programme_id=programme_id,
            version=file.programme.version,
            sha256=file.sha256,
            source_text=file.text,
            document=file.programme.model_dump(mode="json"),
            published_by=by,
            published_at=now(session),
        )
    )
    await session.flush()


def _announce_version(session: Session, programme_id: UUID, programme: Programme) -> None:
    announce(
        session,
        ProgrammePublished(
            programme_id=programme_id,
            programme=programme.code,
            version=programme.version,
            title=programme.title,
            agency=programme.agency,
            region=programme.region,
            status=ProgrammeStatus(programme.status),
            unit=Unit(programme.unit),
            benefit_kind=programme.benefit.kind,
            strategy=programme.strategy,
            legal_basis=programme.legal_basis.title,
            cohort=programme.cohort,
            valid_from=programme.valid_from,
            valid_to=programme.valid_to,
        ),
    )


async def _open_line(session: Session, programme_id: UUID, programme: Programme, stated: FundLine, by: str) -> None:
    """Open a fund line, or bring its ceiling to what the new version states."""
    found = (
        await session.execute(select(FundLineRow).where(col(FundLineRow.code) == stated.code))
    ).scalar_one_or_none()
    if found is not None and found.programme_id != programme_id:
        raise Problem("fund-line-taken", status=409, field="fund_lines", line=stated.code)
    if found is None:
        found = FundLineRow(
            fund_line_id=uuid7(),
            programme_id=programme_id,
            code=stated.code,
            region=stated.region,
            fiscal_year=stated.fiscal_year,
            funding=stated.funding,
            component=stated.component,
            ceiling_rupiah=0,
            available=0,
        )
        session.add(found)
        await session.flush()
    line = await lock_line(session, found.fund_line_id)
    difference = stated.ceiling_rupiah - line.ceiling_rupiah
    reason = f"version-{programme.version}"
    if difference > 0:
        await must_move(session, line.fund_line_id, Move.GRANT, [Item(difference)], reason=reason, by=by)
    elif difference < 0:
        cut = await may_move(session, line.fund_line_id, Move.CUT, [Item(-difference)], reason=reason, by=by)
        if not cut:
            raise Problem("fund-line-below-used", status=409, field="fund_lines", line=line.code, left=line.available)
    announce(
        session,
        FundLineOpened(
            programme_id=programme_id,
            programme=programme.code,
            fund_line=stated.code,
            region=stated.region,
            fiscal_year=stated.fiscal_year,
            source=stated.funding,
            ceiling_rupiah=stated.ceiling_rupiah,
        ),
    )
