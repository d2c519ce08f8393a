"""What a row of a closed list comes to when it is held against the register."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.events.fields import CohortOutcome

EARLIER_ON_LIST = "earlier-on-the-list"
HELD_IN_REGISTER = "held-in-register"
NO_REGISTRY_MATCH = "civil-registry-no-match"
NOT_IN_REGISTER = "not-in-register"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an entry: its row's refusals, the list before it, the register, the civil registry."""

    refusals: Sequence[str]
    is_earlier_on_list: bool
    is_held: bool
    known_to_registry: bool | None
    household_id: UUID | None
    """Household of the row's family, by the sender's id or the card."""
    member: tuple[UUID, UUID] | None
    """Household and member who has the row's person number."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The outcome with its reasons; ``waits`` asks to look again when the household enters the register."""

    outcome: CohortOutcome
    household_id: UUID | None
    member_id: UUID | None
    reasons: tuple[str, ...]
    waits: bool


def resolve(evidence: Evidence) -> Resolution:
    """The outcome of an entry, by this precedence: damaged, duplicate, unmatched, member.

    A damaged row names nobody, so that nothing else can be said of it. A duplicate is told before the civil registry
    is asked, because the registry answers for the person, and the person stands on the list already.
    """
    household_id, member_id = evidence.member or (evidence.household_id, None)
    if evidence.refusals:
        return _of_nobody(CohortOutcome.DAMAGED, evidence, tuple(evidence.refusals))
    if evidence.is_earlier_on_list:
        return _of_nobody(CohortOutcome.DUPLICATE, evidence, (EARLIER_ON_LIST,))
    if evidence.is_held:
        return _of_nobody(CohortOutcome.DUPLICATE, evidence, (HELD_IN_REGISTER,))
    if evidence.known_to_registry is False:
        waits = evidence.member is None
        return Resolution(CohortOutcome.UNMATCHED, household_id, member_id, (NO_REGISTRY_MATCH,), waits)
    if evidence.member is None:
        return Resolution(CohortOutcome.UNMATCHED, household_id, None, (NOT_IN_REGISTER,), waits=True)
    return Resolution(CohortOutcome.MEMBER, household_id, member_id, (), waits=False)


def _of_nobody(outcome: CohortOutcome, evidence: Evidence, reasons: tuple[str, ...]) -> Resolution:
    """An entry that is no member: it belongs to its family's household, where that is known."""
    return Resolution(outcome, evidence.household_id, None, reasons, waits=evidence.household_id is None)
