"""How many families and persons have come how far: as of a day, per part of a region, and day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select, union_all

from services.notifications.models import STAGE_SPANS
from services.notifications.places import zone_of
from services.notifications.reading.scope import Scope
from services.notifications.rules.dated import end_of
from services.notifications.rules.stages import Stage
from shared.messaging import Session

DAYS_MAX = 366


@dataclass(frozen=True, slots=True)
class Count:
    families: int = 0
    persons: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.families + other.families, self.persons + other.persons)


Funnel = dict[Stage, Count]


def nothing() -> Funnel:
    return dict.fromkeys(Stage, Count())


async def funnels_of(session: Session, scope: Scope) -> dict[str, Funnel]:
    """The funnel of each child of a region in which anything is known."""
    spans = STAGE_SPANS
    part = scope.part(spans.c.region)
    counts = select(part, spans.c.stage, func.count(), func.sum(spans.c.persons)).where(scope.holds(spans))
    found: dict[str, Funnel] = {}
    for region, stage, families, persons in await session.execute(counts.group_by(part, spans.c.stage)):
        found.setdefault(region, nothing())[Stage(stage)] = Count(families, int(persons))
    return found


def total(funnels: dict[str, Funnel]) -> Funnel:
    """All parts together."""
    return {stage: sum((funnel[stage] for funnel in funnels.values()), Count()) for stage in Stage}


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a region: what was reached on it, less what was taken back, and how many there were at its end."""

    day: date
    change: Funnel
    total: Funnel


async def days_of(session: Session, region: str, first: date, last: date) -> list[Day]:
    """Every day from the first to the last, in the region's zone."""
    zone = zone_of(region)
    opening = total(await funnels_of(session, Scope(region, first - timedelta(days=1))))
    changes = await _changes(session, region, first, last, str(zone))
    days: list[Day] = []
    day, running = first, opening
    while day <= last:
        change = {**nothing(), **changes.get(day, {})}
        running = {stage: running[stage] + change[stage] for stage in Stage}
        days.append(Day(day, change, running))
        day += timedelta(days=1)
    return days


async def _changes(session: Session, region: str, first: date, last: date, zone: str) -> dict[date, Funnel]:
    spans, scope = STAGE_SPANS, Scope(region, last)
    start = end_of(first - timedelta(days=1), zone_of(region))
    parts = []
    for column, sign in ((spans.c.since, 1), (spans.c.until, -1)):
        day = func.date(func.timezone(zone, column))
        mine = (column >= start) & (column < scope.end) & scope.within(spans.c.region)
        parts.append(
            select(day, spans.c.stage, sign * func.count(), sign * func.sum(spans.c.persons))
            .where(mine)
            .group_by(day, spans.c.stage)
        )
    found: dict[date, Funnel] = {}
    for on, stage, families, persons in await session.execute(union_all(*parts)):
        funnel = found.setdefault(on, nothing())
        funnel[Stage(stage)] += Count(families, int(persons))
    return found
