"""Give cases to officers: when a supervisor says who works where, when a case moves, and once a day what was left."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, any_, cast, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid
from sqlmodel import col, select

from services.verification.models import Assignment, Case
from services.verification.rules.sharing import share_out
from services.verification.rules.states import CaseState
from shared.messaging import Session

SHARED_AT_ONCE_MAX = 5_000


async def officers_by_region(session: Session) -> dict[str, list[str]]:
    """The officers who work in each region now, keyed by dotted code of any level."""
    query = select(Assignment.region, Assignment.officer).where(col(Assignment.ended_at).is_(None))
    found: dict[str, list[str]] = {}
    for region, officer in await session.execute(query.order_by(Assignment.region, Assignment.officer)):
        found.setdefault(region, []).append(officer)
    return found


async def loads_of(session: Session) -> dict[str, int]:
    """How many visits each officer still has to make."""
    return {row.officer: row.cases for row in await session.execute(_LOADS)}


async def share_proposed_cases(session: Session, region: str) -> int:
    """Give the proposed cases of a region's subtree to the officers who work there; how many found one."""
    query = (
        select(Case.id, Case.region)
        .where(Case.state == CaseState.PROPOSED, _in_subtree(region))
        .order_by(col(Case.id))
        .limit(SHARED_AT_ONCE_MAX)
        .with_for_update(skip_locked=True)
    )
    waiting = [(row.id, row.region) for row in await session.execute(query)]
    return await share(session, waiting)


async def share(session: Session, cases: Sequence[tuple[UUID, str]]) -> int:
    """Give locked, proposed cases (id, region) to officers; how many found one."""
    if not cases:
        return 0
    chosen = share_out(cases, await officers_by_region(session), await loads_of(session))
    by_officer: dict[str, list[UUID]] = {}
    for case_id, officer in chosen.items():
        by_officer.setdefault(officer, []).append(case_id)
    for officer, case_ids in by_officer.items():
        await session.execute(
            update(Case)
            .where(col(Case.id) == any_(cast(case_ids, ARRAY(Uuid))))
            .values(officer=officer, state=CaseState.ASSIGNED)
        )
    return len(chosen)


def _in_subtree(region: str) -> ColumnElement[bool]:
    return (col(Case.region) == region) | col(Case.region).startswith(f"{region}.", autoescape=True)


_LOADS = text(
    """
    select officer, count(*) as cases from verification_case
    where officer is not null and state in ('assigned', 'returned') group by officer
    """
)
