"""Households over HTTP: register, show, search, correct, withdraw."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy import select

from services.intake.api.paging import After, Limit, page
from services.intake.api.who import Officer, Reader
from services.intake.bodies import Correction, NameSearch, NewHousehold, Withdrawal
from services.intake.correct_household import correct_household
from services.intake.households import load_for_change, load_household, present
from services.intake.models import Household, table
from services.intake.propose_household import read_proposal, register_proposals
from services.intake.search_names import search_names
from services.intake.withdraw_household import withdraw_household
from shared.events.fields import RegionCode
from shared.security import audit
from shared.web import DeploymentDep, EdgeRoute, GatherDep, SessionDep, only_looks

router = APIRouter(prefix="/api/v1/households", route_class=EdgeRoute, tags=["households"])
_household = table(Household)


@router.post("", status_code=201)
async def register_household(
    body: NewHousehold, caller: Officer, deployment: DeploymentDep, gather: GatherDep
) -> Response:
    """Register one household. Refused rows refuse the whole of it; a person whose NIK is taken is held."""
    caller.require_region(body.region)
    return await gather(register_proposals, read_proposal(deployment, body))


@router.get("")
async def list_households(
    caller: Reader, session: SessionDep, region: RegionCode | None = None, after: After = None, limit: Limit = 50
) -> dict[str, Any]:
    """Households of the caller's region, or of a part of it: ids and places, nobody's identity."""
    columns = (_household.c.id, _household.c.region, _household.c.registers, _household.c.state, _household.c.revision)
    statement = select(*columns).where(caller.region_filter(_household.c.region)).order_by(_household.c.id)
    if region is not None:
        inside = (_household.c.region == region) | _household.c.region.startswith(f"{region}.", autoescape=True)
        statement = statement.where(inside)
    if after is not None:
        statement = statement.where(_household.c.id > after)
    rows = await session.execute(statement.limit(limit + 1))
    items = [{"household_id": row.id, **{k: v for k, v in row._asdict().items() if k != "id"}} for row in rows]
    return page(items, limit, "household_id")


@router.get("/{household_id}")
async def show_household(household_id: UUID, caller: Reader, session: SessionDep) -> dict[str, Any]:
    """One household, its identities masked."""
    return await present(session, await load_household(session, caller, household_id))


@router.post("/search", dependencies=[only_looks()])
async def search_households(body: NameSearch, caller: Reader, session: SessionDep) -> dict[str, Any]:
    """People of a name in a kecamatan, best first, masked. The name stands in the body, so that no log has it."""
    caller.require_region(body.region)
    await audit(session, caller, "household.searched", {"region": body.region})
    return {"items": await search_names(session, caller, body)}


@router.post("/{household_id}/corrections", status_code=201)
async def correct(household_id: UUID, body: Correction, caller: Officer, session: SessionDep) -> dict[str, Any]:
    """Change a household on the revision one saw; announces its whole new state."""
    household = await load_for_change(session, caller, household_id, body.revision)
    if body.region is not None:
        caller.require_region(body.region)
    return await correct_household(session, household, body)


@router.post("/{household_id}/withdrawal", status_code=201)
async def withdraw(household_id: UUID, body: Withdrawal, caller: Officer, session: SessionDep) -> dict[str, Any]:
    """Take a household out of the register; its numbers are free again and its profile is erased."""
    household = await load_for_change(session, caller, household_id, body.revision)
    return await withdraw_household(session, household, body.reason)
