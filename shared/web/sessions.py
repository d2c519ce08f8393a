"""Page sessions: who signed in on this deployment's pages."""

from typing import Any

from fastapi import Request


async def check_form_origin(request: Request, form: Any) -> None:
    """Raises 403 `csrf` when a write comes with a page session but not from our page."""
