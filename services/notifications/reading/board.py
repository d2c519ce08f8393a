"""The board of a region: everything a coordinator sees on one page, as of one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.notifications.freshness import Freshness, freshness_of
from services.notifications.places import name_of
from services.notifications.reading.cohorts import Cohort, CohortBuckets, buckets_of, cohorts_of
from services.notifications.reading.money import fund_lines, quotas
from services.notifications.reading.scope import Scope
from services.notifications.reading.stages import Count, Funnel, funnels_of, nothing, total
from services.notifications.reading.unserved import count_unserved
from services.notifications.rules.buckets import Bucket
from services.notifications.rules.money import FundLineUse, QuotaUse
from shared.directory import Directory
from shared.messaging import Session


@dataclass(frozen=True, slots=True)
class Part:
    """A child of the region: its funnel, and its persons of the newest closed list."""

    region: str
    name: str
    stages: Funnel
    buckets: dict[Bucket, int] | None


@dataclass(frozen=True, slots=True)
class Board:
    region: str
    name: str
    as_of: date
    cohorts: list[CohortBuckets]
    stages: Funnel
    parts: list[Part]
    unserved: Count
    fund_lines: list[FundLineUse]
    quotas: list[QuotaUse]
    agencies: list[Freshness]


async def board_of(session: Session, scope: Scope, directory: Directory) -> tuple[Board, list[Cohort]]:
    """The board, and the closed lists it shows. Freshness is always that of now: it says how far to trust the rest."""
    known = await cohorts_of(session, scope)
    cohorts = [await buckets_of(session, cohort, scope) for cohort in known]
    funnels = await funnels_of(session, scope)
    newest = cohorts[-1].parts if cohorts else {}
    codes = sorted({*funnels, *newest})
    board = Board(
        region=scope.region,
        name=name_of(scope.region),
        as_of=scope.as_of,
        cohorts=cohorts,
        stages=total(funnels),
        parts=[Part(code, name_of(code), funnels.get(code, nothing()), newest.get(code)) for code in codes],
        unserved=await count_unserved(session, scope),
        fund_lines=await fund_lines(session, scope),
        quotas=await quotas(session, scope),
        agencies=[each for each in await freshness_of(session, directory) if _concerns(scope, each.region)],
    )
    return board, known


def _concerns(scope: Scope, region: str) -> bool:
    """An agency works in the region, in a part of it, or in the whole of which it is a part."""
    return scope.contains(region) or Scope(region, scope.as_of).contains(scope.region)
