"""Identity over HTTP: looks by household for those with an open case, and number → household id for systems."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from services.intake.api.who import CaseWorker, OtherSystem
from services.intake.bodies import Look, Looks, Resolve
from services.intake.look_at_identity import look_at_list, look_at_one, resolve_number
from shared.web import EdgeRoute, SessionDep, only_looks

router = APIRouter(prefix="/api/v1/identity", route_class=EdgeRoute, tags=["identity"])


@router.post("/looks", dependencies=[only_looks()])
async def look_at_identity(body: Look, caller: CaseWorker, session: SessionDep) -> dict[str, Any]:
    """Who a household is. The caller's agency needs an open case with it; the look is recorded with its purpose."""
    return await look_at_one(session, caller, body.household_id, body.purpose)


@router.post("/looks/list", dependencies=[only_looks()])
async def look_at_identities(body: Looks, caller: CaseWorker, session: SessionDep) -> dict[str, Any]:
    """The same for a list people work with; households without an open case stand under `refused`."""
    found = await look_at_list(session, caller, body.household_ids, body.purpose)
    return {
        "items": list(found.values()),
        "refused": [household_id for household_id in body.household_ids if household_id not in found],
    }


@router.post("/resolve", dependencies=[only_looks()])
async def resolve_identity(body: Resolve, caller: OtherSystem, session: SessionDep) -> dict[str, Any]:
    """The household id of a person number, nothing else. The number stands in the body and in no address."""
    return {"household_id": await resolve_number(session, caller, body.nik, body.purpose)}
