"""Finds enrolments of a household that exclude each other; the later one rests until a person has decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.programs.load_programme import version_of
from services.programs.look_at import held_by
from services.programs.models import Enrolment, Overlap
from services.programs.moment import own_agency, today
from services.programs.rules.eligibility import collides
from services.programs.rules.household import Held
from services.programs.rules.overlap import is_later
from services.programs.suspend_enrolment import live_enrolments, of, suspend
from shared.events.programs import OverlapDetected
from shared.messaging import Session, announce

REASON = "excluded-by-programme"


async def holding_several(session: Session, household_ids: Sequence[UUID]) -> set[UUID]:
    """Of these households, those who hold more than one enrolment now: only there can anything collide."""
    held = await held_by(session, household_ids)
    return {household_id for household_id, each in held.items() if sum(one.live for one in each) > 1}


@dataclass(frozen=True, slots=True)
class Told:
    """An agency has found that its enrolment and one of ours exclude each other."""

    ours: UUID
    agency: str
    theirs: UUID


async def find_overlaps(session: Session, household_id: UUID, told: Told | None = None) -> None:
    """Compare our live enrolments of a household with everything else it holds, and with what another has told."""
    own = await live_enrolments(session, household_id)
    if not own:
        return
    held = (await held_by(session, [household_id])).get(household_id, [])
    agency = own_agency(session)
    by_id = {each.enrolment_id: each for each in held if each.agency == agency}
    for enrolment in own:
        running = await version_of(session, enrolment.programme_id, enrolment.programme_version)
        ours = by_id[enrolment.enrolment_id]
        for other in held:
            if other is ours or not other.live:
                continue
            if collides(running.programme, other) or told == Told(ours.enrolment_id, other.agency, other.enrolment_id):
                await _keep(session, enrolment, ours, other)


async def _keep(session: Session, enrolment: Enrolment, ours: Held, other: Held) -> None:
    if await session.get(Overlap, (ours.enrolment_id, other.enrolment_id)) is not None:
        return
    session.add(
        Overlap(
            enrolment_id=ours.enrolment_id,
            other_enrolment_id=other.enrolment_id,
            other_agency=other.agency,
            other_programme=other.programme,
            found_on=today(session),
        )
    )
    await session.flush()
    announce(
        session,
        OverlapDetected(
            **of(enrolment),
            other_agency=other.agency,
            other_programme=other.programme,
            other_enrolment_id=other.enrolment_id,
            reason=REASON,
        ),
    )
    if is_later(ours, other):
        await suspend(session, enrolment, REASON, other.enrolment_id)
