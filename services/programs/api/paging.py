"""Cursors of lists: the last key of a page asks for the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

LIMIT_MAX = 500

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


def cursor(keys: Sequence[object], limit: int) -> str | None:
    """The cursor of the next page; None where this one was not full."""
    return str(keys[-1]) if len(keys) == limit else None
