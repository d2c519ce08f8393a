"""Register the one household that an officer wrote down."""

from __future__ import annotations

from typing import Any

from services.intake.bodies import NewHousehold
from services.intake.places import place_of
from services.intake.register_families import register_families
from services.intake.registrations import Registration, Source
from services.intake.rules.families import Family, read_family
from services.intake.rules.findings import warnings
from services.intake.rules.proposals import field_of, lines_of
from shared.deployment import deployment_of_session
from shared.messaging import Session
from shared.problem import Finding, Problem
from shared.security import Caller


async def propose_household(session: Session, caller: Caller, body: NewHousehold) -> dict[str, Any]:
    """The new household, its members and who is held.

    Raises a problem: 422 with every finding when a row is refused, 409 when card or people stand in the register.
    """
    deployment = deployment_of_session(session)
    stated = body.model_dump()
    today = deployment.clock.today()
    place = place_of(deployment.settings.region, today=today)
    family = read_family("", lines_of(stated, stated["members"]), place, today=today)
    refuse_findings(family)
    (done,) = await register_families(session, [family], Source(body.register_code))
    if not done.enters:
        raise _known_already(done, caller)
    return {
        "household_id": done.household_id,
        "region": family.region,
        "revision": 1,
        "members": [{"member_id": member["id"]} for member in done.members],
        "held": [{"duplicate_id": held["id"], "member": held["row_number"]} for held in done.held],
        "warnings": sorted({code for row in family.accepted for code in warnings(row.findings)}),
    }


def refuse_findings(family: Family, under: str = "members") -> None:
    """Raises 422 with everything that is wrong, so that the officer does not come back three times."""
    found = dict.fromkeys(
        (each.code, field_of(each.field, row.number, under))
        for row in family.rows
        for each in row.findings
        if each.refuses
    )
    if found:
        raise Problem("household-refused", status=422, errors=[Finding(code, field) for code, field in found])


def _known_already(done: Registration, caller: Caller) -> Problem:
    """Which record it is, for those who may see it; for others only that there is one."""
    if done.standing is not None:
        region, household_id = done.standing.region, done.standing.household_id
    else:
        region, household_id = done.held[0]["other_region"], done.held[0]["other_household_id"]
    if not caller.may_see(region):
        return Problem("household-known", status=409)
    return Problem("household-known-as", status=409, field="family_card_number", household_id=household_id)
