"""What verification hears: households and closed lists open cases; the rest keeps what we know of households."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col, delete, select

from services.verification.models import Case, CohortEntry, DuplicateQuestion, Household, HouseholdFeatures
from services.verification.open_cases import consider, is_ours
from services.verification.rules.states import HOUSEHOLD_WITHDRAWN, MOVED_AWAY, OPEN, CaseState, Step, after
from services.verification.share_cases import share
from shared.events.fields import CohortOutcome
from shared.events.intake import (
    CohortEntryResolved,
    DuplicateResolved,
    DuplicateSuspected,
    HouseholdProfile,
    HouseholdRegistered,
    HouseholdUpdated,
    HouseholdWithdrawn,
)
from shared.events.verification import VerificationClosed
from shared.messaging import EventRouter, Fact, Session, Tombstone, announce, correlation, upsert_newer

router = EventRouter(service="verification")

Roster = HouseholdRegistered | HouseholdUpdated


@router.project(HouseholdRegistered, batch=True)
@router.project(HouseholdUpdated, batch=True)
async def remember_households(events: Sequence[Roster], session: Session) -> None:
    """The roster of a household; its highest revision wins, whatever comes first."""
    rows = [
        {
            "household_id": event.household_id,
            "region": event.region,
            "members": sorted(map(str, event.members)),
            "revision": event.revision,
            "withdrawn": False,
        }
        for event in events
    ]
    await _keep_highest(session, Household, rows)


@router.project(HouseholdWithdrawn)
async def forget_roster(event: HouseholdWithdrawn, session: Session) -> None:
    """A household that left the register has no roster any more."""
    row = event.model_dump(include={"household_id", "region", "revision"}) | {"members": [], "withdrawn": True}
    await _keep_highest(session, Household, [row])


@router.project(HouseholdProfile, batch=True)
async def remember_features(events: Sequence[HouseholdProfile | Tombstone], session: Session) -> None:
    """What the register says of the members; erased where the register erased it."""
    said: list[dict[str, Any]] = []
    for event in events:
        if isinstance(event, Tombstone):
            # What it erases was said before it, and what follows it was said after.
            await _keep_highest(session, HouseholdFeatures, said)
            said = []
            erased = col(HouseholdFeatures.household_id) == event.household_id
            await session.execute(delete(HouseholdFeatures).where(erased))
        else:
            members = [member.model_dump(mode="json") for member in event.members]
            said.append({"household_id": event.household_id, "revision": event.revision, "members": members})
    await _keep_highest(session, HouseholdFeatures, said)


@router.project(CohortEntryResolved, batch=True)
async def remember_entries(events: Sequence[CohortEntryResolved], session: Session) -> None:
    """The last word on each row of a closed list."""
    wanted = {"entry_id", "cohort_id", "cohort", "household_id", "member_id", "region", "revision"}
    rows = [event.model_dump(include=wanted) | {"outcome": event.outcome.value} for event in events]
    await _keep_highest(session, CohortEntry, rows)


@router.project(DuplicateSuspected)
async def remember_question(event: DuplicateSuspected, session: Session) -> None:
    await _fold_question(session, event, {"suspected": True, "reasons": sorted(event.reasons)})


@router.project(DuplicateResolved)
async def remember_answer(event: DuplicateResolved, session: Session) -> None:
    await _fold_question(session, event, {"resolved": True, "resolution": event.resolution})


@router.on(CohortEntryResolved, batch=True)
async def open_verification(events: Sequence[CohortEntryResolved], session: Session, facts: Sequence[Fact]) -> None:
    """A member of a closed list is to be visited: once per household, however many of it the list names."""
    causes = {
        event.household_id: fact
        for event, fact in zip(events, facts, strict=True)
        if event.outcome is CohortOutcome.MEMBER and event.household_id is not None
    }
    await consider(session, causes.keys(), causes)


@router.on(HouseholdRegistered, batch=True)
async def open_verification_of_known_entries(
    events: Sequence[HouseholdRegistered], session: Session, facts: Sequence[Fact]
) -> None:
    """The other half: a household that a closed list named before the register did."""
    causes = {event.household_id: fact for event, fact in zip(events, facts, strict=True)}
    await consider(session, causes.keys(), causes)


@router.on(HouseholdUpdated, batch=True)
async def follow_households(events: Sequence[HouseholdUpdated], session: Session, facts: Sequence[Fact]) -> None:
    """Of each that moved the open case goes to the officers of the new place, or ends where another city decides.

    One that has no open case may get one now: a closed list may have named it while another city had the word.
    """
    causes = {event.household_id: fact for event, fact in zip(events, facts, strict=True)}
    await consider(session, causes.keys(), causes)
    for case, region in await _left_behind(session, causes.keys()):
        cause = causes[case.household_id]
        with correlation(cause.correlation_id, cause.id):
            await _move(session, case, region)


@router.on(HouseholdWithdrawn)
async def close_withdrawn(event: HouseholdWithdrawn, session: Session) -> None:
    """There is nobody to visit or to decide on any more."""
    case = await _open_case(session, event.household_id)
    known = await session.get(Household, event.household_id)
    if case is not None and known is not None and known.withdrawn:
        _close(session, case, HOUSEHOLD_WITHDRAWN)


async def _move(session: Session, case: Case, region: str) -> None:
    if not is_ours(session, region):
        _close(session, case, MOVED_AWAY)
        return
    case.region = region
    if after(case.state, Step.UNASSIGN) is not None:
        case.state, case.officer = CaseState.PROPOSED, None
        await session.flush()
        await share(session, [(case.id, case.region)])


def _close(session: Session, case: Case, reason: str) -> None:
    """End a case undecided, and say so: with the case ends the right to know who the household is."""
    case.state = CaseState.WITHDRAWN
    announce(
        session,
        VerificationClosed(
            case_id=case.id, household_id=case.household_id, region=case.region, round=case.round, reason=reason
        ),
    )


async def _open_case(session: Session, household_id: UUID) -> Case | None:
    query = select(Case).where(Case.household_id == household_id, col(Case.state).in_(sorted(OPEN)))
    return (await session.exec(query.with_for_update())).one_or_none()


async def _left_behind(session: Session, household_ids: Collection[UUID]) -> Sequence[tuple[Case, str]]:
    """The open cases whose household lives elsewhere by now, each with where it does; locked in the order of all."""
    query = (
        select(Case, Household.region)
        .join(Household, col(Household.household_id) == Case.household_id)
        .where(col(Case.household_id).in_(list(household_ids)), col(Case.state).in_(sorted(OPEN)))
        .where(Household.region != Case.region)
        .order_by(col(Case.id))
        .with_for_update(of=Case)
    )
    return (await session.exec(query)).all()


async def _keep_highest(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Write rows that carry a revision; a lower one than what is known changes nothing."""
    await upsert_newer(session, table.metadata.tables[str(table.__tablename__)], rows, newer="revision")


async def _fold_question(session: Session, event: DuplicateSuspected | DuplicateResolved, said: dict[str, Any]) -> None:
    row = {"duplicate_id": event.duplicate_id, "household_id": event.household_id, "reasons": [], **said}
    statement = insert(DuplicateQuestion).values({"suspected": False, "resolved": False, **row})
    await session.execute(statement.on_conflict_do_update(index_elements=["duplicate_id", "household_id"], set_=said))
