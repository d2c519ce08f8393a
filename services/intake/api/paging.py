"""Lists come in pages: after an id, at most so many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

PAGE_MAX = 200

After = Annotated[UUID | None, Query(description="The `next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]


def page(items: Sequence[dict[str, Any]], limit: int, key: str) -> dict[str, Any]:
    """A page of what was asked with ``limit + 1``: its items, and where the next one begins (null: nowhere)."""
    more = len(items) > limit
    shown = list(items[:limit])
    return {"items": shown, "next": shown[-1][key] if more else None}
