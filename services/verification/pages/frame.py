"""What the screens share: the frame and the one script."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from shared.web import EdgeRoute, Link, Pages, public

SCRIPT = Path(__file__).parents[1] / "assets" / "visit.js"

pages = Pages(Path(__file__).parents[1] / "templates", nav=(Link("/", "nav.cases"), Link("/places", "nav.places")))
router = APIRouter(route_class=EdgeRoute, include_in_schema=False)


@cache
def script_url() -> str:
    """The address of the script with its version."""
    return f"/verification-assets/visit.js?v={hashlib.sha256(SCRIPT.read_bytes()).hexdigest()[:12]}"


@router.get("/verification-assets/visit.js", dependencies=[public()])
async def script() -> FileResponse:
    """Hides what is not asked and takes digests of photos. Asked for by its version, it never changes."""
    return FileResponse(
        SCRIPT, media_type="text/javascript", headers={"Cache-Control": "public, max-age=31536000, immutable"}
    )
