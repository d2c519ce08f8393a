"""Register households that officers wrote down, each on its own form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.intake.bodies import NewHousehold
from services.intake.places import place_of
from services.intake.register_families import Wanted, register_new_families
from services.intake.register_lookup import Seen, see
from services.intake.registrations import Registration
from services.intake.rules.families import Family, read_family
from services.intake.rules.findings import warnings
from services.intake.rules.proposals import field_of, lines_of
from shared.messaging import Session
from shared.problem import Finding, Problem
from shared.security import Caller
from shared.web import Asked, Deployment, Outcome


@dataclass(frozen=True, slots=True)
class Proposal:
    """A family that an officer wrote down, without anything that would refuse it by itself."""

    family: Family
    seen: Seen
    register_code: str


def read_proposal(deployment: Deployment, body: NewHousehold) -> Proposal:
    """What a form proposes. Raises 422 with every finding when a row is refused."""
    # As they stand, without the copies that dumping makes.
    stated = vars(body) | {"housing": vars(body.housing) if body.housing else None}
    today = deployment.clock.today()
    place = place_of(deployment.settings.region, today=today)
    family = read_family("", lines_of(stated, [vars(member) for member in body.members]), place, today=today)
    refuse_findings(family)
    return Proposal(family, see(deployment.vault, family), body.register_code)


async def register_proposals(session: Session, asked: Sequence[Asked[Proposal]]) -> list[Outcome]:
    """The new households, their members and who is held; 409 where card or people stand in the register."""
    wanted = [Wanted(each.wanted.family, each.wanted.seen, each.wanted.register_code, each.cause) for each in asked]
    done = await register_new_families(session, wanted)
    return [_outcome(one, each.wanted.family, each.caller) for one, each in zip(done, asked, strict=True)]


def _outcome(done: Registration, family: Family, caller: Caller) -> Outcome:
    if not done.enters:
        return _known_already(done, caller)
    return {
        "household_id": done.household_id,
        "region": done.region,
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
    elif done.held:
        region, household_id = done.held[0]["other_region"], done.held[0]["other_household_id"]
    else:
        # Its very rows were sent before, and wait to be decided or belong to people without a number.
        return Problem("household-known", status=409)
    if not caller.may_see(region):
        return Problem("household-known", status=409)
    return Problem("household-known-as", status=409, field="family_card_number", household_id=household_id)
