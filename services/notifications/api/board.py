"""Counts for coordinators and their programs: the board, closed lists, days, money, freshness."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from services.notifications.api.asking import AskingDep, Day, Region
from services.notifications.freshness import Freshness, freshness_of
from services.notifications.reading.board import Board, board_of
from services.notifications.reading.cohorts import CohortBuckets, buckets_of, cohorts_of
from services.notifications.reading.households import HouseholdView, household_of
from services.notifications.reading.money import fund_lines, quotas
from services.notifications.reading.stages import DAYS_MAX, days_of
from services.notifications.reading.stages import Day as DayCounts
from services.notifications.reading.unserved import Unserved, count_unserved, unserved
from services.notifications.rules.money import FundLineUse, QuotaUse
from shared.events.fields import CohortCode, RegionCode
from shared.web import DeploymentDep, EdgeRoute, Problem

PAGE_MAX = 200
router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["board"])


@router.get("/board")
async def board(asking: AskingDep, deployment: DeploymentDep, region: Region = None, as_of: Day = None) -> Board:
    """Everything on the board's page."""
    found, _ = await board_of(asking.session, asking.scope(region, as_of), deployment.directory.current())
    return found


@router.get("/cohorts")
async def cohorts(asking: AskingDep, region: Region = None, as_of: Day = None) -> list[CohortBuckets]:
    """Every closed list of a region with its buckets."""
    scope = asking.scope(region, as_of)
    return [await buckets_of(asking.session, each, scope) for each in await cohorts_of(asking.session, scope)]


@router.get("/cohorts/{code}/buckets")
async def buckets(code: CohortCode, asking: AskingDep, region: Region = None, as_of: Day = None) -> CohortBuckets:
    """The eleven buckets of a closed list; they sum to its baseline in the region."""
    scope = asking.scope(region, as_of)
    for cohort in await cohorts_of(asking.session, scope):
        if cohort.code == code:
            return await buckets_of(asking.session, cohort, scope)
    raise Problem("cohort-unknown", status=404, field="code", region=scope.region, as_of=scope.as_of.isoformat())


@router.get("/regions/{code}/days")
async def days(
    code: RegionCode,
    asking: AskingDep,
    first: Annotated[date | None, Query(alias="from")] = None,
    to: Day = None,
) -> list[DayCounts]:
    """Families and persons per stage, day by day; without dates, the last thirty days."""
    region = asking.region(code)
    last = asking.day(to, region, "to")
    start = first or last - timedelta(days=29)
    if not 0 <= (last - start).days < DAYS_MAX:
        raise Problem("days-out-of-range", status=422, field="from", days_max=DAYS_MAX)
    return await days_of(asking.session, region, start, last)


@router.get("/households/{household_id}")
async def household(household_id: UUID, asking: AskingDep) -> HouseholdView:
    """What all agencies together know of a household: ids and coded facts."""
    found = await household_of(asking.session, household_id)
    if found is None or found.region is None:
        raise Problem("household-not-heard-of", status=404, field="household_id")
    asking.caller.require_region(found.region)
    return found


@dataclass(frozen=True, slots=True)
class UnservedPage:
    families: int
    persons: int
    households: list[Unserved]
    next: str | None


@router.get("/unserved")
async def unserved_households(
    asking: AskingDep,
    region: Region = None,
    as_of: Day = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> UnservedPage:
    """Verified households that nothing has reached yet, those first who have waited longest."""
    scope = asking.scope(region, as_of)
    try:
        page = await unserved(asking.session, scope, limit, after)
    except ValueError:
        raise Problem("cursor-unknown", status=422, field="after") from None
    count = await count_unserved(asking.session, scope)
    return UnservedPage(count.families, count.persons, page, page[-1].cursor if len(page) == limit else None)


@dataclass(frozen=True, slots=True)
class FundLineView:
    """A fund line with what is left of it, in whole rupiah."""

    line: FundLineUse
    left_rupiah: int


@router.get("/fund-lines")
async def lines(asking: AskingDep, region: Region = None, as_of: Day = None) -> list[FundLineView]:
    """The fund lines that pay in a region."""
    found = await fund_lines(asking.session, asking.scope(region, as_of))
    return [FundLineView(line, line.left_rupiah) for line in found]


@router.get("/quotas")
async def places(asking: AskingDep, region: Region = None, as_of: Day = None) -> list[QuotaUse]:
    """Places and how many of them are taken."""
    return await quotas(asking.session, asking.scope(region, as_of))


@router.get("/freshness")
async def freshness(asking: AskingDep, deployment: DeploymentDep) -> list[Freshness]:
    """When each deployment was heard last."""
    return await freshness_of(asking.session, deployment.directory.current())
