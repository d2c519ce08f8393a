"""Reasons that people give are taken from the code lists of the facts that will carry them."""

from __future__ import annotations

from services.programs.moment import today
from shared.events.codes import is_listed, lists_of_field
from shared.messaging import Session
from shared.problem import Problem


def require_listed(session: Session, event_field: str, code: str) -> None:
    """Raises 422 with the codes that may be given."""
    if not is_listed(event_field, code, today(session)):
        known = ", ".join(listed for each in lists_of_field(event_field) for listed in each.codes)
        raise Problem("reason-not-listed", status=422, field="reason", known=known)
