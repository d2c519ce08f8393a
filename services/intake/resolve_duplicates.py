"""A person decides whether a held row is the person who has its number already. A machine never does."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from services.intake.announcements import announce_updated
from services.intake.bodies import ResolvingMany
from services.intake.identity import open_row
from services.intake.models import Cohort, CohortEntry, HeldRow, Household, Member, table
from services.intake.places import place_of
from services.intake.register_families import register_families
from services.intake.register_lock import lock_register
from services.intake.registrations import Source
from services.intake.rules.families import read_family
from shared.deployment import deployment_of_session
from shared.events.intake import DuplicateResolved
from shared.messaging import Session, announce
from shared.problem import Problem
from shared.security import Caller, household_key

_held, _member, _household = table(HeldRow), table(Member), table(Household)
_cohort, _entry = table(Cohort), table(CohortEntry)
NOT_RECORDED = "1"
"""Code of the file's list of reasons: the number is not recorded yet."""
MANY_MAX = 2_000


async def resolve_duplicate(session: Session, caller: Caller, duplicate_id: UUID, resolution: str) -> dict[str, Any]:
    """The answer to one question, carried out.

    ``same-person`` leaves the person where they stand and sets the row aside. ``moved-here`` lets them leave the
    other household and join the row's. ``different-people`` registers the row's person without the disputed number.
    """
    await lock_register(session)
    held = await session.get_one(HeldRow, duplicate_id, with_for_update=True)
    if held.state != "open":
        raise Problem("duplicate-resolved", status=409, resolution=held.resolution)
    if resolution != "same-person":
        await _register_held(session, held, resolution)
    _close(session, caller, held, resolution)
    await session.flush()
    return {"duplicate_id": held.id, "state": held.state, "resolution": resolution}


async def resolve_many(session: Session, caller: Caller, body: ResolvingMany) -> int:
    """The same answer to many open questions; says how many there were."""
    statement = select(HeldRow).where(
        _held.c.state == "open", caller.region_filter(_held.c.region), caller.region_filter(_held.c.other_region)
    )
    if body.duplicate_ids:
        statement = statement.where(_held.c.id.in_(body.duplicate_ids))
    if body.import_id is not None:
        statement = statement.where(_held.c.import_id == body.import_id)
    if body.cohort is not None:
        statement = statement.where(_held.c.nik_index.in_(_numbers_of(body.cohort)))
    if not (body.duplicate_ids or body.import_id or body.cohort):
        raise Problem("duplicates-which", status=422)
    found = (await session.execute(statement.order_by(_held.c.id).limit(MANY_MAX).with_for_update())).scalars().all()
    for held in found:
        _close(session, caller, held, body.resolution)
    await session.flush()
    return len(found)


def _numbers_of(cohort: str) -> Any:
    return (
        select(_entry.c.nik_index)
        .join(_cohort, _cohort.c.id == _entry.c.cohort_id)
        .where(_cohort.c.code == cohort, _entry.c.nik_index.is_not(None))
    )


def _close(session: Session, caller: Caller, held: HeldRow, resolution: str) -> None:
    held.state, held.resolution = "resolved", resolution
    held.decided_by, held.decided_at = caller.principal, deployment_of_session(session).clock.now()
    announce(
        session,
        DuplicateResolved(
            duplicate_id=held.id,
            household_id=held.household_id or held.other_household_id,
            region=held.region if held.household_id else held.other_region,
            resolution=resolution,
        ),
    )


async def _register_held(session: Session, held: HeldRow, resolution: str) -> None:
    """Let the row's person join the household of their family."""
    if held.household_id is None:
        raise Problem("duplicate-without-household", status=409)
    deployment = deployment_of_session(session)
    key = await household_key(session, deployment.vault, held.key_id)
    cells = open_row(key, str(held.id), held.sealed)
    if resolution == "moved-here":
        await _let_leave(session, held)
    else:
        # The number stays with whom it was; the person is registered as one whose number is not settled.
        cells |= {"nik": "", "alasan_tanpa_nik": NOT_RECORDED}
    today = deployment.clock.today()
    place = place_of(deployment.settings.region, today=today)
    family = read_family("", [(held.row_number or 0, cells)], place, today=today)
    (done,) = await register_families(session, [family], Source("own", into=held.household_id))
    if done.members:
        await _raise_revision(session, held.household_id)
        await announce_updated(session, {held.household_id: "member-joined"})


async def _let_leave(session: Session, held: HeldRow) -> None:
    await session.execute(
        update(_member)
        .where(_member.c.id == held.other_member_id, _member.c.state == "active")
        .values(state="left", left_reason="other-household")
    )
    await _raise_revision(session, held.other_household_id)
    await announce_updated(session, {held.other_household_id: "member-left"})


async def _raise_revision(session: Session, household_id: UUID) -> None:
    now = deployment_of_session(session).clock.now()
    await session.execute(
        update(_household)
        .where(_household.c.id == household_id)
        .values(revision=_household.c.revision + 1, updated_at=now)
    )
