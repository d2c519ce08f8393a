"""Style and script of this service's screens. Open, because they hold nothing."""

from __future__ import annotations

from enum import StrEnum

from fastapi import APIRouter
from fastapi.responses import FileResponse

from services.notifications.pages.frame import ASSETS
from shared.web import EdgeRoute, public

router = APIRouter(route_class=EdgeRoute, include_in_schema=False)


class Asset(StrEnum):
    STYLE = "board.css"
    SCRIPT = "live.js"


@router.get("/board-assets/{name}", dependencies=[public()])
async def asset_file(name: Asset) -> FileResponse:
    """One of the files; asked for by its version, it never changes."""
    return FileResponse(ASSETS / name.value, headers={"Cache-Control": "public, max-age=31536000, immutable"})
