"""Lists whose items are judged one by one, also by their shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from services.verification.bodies import ItemResult
from shared.problem import Finding
from shared.texts import Locale
from shared.web.findings import finding_of

Item = TypeVar("Item", bound=BaseModel)


def read_items(kind: type[Item], items: Sequence[dict[str, Any]], locale: Locale) -> list[Item | ItemResult]:
    """Each item, or why it could not be read. Nothing that was sent is repeated, but for its ids."""
    return [_read(kind, item, locale) for item in items]


def _read(kind: type[Item], item: dict[str, Any], locale: Locale) -> Item | ItemResult:
    try:
        return kind.model_validate(item)
    except ValidationError as wrong:
        found = [finding_of(dict(each), locale) for each in wrong.errors(include_url=False, include_input=False)]
        return refused(found, locale, case_id=_uuid(item.get("case_id")), visit_id=_uuid(item.get("id")))


def refused(findings: Sequence[Finding], locale: Locale, **ids: UUID | None) -> ItemResult:
    """An item that was not taken, with every reason in the reader's language."""
    return ItemResult(result="refused", errors=[finding.to_json(locale) for finding in findings], **ids)


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
