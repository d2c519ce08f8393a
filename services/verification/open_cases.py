"""Open cases: called when both halves of a household are known, and when a round has to follow another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from uuid_utils.compat import uuid7

from services.verification.models import Case
from services.verification.moment import moment_of, settings_of
from services.verification.rules.sharing import share_out
from services.verification.rules.states import OPEN, CaseState
from services.verification.share_cases import loads_of, officers_by_region
from shared.deployment import deployment_of_session
from shared.driver import read_rows
from shared.events.verification import VerificationOpened
from shared.messaging import Fact, Session, announce, correlation


@dataclass(frozen=True, slots=True)
class Opening:
    """A household that is to be visited, and why."""

    household_id: UUID
    region: str
    reason: str
    cohort_id: UUID | None = None
    cohort: str | None = None


def next_round(case: Case, reason: str) -> Opening:
    """What follows a case that ended."""
    return Opening(case.household_id, case.region, reason, case.cohort_id, case.cohort)


async def consider(session: Session, household_ids: Collection[UUID], causes: Mapping[UUID, Fact]) -> None:
    """Open a case for each household that is registered and a member of a closed list, and has none for that list yet.

    Does nothing for a household of which only one half is known: whichever half comes second opens the case. Nor for
    one in whose region another verification has the word.
    """
    rows = await read_rows(session, _READY, list(household_ids), sorted(OPEN))
    ready = [Opening(reason="cohort", **row) for row in rows]
    await open_cases(session, [opening for opening in ready if is_ours(session, opening.region)], causes)


def is_ours(session: Session, region: str) -> bool:
    """Whether this deployment's word counts in a region today."""
    deployment = deployment_of_session(session)
    directory, today = deployment.directory.current(), moment_of(session).today
    return directory.authority_over("verification", region, today) == deployment.agency


async def open_cases(
    session: Session, openings: Sequence[Opening], causes: Mapping[UUID, Fact] | None = None
) -> list[UUID]:
    """Open the next round of each household, give it an officer where its region has one, and say so.

    Returns:
        The ids of the new cases; a household that has left the register, or has an open case by now, gets none.
    """
    if not openings:
        return []
    moment, settings = moment_of(session), settings_of(session)
    rounds = await _last_rounds(session, [opening.household_id for opening in openings])
    rows = [
        {
            "id": uuid7(),
            "household_id": opening.household_id,
            "region": opening.region,
            "cohort_id": opening.cohort_id,
            "cohort": opening.cohort,
            "round": rounds[opening.household_id] + 1,
            "reason": opening.reason,
            "state": CaseState.PROPOSED,
            "officer": None,
            "opened_at": moment.now,
            "visit_due_on": moment.today + timedelta(days=settings.visit_days),
        }
        for opening in openings
        if opening.household_id in rounds
    ]
    if not rows:
        return []
    await _give_officers(session, rows)
    inserted = await session.execute(insert(Case).on_conflict_do_nothing().returning(col(Case.id)), rows)
    opened = set(inserted.scalars())
    _announce(session, (row for row in rows if row["id"] in opened), causes or {})
    return sorted(opened)


async def _last_rounds(session: Session, household_ids: list[UUID]) -> dict[UUID, int]:
    """The last round of each household that is in the register; 0 where none was."""
    rows = await session.execute(_LAST_ROUNDS, {"household_ids": household_ids})
    return {row.household_id: row.last for row in rows}


async def _give_officers(session: Session, rows: list[dict[str, Any]]) -> None:
    officers = await officers_by_region(session)
    if not officers:
        return
    shared = share_out([(row["id"], row["region"]) for row in rows], officers, await loads_of(session))
    for row in rows:
        if row["id"] in shared:
            row |= {"officer": shared[row["id"]], "state": CaseState.ASSIGNED}


def _announce(session: Session, rows: Iterable[dict[str, Any]], causes: Mapping[UUID, Fact]) -> None:
    for row in rows:
        with _under(causes.get(row["household_id"])):
            announce(
                session,
                VerificationOpened(
                    case_id=row["id"],
                    household_id=row["household_id"],
                    region=row["region"],
                    round=row["round"],
                    reason=row["reason"],
                ),
            )


def _under(cause: Fact | None) -> AbstractContextManager[None]:
    return nullcontext() if cause is None else correlation(cause.correlation_id, cause.id)


_LAST_ROUNDS = text(
    """
    select household_id, coalesce(
        (select max(round) from verification_case as known where known.household_id = household.household_id), 0
    ) as last
    from household where household_id = any(cast(:household_ids as uuid[])) and not withdrawn
    """
)
_READY = """
    select distinct on (household.household_id)
        household.household_id, household.region, entry.cohort_id, entry.cohort
    from household join cohort_entry as entry on entry.household_id = household.household_id
    where household.household_id = any($1::uuid[])
        and entry.outcome = 'member' and not household.withdrawn
        and not exists (
            select from verification_case as known
            where known.household_id = household.household_id
                and (known.cohort_id = entry.cohort_id or known.state = any($2::text[]))
        )
    order by household.household_id, entry.cohort_id
"""
