"""Enrols households that were decided on: rows, members, facts. Places and money were taken before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlmodel import col

from services.programs.among import among
from services.programs.load_programme import Running
from services.programs.models import EnrolledMember, Enrolment, EntryState, Slot, SlotState, WaitlistEntry
from services.programs.rules.entitlement import Entitled, units_taken
from services.programs.rules.household import HeldStatus
from shared.events.fields import Decree, Unit
from shared.events.programs import HouseholdEnrolled, SlotFilled
from shared.messaging import Session, announce, correlation, current_cause


@dataclass(frozen=True, slots=True)
class Decided:
    """By which decision households are enrolled."""

    decision_id: UUID
    decided_by: str
    started_on: date
    decree: Decree | None


@dataclass(frozen=True, slots=True)
class Entrant:
    """A household that enters, with the place it takes."""

    enrolment_id: UUID
    household_id: UUID
    region: str
    entitled: Entitled
    quota_id: UUID | None = None
    slot: Slot | None = None
    waitlist_id: UUID | None = None
    rank: int | None = None
    reasons: list[str] = field(default_factory=list)


async def enrol(session: Session, running: Running, entrants: Sequence[Entrant], decided: Decided) -> None:
    """Write and announce the enrolments; a released place is filled under the correlation id of its release."""
    if not entrants:
        return
    programme = running.programme
    await session.execute(
        insert(Enrolment),
        [
            {
                "enrolment_id": entrant.enrolment_id,
                "programme_id": running.programme_id,
                "programme": programme.code,
                "programme_version": programme.version,
                "household_id": entrant.household_id,
                "region": entrant.region,
                "unit": programme.unit,
                "members": [str(member) for member in entrant.entitled.members],
                "slot_id": entrant.slot.slot_id if entrant.slot else None,
                "quota_id": entrant.quota_id,
                "units": units_taken(programme, entrant.entitled.persons),
                "waitlist_id": entrant.waitlist_id,
                "rank": entrant.rank,
                "status": HeldStatus.ACTIVE,
                "started_on": decided.started_on,
                "decision_id": decided.decision_id,
                "decided_by": decided.decided_by,
                "correlation_id": _cause_of(entrant),
            }
            for entrant in entrants
        ],
    )
    await _keep_members(session, running, entrants)
    await _leave_waitlist(session, entrants)
    for entrant in entrants:
        _fill(session, running, entrant, decided)
    await session.flush()


async def persons_enrolled(session: Session, running: Running, members: Iterable[UUID]) -> set[UUID]:
    """Of these persons, those who benefit from the programme already, in whichever household."""
    found = await session.execute(
        select(col(EnrolledMember.member_id)).where(
            col(EnrolledMember.programme_id) == running.programme_id,
            col(EnrolledMember.live).is_(True),
            among(col(EnrolledMember.member_id), members),
        )
    )
    return set(found.scalars())


async def _keep_members(session: Session, running: Running, entrants: Sequence[Entrant]) -> None:
    rows = [
        {
            "enrolment_id": entrant.enrolment_id,
            "member_id": member,
            "programme_id": running.programme_id,
            "live": True,
        }
        for entrant in entrants
        for member in entrant.entitled.members
    ]
    if rows:
        await session.execute(insert(EnrolledMember), rows)


async def _leave_waitlist(session: Session, entrants: Sequence[Entrant]) -> None:
    waiting = {entrant.waitlist_id for entrant in entrants if entrant.waitlist_id is not None}
    for waitlist_id in waiting:
        households = [entrant.household_id for entrant in entrants if entrant.waitlist_id == waitlist_id]
        await session.execute(
            update(WaitlistEntry)
            .where(col(WaitlistEntry.waitlist_id) == waitlist_id, among(col(WaitlistEntry.household_id), households))
            .values(state=EntryState.ENROLLED)
        )


def _fill(session: Session, running: Running, entrant: Entrant, decided: Decided) -> None:
    programme, slot = running.programme, entrant.slot
    of = {
        "programme_id": running.programme_id,
        "programme": programme.code,
        "household_id": entrant.household_id,
        "region": entrant.region,
    }
    cause = current_cause()
    goes_on = correlation(slot.correlation_id, cause.causation_id) if slot and slot.correlation_id else nullcontext()
    with goes_on:
        announce(
            session,
            HouseholdEnrolled(
                **of,
                enrolment_id=entrant.enrolment_id,
                programme_version=programme.version,
                unit=Unit(programme.unit),
                members=list(entrant.entitled.members),
                persons=entrant.entitled.persons,
                slot_id=slot.slot_id if slot else None,
                quota_id=entrant.quota_id,
                rank=entrant.rank,
                reasons=entrant.reasons,
                decree=decided.decree,
                started_on=decided.started_on,
                decision_id=decided.decision_id,
            ),
        )
        if slot is None or entrant.quota_id is None:
            return
        slot.state = SlotState.FILLED
        slot.household_id = entrant.household_id
        slot.enrolment_id = entrant.enrolment_id
        slot.offer_id = None
        slot.correlation_id = None
        announce(
            session,
            SlotFilled(
                **of,
                slot_id=slot.slot_id,
                quota_id=entrant.quota_id,
                enrolment_id=entrant.enrolment_id,
                rank=entrant.rank,
                succeeds=slot.succeeds,
                filled_on=decided.started_on,
            ),
        )


def _cause_of(entrant: Entrant) -> UUID:
    if entrant.slot is not None and entrant.slot.correlation_id is not None:
        return entrant.slot.correlation_id
    return current_cause().correlation_id
