"""The course of a case: which step leads from which state to which. Everything else is refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class CaseState(StrEnum):
    """Where the verification of a household stands in a round."""

    PROPOSED = "proposed"
    """Opened; no officer yet."""
    ASSIGNED = "assigned"
    VISITED = "visited"
    """The officer has proposed; a second person is to decide."""
    RETURNED = "returned"
    """The second person sent it back to the officer, who visits again."""
    VERIFIED = "verified"
    REJECTED = "rejected"
    REVOKED = "revoked"
    """The decision was taken back; the household has a case in the next round."""
    EXPIRED = "expired"
    """The verification outlived its validity; the household has a case in the next round."""
    WITHDRAWN = "withdrawn"
    """The household left the register, or our region, before anything was decided."""


class Step(StrEnum):
    """What somebody, or time, does to a case."""

    ASSIGN = "assign"
    UNASSIGN = "unassign"
    VISIT = "visit"
    VERIFY = "verify"
    REJECT = "reject"
    RETURN = "return"
    REVOKE = "revoke"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


OPEN: Final = frozenset({CaseState.PROPOSED, CaseState.ASSIGNED, CaseState.VISITED, CaseState.RETURNED})
"""A household has at most one case in these states."""
TO_VISIT: Final = frozenset({CaseState.PROPOSED, CaseState.ASSIGNED, CaseState.RETURNED})
"""Somebody still has to go there."""

HOUSEHOLD_WITHDRAWN: Final = "household-withdrawn"
MOVED_AWAY: Final = "moved-away"
CLOSING_REASONS: Final = (HOUSEHOLD_WITHDRAWN, MOVED_AWAY)
"""Why a case ends undecided."""

TRANSITIONS: Final[dict[tuple[CaseState, Step], CaseState]] = {
    (CaseState.PROPOSED, Step.ASSIGN): CaseState.ASSIGNED,
    (CaseState.PROPOSED, Step.WITHDRAW): CaseState.WITHDRAWN,
    (CaseState.ASSIGNED, Step.ASSIGN): CaseState.ASSIGNED,
    (CaseState.ASSIGNED, Step.UNASSIGN): CaseState.PROPOSED,
    (CaseState.ASSIGNED, Step.VISIT): CaseState.VISITED,
    (CaseState.ASSIGNED, Step.WITHDRAW): CaseState.WITHDRAWN,
    (CaseState.VISITED, Step.VERIFY): CaseState.VERIFIED,
    (CaseState.VISITED, Step.REJECT): CaseState.REJECTED,
    (CaseState.VISITED, Step.RETURN): CaseState.RETURNED,
    (CaseState.VISITED, Step.WITHDRAW): CaseState.WITHDRAWN,
    (CaseState.RETURNED, Step.ASSIGN): CaseState.RETURNED,
    (CaseState.RETURNED, Step.UNASSIGN): CaseState.PROPOSED,
    (CaseState.RETURNED, Step.VISIT): CaseState.VISITED,
    (CaseState.RETURNED, Step.WITHDRAW): CaseState.WITHDRAWN,
    (CaseState.VERIFIED, Step.REVOKE): CaseState.REVOKED,
    (CaseState.VERIFIED, Step.EXPIRE): CaseState.EXPIRED,
    (CaseState.REJECTED, Step.REVOKE): CaseState.REVOKED,
}
"""The whole table. REVOKED, EXPIRED and WITHDRAWN are ends: what follows is a case of the next round."""


def after(state: CaseState, step: Step) -> CaseState | None:
    """The state that a step leads to, or None where the step is not allowed."""
    return TRANSITIONS.get((state, step))


def allows(state: CaseState, step: Step) -> bool:
    return (state, step) in TRANSITIONS
