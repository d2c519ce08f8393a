"""How a refusal reaches people: one as a problem with its status, many as the errors of their items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NoReturn

from shared.problem import Finding, Problem

STATUS_OF: Final = {
    "case-not-found": 404,
    "case-not-yours": 403,
    "same-person": 403,
    "case-not-in-state": 409,
    "visit-id-reused": 409,
    "duplicate-question-open": 409,
    "roster-changed": 409,
    "nobody-confirmed": 409,
    "nobody-answered": 409,
    "decision-not-current": 409,
}
"""Refusals that are a problem of their own; all others are mistakes in what was sent."""


def refuse(findings: Sequence[Finding], otherwise: str) -> NoReturn:
    """Raises the problem that a list of findings amounts to; ``otherwise`` names it where the body is at fault."""
    first = next((finding for finding in findings if finding.code in STATUS_OF), None)
    if first is not None:
        values: dict[str, Any] = dict(first.values)
        raise Problem(first.code, STATUS_OF[first.code], errors=findings, **values)
    raise Problem(otherwise, 422, field=findings[0].field, errors=findings)
