"""Closed lists over HTTP: which there are, and what their rows came to."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import func, select

from services.intake.api.who import ListReader
from services.intake.models import Cohort, CohortEntry, table
from shared.problem import Problem
from shared.web import EdgeRoute, SessionDep

router = APIRouter(prefix="/api/v1/cohorts", route_class=EdgeRoute, tags=["cohorts"])
_cohort, _entry = table(Cohort), table(CohortEntry)
COHORTS_MAX = 200


@router.get("")
async def list_cohorts(caller: ListReader, session: SessionDep) -> dict[str, Any]:
    """The closed lists of the caller's region."""
    statement = (
        select(_cohort).where(caller.region_filter(_cohort.c.region)).order_by(_cohort.c.code).limit(COHORTS_MAX)
    )
    return {"items": [_shown(row._asdict()) for row in await session.execute(statement)]}


@router.get("/{code}")
async def show_cohort(code: str, caller: ListReader, session: SessionDep) -> dict[str, Any]:
    """A closed list: its baseline, and how many rows have which outcome; they add up to the baseline."""
    row = (await session.execute(select(_cohort).where(_cohort.c.code == code))).one_or_none()
    if row is None or not caller.may_see(row.region):
        raise Problem("closed-list-unknown", status=404, field="code")
    outcome = func.coalesce(_entry.c.outcome, "unresolved")
    counts = await session.execute(
        select(outcome.label("outcome"), func.count().label("persons"))
        .where(_entry.c.cohort_id == row.id)
        .group_by(outcome)
        .order_by(outcome)
    )
    return {**_shown(row._asdict()), "outcomes": {each.outcome: each.persons for each in counts}}


def _shown(cohort: dict[str, Any]) -> dict[str, Any]:
    return {"cohort_id": cohort.pop("id"), **{name: value for name, value in cohort.items() if name != "numbering"}}
