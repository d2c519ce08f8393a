"""Send a file and watch it: what became of its rows, and the refused ones to fetch."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse

from services.intake.api.imports import UPLOAD_BYTES_MAX, list_imports, send_file
from services.intake.api.who import FileSender
from services.intake.pages.frame import pages
from services.intake.rules.columns import FileKind
from shared.events.fields import Code, CohortCode
from shared.web import EdgeRoute, SessionDep

PER_PAGE = 20
router = APIRouter(route_class=EdgeRoute, include_in_schema=False)


@router.get("/")
async def files_page(
    request: Request, caller: FileSender, session: SessionDep, after: UUID | None = None
) -> HTMLResponse:
    """The files of the caller's region, the newest first; the list renews itself while one is worked on."""
    found = await list_imports(caller, session, after=after, limit=PER_PAGE)
    working = any(each["state"] == "working" for each in found["items"])
    return pages.render(
        request, "files.html", files=found["items"], next=found["next"], working=working, kinds=list(FileKind)
    )


@router.post("/files", max_body_size=UPLOAD_BYTES_MAX)
async def send_file_by_form(
    kind: Annotated[FileKind, Form()],
    register_code: Annotated[Code, Form()],
    file: Annotated[UploadFile, File()],
    caller: FileSender,
    session: SessionDep,
    cohort: Annotated[CohortCode | None, Form()] = None,
) -> RedirectResponse:
    """Accept a file as the API does, and go back to the list."""
    await send_file(kind, register_code, file, caller, session, Response(), cohort=cohort)
    return RedirectResponse("/", 303)
