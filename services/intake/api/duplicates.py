"""Held rows over HTTP: the open questions of duplicates, and people's answers."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import or_, select

from services.intake.api.paging import After, Limit, page
from services.intake.api.who import Reviewer
from services.intake.bodies import Resolving, ResolvingMany
from services.intake.models import HeldRow, table
from services.intake.resolve_duplicates import resolve_duplicate, resolve_many
from shared.problem import Problem
from shared.security import Caller
from shared.web import EdgeRoute, SessionDep

router = APIRouter(prefix="/api/v1/duplicates", route_class=EdgeRoute, tags=["duplicates"])
_held = table(HeldRow)


@router.get("")
async def list_duplicates(
    caller: Reviewer,
    session: SessionDep,
    state: Literal["open", "resolved"] = "open",
    after: After = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Questions that touch the caller's region. Each side is named only to those who may see its region."""
    statement = (
        select(_held)
        .where(
            _held.c.state == state,
            or_(caller.region_filter(_held.c.region), caller.region_filter(_held.c.other_region)),
        )
        .order_by(_held.c.id)
    )
    if after is not None:
        statement = statement.where(_held.c.id > after)
    rows = await session.execute(statement.limit(limit + 1))
    return page([shown(row._asdict(), caller) for row in rows], limit, "duplicate_id")


@router.get("/{duplicate_id}")
async def show_duplicate(duplicate_id: UUID, caller: Reviewer, session: SessionDep) -> dict[str, Any]:
    """One question."""
    return shown(await _of_caller(session, caller, duplicate_id), caller)


@router.post("/{duplicate_id}/resolution", status_code=201)
async def resolve_one(duplicate_id: UUID, body: Resolving, caller: Reviewer, session: SessionDep) -> dict[str, Any]:
    """Answer a question: the same person, a person who moved here, or different people of whom one number is wrong."""
    held = await _of_caller(session, caller, duplicate_id)
    caller.require_region(held["region"])
    caller.require_region(held["other_region"])
    return await resolve_duplicate(session, caller, duplicate_id, body.resolution)


@router.post("/resolutions", status_code=201)
async def resolve_list(body: ResolvingMany, caller: Reviewer, session: SessionDep) -> dict[str, Any]:
    """One answer to many questions; those of regions that are not the caller's stay open."""
    return {"resolved": await resolve_many(session, caller, body)}


async def _of_caller(session: SessionDep, caller: Caller, duplicate_id: UUID) -> dict[str, Any]:
    row = (await session.execute(select(_held).where(_held.c.id == duplicate_id))).one_or_none()
    if row is None or not (caller.may_see(row.region) or caller.may_see(row.other_region)):
        raise Problem("duplicate-unknown", status=404, field="duplicate_id")
    return row._asdict()


def shown(held: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """A question as one of its sides may see it: `null` where the other record is none of the caller's."""
    return {
        "duplicate_id": held["id"],
        "reasons": held["reasons"],
        "state": held["state"],
        "resolution": held["resolution"],
        "import_id": held["import_id"],
        "row": held["row_number"],
        "held": _side(held["region"], held["household_id"], None, caller),
        "other": _side(held["other_region"], held["other_household_id"], held["other_member_id"], caller),
    }


def _side(region: str, household_id: UUID | None, member_id: UUID | None, caller: Caller) -> dict[str, Any] | None:
    if not caller.may_see(region):
        return None
    return {"region": region, "household_id": household_id, **({"member_id": member_id} if member_id else {})}
