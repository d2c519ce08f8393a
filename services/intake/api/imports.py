"""Files over HTTP: send one, watch it, fetch what was refused."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from services.intake.accept_file import Purpose, accept_file
from services.intake.api.paging import After, Limit, page
from services.intake.api.who import FileSender
from services.intake.csv_files import open_csv
from services.intake.models import Import, table
from services.intake.places import is_region
from services.intake.reject_file import reject_file
from services.intake.rules.columns import FileKind
from shared.deployment import deployment_of_session
from shared.events.fields import Code, CohortCode, RegionCode
from shared.problem import Problem
from shared.security import Caller, audit
from shared.web import EdgeRoute, LocaleDep, SessionDep

router = APIRouter(prefix="/api/v1/imports", route_class=EdgeRoute, tags=["imports"])
_import = table(Import)

UPLOAD_BYTES_MAX = 64 * 1024 * 1024


@router.post("", status_code=202, max_body_size=UPLOAD_BYTES_MAX)
async def send_file(
    kind: Annotated[FileKind, Form()],
    register_code: Annotated[Code, Form()],
    file: Annotated[UploadFile, File()],
    caller: FileSender,
    session: SessionDep,
    response: Response,
    region: Annotated[RegionCode | None, Form()] = None,
    numbering: Annotated[Code | None, Form(description="Who numbered the families; by default this agency.")] = None,
    cohort: Annotated[CohortCode | None, Form(description="Code of the closed list; for kind=cohort.")] = None,
    received_on: Annotated[date | None, Form()] = None,
) -> dict[str, Any]:
    """Accept a file. A register is worked through afterwards; a closed list is closed here, before any check.

    The same file again answers 200 with the import it had.
    """
    if (kind is FileKind.COHORT) != (cohort is not None):
        raise Problem("cohort-code-and-kind", status=422, field="cohort")
    deployment = deployment_of_session(session)
    place = region or deployment.settings.region
    caller.require_region(place)
    if not is_region(place, today=deployment.clock.today()):
        raise Problem("region-unknown", status=422, field="region", region=place)
    purpose = Purpose(kind, register_code, numbering or deployment.agency, place, caller.principal, cohort, received_on)
    one, is_new = await accept_file(session, deployment, open_csv(file.file, kind), purpose)
    response.status_code = 202 if is_new else 200
    response.headers["Location"] = f"{router.prefix}/{one.id}"
    return progress(one)


@router.get("")
async def list_imports(
    caller: FileSender, session: SessionDep, after: After = None, limit: Limit = 50
) -> dict[str, Any]:
    """Files of the caller's region, the newest first."""
    statement = select(Import).where(caller.region_filter(_import.c.region)).order_by(_import.c.id.desc())
    if after is not None:
        statement = statement.where(_import.c.id < after)
    found = (await session.execute(statement.limit(limit + 1))).scalars()
    return page([progress(one) for one in found], limit, "import_id")


@router.get("/{import_id}")
async def show_import(import_id: UUID, caller: FileSender, session: SessionDep) -> dict[str, Any]:
    """How far a file is, and what became of its rows so far."""
    return progress(await _of_caller(session, caller, import_id))


@router.get("/{import_id}/rejects")
async def fetch_rejects(
    import_id: UUID, caller: FileSender, session: SessionDep, locale: LocaleDep
) -> StreamingResponse:
    """The refused rows as they came, with a column that says why: to be mended and sent again."""
    one = await _of_caller(session, caller, import_id)
    await audit(session, caller, "import.rejects-fetched", {"import_id": one.id}, "correction")
    headers = {"Content-Disposition": f'attachment; filename="tolak-{one.id}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(
        reject_file(deployment_of_session(session), one, locale), media_type="text/csv; charset=utf-8", headers=headers
    )


def progress(one: Import) -> dict[str, Any]:
    """An import as people see it."""
    return {
        "import_id": one.id,
        "kind": one.kind,
        "register_code": one.register_code,
        "region": one.region,
        "cohort_id": one.cohort_id,
        "state": one.state,
        "percent": 100 if one.state == "done" else 100 * one.parts_done // max(1, one.parts),
        "rows": one.rows,
        "registered": one.registered,
        "known": one.known,
        "held": one.held,
        "rejected": one.rejected,
        "warned": one.warned,
        "households": one.households,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
    }


async def _of_caller(session: SessionDep, caller: Caller, import_id: UUID) -> Import:
    one = await session.get(Import, import_id)
    if one is None or not caller.may_see(one.region):
        raise Problem("import-unknown", status=404, field="import_id")
    return one
