"""What waits for an operator: parked records and timers that were given up, over HTTP."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from shared.messaging import parking, redrive, timers
from shared.messaging.failures import StartRefused
from shared.problem import Problem
from shared.security import Caller, Role
from shared.web.deployment import Deployment, DeploymentDep
from shared.web.edge import EdgeRoute, SessionDep
from shared.web.guards import allows

_LONG_NUMBER: Final = re.compile(r"\d[\d .-]{7,}\d")

router = APIRouter(prefix="/api/v1", route_class=EdgeRoute, tags=["parked"])
Operator = Annotated[Caller, allows(Role.OPERATOR)]


def _names_nobody(reason: str) -> str:
    """A reason is kept for good, beside the record: no number that could be a person's."""
    if _LONG_NUMBER.search(reason):
        raise PydanticCustomError("wrong-form", "a reason without numbers of people")
    return reason


Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=200), AfterValidator(_names_nobody)
]
TimerWord = Annotated[str, Field(min_length=1, max_length=200)]


class Redriving(BaseModel):
    accept_gap: bool = Field(False, description="Handle the first record although numbers before it never came.")


class Dismissal(BaseModel):
    reason: Reason
    confirmed: Literal[True] = Field(description="What the record said is given up for good.")


class Retrying(BaseModel):
    kind: TimerWord
    key: TimerWord


@router.get("/parked")
async def list_parked(
    caller: Operator, deployment: DeploymentDep, session: SessionDep, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> dict[str, Any]:
    """What waits, the first of each blocked household before those behind it; and the timers that were given up."""
    require_whole_region(caller, deployment)
    return {
        "waiting": await parking.count_waiting(session),
        "items": [shown(each) for each in await parking.list_parked(session, limit=limit)],
        "timers": [asdict(each) for each in await timers.list_given_up(session)],
    }


@router.get("/parked/{record_id}")
async def show_parked(
    record_id: UUID, caller: Operator, deployment: DeploymentDep, session: SessionDep
) -> dict[str, Any]:
    """Where a record came from and why it cannot be handled. Its content stays sealed."""
    require_whole_region(caller, deployment)
    return shown(await _find(session, record_id))


@router.post("/parked/{record_id}/redrive")
async def redrive_parked(
    record_id: UUID, body: Redriving, caller: Operator, deployment: DeploymentDep, session: SessionDep
) -> dict[str, Any]:
    """Handle a record again, and in order what waits behind it. It is done when this answers, whatever comes after."""
    require_whole_region(caller, deployment)
    record = await _find_waiting(session, record_id)
    try:
        done = await redrive.redrive(deployment.kernel.hearing, record, by=caller.principal, accept_gap=body.accept_gap)
    except StartRefused:
        raise Problem("parked-not-reacting", status=409) from None
    return asdict(done)


@router.post("/parked/{record_id}/dismissal")
async def dismiss_parked(
    record_id: UUID, body: Dismissal, caller: Operator, deployment: DeploymentDep, session: SessionDep
) -> dict[str, Any]:
    """Give a record up for good, by name and with a reason; what waited behind it goes on."""
    require_whole_region(caller, deployment)
    record = await _find_waiting(session, record_id)
    try:
        done = await redrive.dismiss(deployment.kernel.hearing, record, by=caller.principal, reason=body.reason)
    except redrive.NotTheFirst:
        raise Problem("parked-not-first", status=409) from None
    except StartRefused:
        raise Problem("parked-not-reacting", status=409) from None
    return asdict(done)


@router.post("/timers/retry")
async def retry_timer(
    request: Request, body: Retrying, caller: Operator, deployment: DeploymentDep, session: SessionDep
) -> dict[str, Any]:
    """Let a timer that was given up fall due again at once."""
    require_whole_region(caller, deployment)
    if not await timers.retry_given_up(session, body.kind, body.key):
        raise Problem("timer-not-given-up", status=404)
    request.state.audit_subjects = {"timer": body.kind, "timer_key": body.key}
    return {"kind": body.kind, "key": body.key}


def require_whole_region(caller: Caller, deployment: Deployment) -> None:
    """A parked record says of no region that could be trusted: who decides on it answers for the whole deployment."""
    caller.require_region(deployment.settings.region)


def shown(record: parking.Parked) -> dict[str, Any]:
    """A parked record as people see it: ids, places and reasons."""
    return {
        "record_id": record.id,
        **{name: value for name, value in asdict(record).items() if name not in ("id", "key_bytes")},
    }


async def _find(session: SessionDep, record_id: UUID) -> parking.Parked:
    found = await parking.find_parked(session, record_id)
    if found is None:
        raise Problem("parked-unknown", status=404, field="record_id")
    return found


async def _find_waiting(session: SessionDep, record_id: UUID) -> parking.Parked:
    found = await _find(session, record_id)
    if found.state != "waiting":
        raise Problem("parked-settled", status=409)
    return found
