"""Closed lists: how many persons are in which bucket, in all, per part of the region, and month by month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Select, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from services.notifications.models import ENTRY_SPANS, HEARD
from services.notifications.places import zone_of
from services.notifications.reading.scope import Scope
from services.notifications.rules.buckets import STILL_TO_DO, Bucket, complete
from services.notifications.rules.dated import end_of
from shared.events.intake import CohortClosed
from shared.messaging import Session

MONTHS_MAX = 36


@dataclass(frozen=True, slots=True)
class CohortBuckets:
    """A closed list in a region: the eleven buckets, in persons, which sum to the baseline."""

    cohort: str
    received_on: date
    region: str
    as_of: date
    baseline_persons: int
    buckets: dict[Bucket, int]
    parts: dict[str, dict[Bucket, int]]
    """The same per child of the region."""

    @property
    def left(self) -> int:
        """Persons for whom there is still something to do."""
        return sum(self.buckets[bucket] for bucket in STILL_TO_DO)


@dataclass(frozen=True, slots=True)
class Cohort:
    """A closed list, and when it was closed."""

    closed: CohortClosed
    closed_at: datetime

    @property
    def code(self) -> str:
        return self.closed.code

    def baselines(self, scope: Scope) -> dict[str, int]:
        """Rows of the list per child of the region."""
        found: Counter[str] = Counter()
        for each in self.closed.by_region:
            if scope.contains(each.region):
                found[each.region[: scope.part_length]] += each.persons
        return dict(found)


async def cohorts_of(session: Session, scope: Scope) -> list[Cohort]:
    """The closed lists with rows in a region that were known by the end of the day, in the order of their receipt."""
    closed = select(HEARD.c.body, HEARD.c.at).where(
        HEARD.c.type == CohortClosed.type, HEARD.c.household_id.is_(None), HEARD.c.at < scope.end
    )
    cohorts = [Cohort(CohortClosed.model_validate(body), at) for body, at in await session.execute(closed)]
    return sorted(
        (cohort for cohort in cohorts if cohort.baselines(scope)), key=lambda each: (each.closed.received_on, each.code)
    )


async def buckets_of(session: Session, cohort: Cohort, scope: Scope) -> CohortBuckets:
    """The buckets of a closed list in a region as of a day."""
    spans = ENTRY_SPANS
    part = scope.part(spans.c.region)
    counts = select(part, spans.c.bucket, func.count()).where(spans.c.cohort == cohort.code, scope.holds(spans))
    counted: dict[str, Counter[Bucket]] = {}
    for region, bucket, persons in await session.execute(counts.group_by(part, spans.c.bucket)):
        counted.setdefault(region, Counter())[Bucket(bucket)] = persons
    baselines = cohort.baselines(scope)
    parts = {
        region: complete(counted.get(region, Counter()), baselines.get(region, 0))
        for region in sorted({*baselines, *counted})
    }
    return CohortBuckets(
        cohort=cohort.code,
        received_on=cohort.closed.received_on,
        region=scope.region,
        as_of=scope.as_of,
        baseline_persons=sum(baselines.values()),
        buckets={bucket: sum(each[bucket] for each in parts.values()) for bucket in Bucket},
        parts=parts,
    )


@dataclass(frozen=True, slots=True)
class Month:
    """The buckets of a list at the end of a month, or on the day asked for in its month."""

    day: date
    buckets: dict[Bucket, int]


async def months_of(session: Session, cohort: Cohort, scope: Scope) -> list[Month]:
    """The burn-down of a list, from the month in which it was closed to the day asked for."""
    zone = zone_of(scope.region)
    days = month_ends(cohort.closed_at.astimezone(zone).date(), scope.as_of)
    baseline = sum(cohort.baselines(scope).values())
    changes = await _changes(session, cohort, scope, [end_of(day, zone) for day in days])
    months: list[Month] = []
    running: Counter[Bucket] = Counter()
    for place, day in enumerate(days):
        running.update(changes.get(place, {}))
        months.append(Month(day, complete(running, baseline)))
    return months


def month_ends(first: date, last: date) -> list[date]:
    """The last days of the months from one day to another, ending with that day itself; the newest 36."""
    days = [last]
    while len(days) < MONTHS_MAX:
        before = days[-1].replace(day=1) - timedelta(days=1)
        if before < first:
            break
        days.append(before)
    return days[::-1]


async def _changes(
    session: Session, cohort: Cohort, scope: Scope, ends: Sequence[datetime]
) -> Mapping[int, Counter[Bucket]]:
    """How each bucket grew and shrank between the ends: by the place of the first end that sees the change."""
    spans = ENTRY_SPANS

    def per_end(column: ColumnElement[Any], sign: int) -> Select[Any, Any, Any]:
        # width_bucket counts the ends at or below the moment; a change at an end itself belongs after it.
        place = func.width_bucket(column, literal(list(ends), ARRAY(DateTime(timezone=True))))
        mine = (spans.c.cohort == cohort.code) & scope.within(spans.c.region) & (column < ends[-1])
        return select(place, spans.c.bucket, sign * func.count()).where(mine).group_by(place, spans.c.bucket)

    found: dict[int, Counter[Bucket]] = {}
    for place, bucket, change in await session.execute(
        union_all(per_end(spans.c.since, 1), per_end(spans.c.until, -1))
    ):
        found.setdefault(place, Counter())[Bucket(bucket)] += change
    return found
