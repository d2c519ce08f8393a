"""Served by nobody: verified households that money or a service has never reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select, tuple_

from services.notifications.models import STAGE_SPANS
from services.notifications.reading.scope import Scope
from services.notifications.reading.stages import Count
from services.notifications.rules.stages import Stage
from shared.messaging import Session


@dataclass(frozen=True, slots=True)
class Unserved:
    household_id: UUID
    region: str
    persons: int
    verified_at: datetime
    enrolled: bool
    """Enrolled somewhere, but nothing has come of it yet."""

    @property
    def cursor(self) -> str:
        return f"{self.verified_at.isoformat()}~{self.household_id}"


VERIFIED = STAGE_SPANS.alias("verified")


async def unserved(session: Session, scope: Scope, limit: int, after: str | None = None) -> list[Unserved]:
    """A page of them, those who have waited longest first. Raises ValueError for a cursor that is none of ours."""
    enrolled = _reached(Stage.ENROLLED, scope)
    page = (
        select(VERIFIED.c.household_id, VERIFIED.c.region, VERIFIED.c.persons, VERIFIED.c.since, enrolled)
        .where(_verified_only(scope))
        .order_by(VERIFIED.c.since, VERIFIED.c.household_id)
        .limit(limit)
    )
    if after is not None:
        moment, _, household = after.partition("~")
        start = (datetime.fromisoformat(moment), UUID(household))
        page = page.where(tuple_(VERIFIED.c.since, VERIFIED.c.household_id) > start)
    return [Unserved(*row) for row in await session.execute(page)]


async def count_unserved(session: Session, scope: Scope) -> Count:
    """How many they are."""
    counts = select(func.count(), func.coalesce(func.sum(VERIFIED.c.persons), 0)).where(_verified_only(scope))
    families, persons = (await session.execute(counts)).one()
    return Count(families, int(persons))


def _verified_only(scope: Scope) -> ColumnElement[bool]:
    verified = and_(VERIFIED.c.stage == Stage.VERIFIED, scope.holds(VERIFIED))
    return and_(verified, ~_reached(Stage.SERVED, scope))


def _reached(stage: Stage, scope: Scope) -> ColumnElement[bool]:
    spans = STAGE_SPANS.alias(stage.value)
    current = spans.c.until.is_(None) | (spans.c.until >= scope.end)
    return exists().where(
        spans.c.household_id == VERIFIED.c.household_id, spans.c.stage == stage, spans.c.since < scope.end, current
    )
