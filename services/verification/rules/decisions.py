"""When a second person may decide on a visit, take a decision back, and with which coded reasons.

The score never decides alone (UU 27/2022, objection to automated decisions): whoever visited proposes, somebody else
decides, and a third look is possible because every decision can be taken back.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from services.verification.rules.states import CaseState, Step, allows
from shared.events.fields import Category
from shared.problem import Finding


class DecisionKind(StrEnum):
    VERIFIED = "verified"
    REJECTED = "rejected"
    RETURNED = "returned"

    @property
    def step(self) -> Step:
        return {"verified": Step.VERIFY, "rejected": Step.REJECT, "returned": Step.RETURN}[self.value]


# Keputusan Menteri Sosial 73/HUK/2024 and the list published with it; a flag of a register is never enough by itself.
REJECTION_REASONS: Final = frozenset(
    {
        "address-not-found",
        "person-not-found",
        "died",
        "civil-servant-in-family",
        "state-pensioner-in-family",
        "wage-from-state-budget",
        "village-official",
        "certified-teacher",
        "health-worker",
        "company-owner",
        "wage-above-minimum",
        "refused",
        "not-allowed-by-law",
        "already-gets-other-aid",
        # The next four are of the local list as it is worked through: nobody of the household is left to confirm.
        "moved-away",
        "duplicate",
        "unmatched",
        "not-poor",
    }
)
RETURN_REASONS: Final = frozenset(
    {"roster-changed", "evidence-unclear", "evidence-of-another-house", "answers-contradict", "outcome-unclear"}
)
REVOCATION_REASONS: Final = frozenset(
    {
        "evidence-of-another-house",
        "decided-in-error",
        "false-statement",
        "objection-granted",
        "circumstances-changed",
        "duplicate",
    }
)
CATEGORY_REASONS: Final = frozenset(
    {"hidden-assets", "recent-loss", "illness-or-disaster", "answers-understate", "answers-overstate"}
)
"""Why two people see a household in another category than its score suggests."""

_REASONS: Final = {
    DecisionKind.VERIFIED: frozenset[str](),
    DecisionKind.REJECTED: REJECTION_REASONS,
    DecisionKind.RETURNED: RETURN_REASONS,
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What stands in the records when somebody wants to decide. Rosters are member ids."""

    state: CaseState
    visited_by: str | None
    visited_on: date | None
    answered: bool
    suggested: Category | None
    confirmed_persons: int
    duplicate_open: bool
    roster: Collection[str]
    roster_visited: Collection[str]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What somebody wants to decide."""

    kind: DecisionKind
    decided_by: str
    decided_on: date
    reasons: Sequence[str] = ()
    category: Category | None = None
    category_reason: str | None = None


def findings_in(ruling: Ruling, situation: Situation, today: date) -> list[Finding]:
    """Why a decision is refused; empty where it may be taken. All reasons at once, but for a case out of place."""
    if not allows(situation.state, ruling.kind.step):
        return [Finding("case-not-in-state", None, {"state": situation.state.value})]
    found = [*_of_people(ruling, situation), *_of_dates(ruling, situation, today), *_of_reasons(ruling)]
    if ruling.kind is not DecisionKind.RETURNED:
        found += _of_records(ruling, situation)
    return found


def _of_people(ruling: Ruling, situation: Situation) -> Iterator[Finding]:
    if ruling.decided_by == situation.visited_by:
        yield Finding("same-person")


def _of_dates(ruling: Ruling, situation: Situation, today: date) -> Iterator[Finding]:
    if ruling.decided_on > today:
        yield Finding("day-in-future", "decided_on")
    elif situation.visited_on is not None and ruling.decided_on < situation.visited_on:
        yield Finding("decided-before-visit", "decided_on")


def _of_reasons(ruling: Ruling) -> Iterator[Finding]:
    allowed = _REASONS[ruling.kind]
    if allowed and not ruling.reasons:
        yield Finding("reasons-missing", "reasons")
    if not set(ruling.reasons) <= allowed:
        yield Finding("reason-not-listed", "reasons")


def _of_records(ruling: Ruling, situation: Situation) -> Iterator[Finding]:
    if situation.duplicate_open:
        yield Finding("duplicate-question-open")
    if set(situation.roster) != set(situation.roster_visited):
        yield Finding("roster-changed")
    if ruling.kind is DecisionKind.VERIFIED:
        if situation.confirmed_persons < 1:
            yield Finding("nobody-confirmed")
        if not situation.answered:
            yield Finding("nobody-answered")
        if ruling.category not in (None, situation.suggested) and ruling.category_reason not in CATEGORY_REASONS:
            yield Finding("category-reason-missing", "category_reason")


def findings_in_revocation(
    *, state: CaseState, decided_by: str, visited_by: str, revoked_by: str, reason: str
) -> list[Finding]:
    """Why a decision cannot be taken back by somebody; empty where it can. Nobody takes back what they took part in."""
    if not allows(state, Step.REVOKE):
        return [Finding("case-not-in-state", None, {"state": state.value})]
    found = [Finding("same-person")] if revoked_by in {decided_by, visited_by} else []
    return found if reason in REVOCATION_REASONS else [*found, Finding("reason-not-listed", "reason")]


def valid_until(decided_on: date, months: int) -> date:
    """The last day on which a verification holds: the same day so many months on, or the last of a shorter month."""
    years, month = divmod(decided_on.month - 1 + months, 12)
    year, month = decided_on.year + years, month + 1
    return date(year, month, min(decided_on.day, monthrange(year, month)[1]))
