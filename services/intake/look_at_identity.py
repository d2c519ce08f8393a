"""Who may learn who somebody is: those whose agency has an open case with the household, for a stated purpose."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Uuid, any_, cast, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.intake.households import identities
from services.intake.models import Household, OpenCase, table
from services.intake.rules.civil_numbers import read_person_number
from shared.deployment import deployment_of_session
from shared.driver import read_rows
from shared.messaging import Session
from shared.problem import Finding, Problem
from shared.security import Caller, audit

_case, _household = table(OpenCase), table(Household)


async def look_at_one(session: Session, caller: Caller, household_id: UUID, purpose: str) -> dict[str, Any]:
    """Names, numbers and address of one household, the look recorded. Raises 403 where the agency has no open case."""
    found = await look_at_list(session, caller, [household_id], purpose)
    if household_id not in found:
        raise Problem("no-open-case", status=403, field="household_id", agency=caller.agency)
    return found[household_id]


async def look_at_list(
    session: Session, caller: Caller, household_ids: Collection[UUID], purpose: str
) -> dict[UUID, dict[str, Any]]:
    """The same of several; households that the caller may not look at are left out, and that is recorded too."""
    wanted = cast(list(household_ids), ARRAY(Uuid))
    allowed = await session.execute(
        select(_household.c.id).where(
            _household.c.id == any_(wanted),
            caller.region_filter(_household.c.region),
            # Who left the register is nobody's case, whatever the agencies have not heard or not closed yet.
            _household.c.state == "active",
            select(_case.c.household_id)
            .where(_case.c.household_id == _household.c.id, _case.c.agency == caller.agency, _case.c.is_open)
            .exists(),
        )
    )
    found = await identities(session, [row.id for row in allowed])
    for household_id in household_ids:
        action = "identity.looked" if household_id in found else "identity.look-refused"
        await audit(session, caller, action, {"household_id": household_id}, purpose)
    return found


async def resolve_number(session: Session, caller: Caller, nik: str, purpose: str) -> UUID:
    """The household of the active person with this number, and nothing else. Raises 404 where there is none to see.

    The question is recorded either way: without its number, so that the audit does not become a list of numbers.
    """
    deployment = deployment_of_session(session)
    number = read_person_number(nik, today=deployment.clock.today())
    if number.digits is None:
        codes = [each.code for each in number.findings] or ["nik-missing"]
        raise Problem("number-refused", status=422, field="nik", errors=[Finding(code, "nik") for code in codes])
    index = deployment.vault.blind_index("nik", number.digits)
    holders = await read_rows(session, _HOLDER, index)
    if not holders or not caller.may_see(holders[0]["region"]):
        await audit(session, caller, "identity.not-resolved", None, purpose)
        raise Problem("nobody-found", status=404)
    household_id: UUID = holders[0]["household_id"]
    await audit(session, caller, "identity.resolved", {"household_id": household_id}, purpose)
    return household_id


_HOLDER: Final = """
    select member.household_id, household.region from member join household on household.id = member.household_id
    where member.nik_index = $1 and member.state = 'active'
"""
"""There is one at most: no number stands in the register twice."""
