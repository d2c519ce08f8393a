"""One condition for a column and many ids: a single array parameter, however many there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, literal


def among(column: Any, ids: Iterable[UUID]) -> ColumnElement[bool]:
    """SQL: the column is one of these ids."""
    matched: ColumnElement[bool] = column == any_(literal(list(ids), ARRAY(Uuid())))
    return matched
