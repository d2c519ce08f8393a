"""What reconcile asks of notifications: do its own figures hold together?"""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select, union

from services.notifications.models import ENTRY_SPANS, HEARD, MESSAGES, STAGE_SPANS
from services.notifications.places import zone_of
from services.notifications.reading.cohorts import Cohort, buckets_of, cohorts_of
from services.notifications.reading.money import fund_lines, quotas
from services.notifications.reading.scope import Scope
from services.notifications.rules.stages import Stage
from shared.deployment import deployment_of_session
from shared.events.intake import HouseholdRegistered
from shared.messaging import Session
from shared.service import Check, Finding

DAYS_CHECKED_MAX = 100


async def buckets_sum_to_the_baseline(session: Session) -> list[Finding]:
    """On every day on which something changed, each bucket counts zero or more, and together they are the baseline."""
    today = _whole(session)
    findings: list[Finding] = []
    for cohort in await cohorts_of(session, today):
        days = await _days(session, cohort, today)
        wrong = [day for day in days if not await _sums(session, cohort, Scope(today.region, day))]
        if wrong:
            findings.append(Finding("unexplained", len(wrong), f"cohort {cohort.code}: buckets of {wrong[0]}"))
    return findings


async def each_entry_is_in_one_bucket(session: Session) -> list[Finding]:
    """The spans of an entry follow each other without overlap or gap, and the last one is open."""
    following = func.lead(ENTRY_SPANS.c.since).over(partition_by=ENTRY_SPANS.c.entry_id, order_by=ENTRY_SPANS.c.since)
    spans = select(ENTRY_SPANS.c.until, following.label("following")).subquery()
    overlap = spans.c.following.is_not(None) & (spans.c.until.is_(None) | (spans.c.until > spans.c.following))
    gap = spans.c.until.is_not(None) & (spans.c.following.is_(None) | (spans.c.until < spans.c.following))
    counts = select(func.count().filter(overlap), func.count().filter(gap)).select_from(spans)
    overlaps, gaps = (await session.execute(counts)).one()
    found = [("twice", overlaps, "an entry in two buckets at once"), ("unexplained", gaps, "an entry in no bucket")]
    return [Finding(kind, count, f"entry_span: {what}") for kind, count, what in found if count]


async def nobody_is_told_twice(session: Session) -> list[Finding]:
    """One message per cause and person."""
    causes = select(MESSAGES.c.cause).group_by(MESSAGES.c.cause, MESSAGES.c.recipient).having(func.count() > 1)
    count = (await session.execute(select(func.count()).select_from(causes.subquery()))).scalar_one()
    return [Finding("twice", count, "message: told twice of the same cause")] if count else []


async def totals_agree(session: Session) -> list[Finding]:
    """Every registered household that was heard of has its stage, and no other household has."""
    registered = select(HEARD.c.key).where(HEARD.c.type == HouseholdRegistered.type)
    staged = select(STAGE_SPANS.c.household_id).where(STAGE_SPANS.c.stage == Stage.REGISTERED)
    heard_only = select(func.count()).select_from(registered.except_(staged).subquery())
    missing = (await session.execute(heard_only)).scalar_one()
    return [Finding("unexplained", missing, "stage_span: registered households without a stage")] if missing else []


async def nothing_is_overspent(session: Session) -> list[Finding]:
    """No fund line has spent more than its ceiling, no quota has more households than places."""
    scope = _whole(session)
    lines = [line for line in await fund_lines(session, scope) if line.left_rupiah < 0]
    full = [quota for quota in await quotas(session, scope) if quota.free < 0]
    overspent = [Finding("overspent_rupiah", -line.left_rupiah, f"fund line {line.fund_line}") for line in lines]
    return overspent + [
        Finding("twice", -quota.free, f"quota {quota.quota_id}: more taken than places") for quota in full
    ]


CHECKS: tuple[Check, ...] = (
    buckets_sum_to_the_baseline,
    each_entry_is_in_one_bucket,
    nobody_is_told_twice,
    totals_agree,
    nothing_is_overspent,
)


def _whole(session: Session) -> Scope:
    """The whole of this deployment's region, today."""
    deployment = deployment_of_session(session)
    region = deployment.settings.region
    return Scope(region, deployment.clock.today(str(zone_of(region))))


async def _days(session: Session, cohort: Cohort, today: Scope) -> list[date]:
    """The newest days on which an entry changed its bucket; between them nothing can go wrong. And today."""
    zone = str(zone_of(today.region))
    changed = union(*(select(func.date(func.timezone(zone, ENTRY_SPANS.c[name]))) for name in ("since", "until")))
    first = cohort.closed_at.astimezone(zone_of(today.region)).date()
    days = {day for day in await session.scalars(changed) if day is not None and first <= day <= today.as_of}
    return sorted({today.as_of, *days})[-DAYS_CHECKED_MAX:]


async def _sums(session: Session, cohort: Cohort, scope: Scope) -> bool:
    found = await buckets_of(session, cohort, scope)
    counted = [persons for part in found.parts.values() for persons in part.values()]
    return sum(counted) == found.baseline_persons and min(counted, default=0) >= 0
