"""Programmes: publishing files, changing quotas, and what is left of places and money."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlmodel import col

from services.programs.answers import (
    CandidateAnswer,
    CandidatePage,
    FundLineAnswer,
    HeldAnswer,
    PublishedAnswer,
    QuotaAnswer,
    SlotAnswer,
    SlotsAnswer,
    reasons_of,
)
from services.programs.api.who import Officer, Reader, require_sight
from services.programs.assess import assess, scan
from services.programs.bodies import ProgrammeSent, QuotaSent
from services.programs.load_programme import in_force, lock_quotas
from services.programs.look_at import as_shown
from services.programs.models import FundLineRow, ProgrammeRow, ProgrammeVersion, Quota, SeenHousehold, Slot, SlotState
from services.programs.programme_files import ProgrammeFile, ProgrammeFileError, read_programme, shipped
from services.programs.publish_programme import allocate, publish
from shared.events.fields import RegionCode
from shared.problem import Finding, Problem
from shared.web import EdgeRoute, LocaleDep, SessionDep

router = APIRouter(prefix="/api/v1/programmes", route_class=EdgeRoute, tags=["programmes"])


@router.post("", status_code=201)
async def publish_programme(
    body: ProgrammeSent, caller: Officer, session: SessionDep, response: Response
) -> PublishedAnswer:
    """Bring a programme file into force; the very same file again changes nothing."""
    file = _read(body)
    caller.require_region(file.programme.region)
    published = await publish(session, file, caller.principal)
    if not published.changed:
        response.status_code = 200
    return PublishedAnswer(
        programme_id=published.programme_id,
        code=file.programme.code,
        version=published.version,
        changed=published.changed,
    )


@router.get("")
async def list_programmes(_: Reader, session: SessionDep) -> list[PublishedAnswer]:
    """The programmes of this agency."""
    rows = await session.execute(select(ProgrammeRow).order_by(col(ProgrammeRow.code)))
    return [
        PublishedAnswer(programme_id=row.programme_id, code=row.code, version=row.version, changed=False)
        for row in rows.scalars()
    ]


@router.get("/{code}")
async def show_programme(code: str, caller: Reader, session: SessionDep) -> dict[str, Any]:
    """The version in force as data, and which versions there were."""
    running = await in_force(session, code)
    require_sight(caller, running.programme.region)
    versions = await session.execute(
        select(col(ProgrammeVersion.version), col(ProgrammeVersion.sha256), col(ProgrammeVersion.published_at))
        .where(col(ProgrammeVersion.programme_id) == running.programme_id)
        .order_by(col(ProgrammeVersion.version))
    )
    return {
        "programme_id": running.programme_id,
        "programme": running.programme.model_dump(mode="json"),
        "versions": [dict(row._mapping) for row in versions],
    }


@router.post("/{code}/quotas")
async def change_quota(code: str, body: QuotaSent, caller: Officer, session: SessionDep) -> QuotaAnswer:
    """Give a region another number of places; every number ever given is kept."""
    caller.require_region(body.region)
    running = await in_force(session, code)
    quotas = await lock_quotas(session, running.programme_id)
    quota = next((each for each in quotas if (each.region, each.period) == (body.region, body.period)), None)
    if quota is None:
        raise Problem("quota-not-found", status=404, field="region", region=body.region, period=body.period)
    await allocate(session, running.programme, quota, body.places, reason=body.reason, by=caller.principal)
    return _quota(quota)


@router.get("/{code}/fund-lines")
async def show_fund_lines(code: str, caller: Reader, session: SessionDep) -> list[FundLineAnswer]:
    """Ceiling, reserved, committed, realised, returned and what is left of each line."""
    running = await in_force(session, code)
    caller.require_region(running.programme.region)
    rows = await session.execute(
        select(FundLineRow).where(col(FundLineRow.programme_id) == running.programme_id).order_by(col(FundLineRow.code))
    )
    return [FundLineAnswer.of(row) for row in rows.scalars()]


@router.get("/{code}/slots")
async def show_slots(
    code: str,
    caller: Reader,
    session: SessionDep,
    region: Annotated[RegionCode | None, Query(description="Only the quota of this region.")] = None,
) -> SlotsAnswer:
    """What is taken of each quota, and who holds which place."""
    running = await in_force(session, code)
    found = await session.execute(
        select(Quota)
        .where(col(Quota.programme_id) == running.programme_id, caller.region_filter(col(Quota.region)))
        .order_by(col(Quota.region), col(Quota.period))
    )
    quotas = [quota for quota in found.scalars() if region in (None, quota.region)]
    regions = {quota.quota_id: quota.region for quota in quotas}
    slots = await session.execute(
        select(Slot)
        .where(col(Slot.quota_id).in_(regions), col(Slot.state) != SlotState.WITHDRAWN)
        .order_by(col(Slot.quota_id), col(Slot.number))
    )
    return SlotsAnswer(
        quotas=[_quota(quota) for quota in quotas],
        slots=[
            SlotAnswer(
                region=regions[slot.quota_id],
                **slot.model_dump(include=set(SlotAnswer.model_fields) - {"region"}),
            )
            for slot in slots.scalars()
        ],
    )


@router.get("/{code}/candidates")
async def show_candidates(
    code: str,
    caller: Reader,
    session: SessionDep,
    locale: LocaleDep,
    after: Annotated[UUID | None, Query(description="Cursor: `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> CandidatePage:
    """Households the programme might serve, by id: may they enter, why not, and what everyone already gives."""
    running = await in_force(session, code)
    statement = scan(running, caller.region_filter(col(SeenHousehold.region))).limit(limit)
    if after is not None:
        statement = statement.where(col(SeenHousehold.household_id) > after)
    ids = list((await session.execute(statement)).scalars())
    items = [
        CandidateAnswer(
            household_id=each.household.household_id,
            region=each.household.region,
            eligible=each.decision.allowed,
            persons=each.entitled.persons,
            rupiah=each.entitled.rupiah,
            reasons=reasons_of(each.decision, locale),
            held=[HeldAnswer(**as_shown(held)) for held in each.held],
        )
        for each in await assess(session, running, ids)
    ]
    return CandidatePage(items=items, next=str(ids[-1]) if len(ids) == limit else None)


def _read(body: ProgrammeSent) -> ProgrammeFile:
    if body.document is not None:
        text, name = body.document, "document"
    else:
        files, name = shipped(), f"{body.file}.yaml"
        if body.file not in files:
            raise Problem("programme-file-not-found", status=404, field="file", known=", ".join(files))
        text = files[body.file]
    try:
        return read_programme(text, name)
    except ProgrammeFileError as wrong:
        errors = [Finding("programme-file-place", at, {"at": at, "rule": rule}) for at, rule in wrong.places[:100]]
        raise Problem("programme-file-wrong", status=422, field=name, errors=errors, file=name) from None


def _quota(quota: Quota) -> QuotaAnswer:
    return QuotaAnswer(**quota.model_dump(include=set(QuotaAnswer.model_fields)))
