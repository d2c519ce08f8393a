"""How far a household has come. Each stage counts families and persons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from operator import methodcaller
from typing import NamedTuple

from services.notifications.rules.benefits import Enrolment, EnrolmentStatus
from services.notifications.rules.dated import Span, narrowed
from services.notifications.rules.household import HouseholdState


class Stage(StrEnum):
    REGISTERED = "registered"
    VERIFIED = "verified"
    ENROLLED = "enrolled"
    SERVED = "served"
    GRADUATED = "graduated"


def stages_of(household: HouseholdState) -> Mapping[Stage, int]:
    """The stages a household has reached and not lost again, with how many of its persons count in each.

    - registered: in the register; every member.
    - verified: the standing decision is a verification; the confirmed members.
    - enrolled: an enrolment that was not voided, also one that ended or graduated; those who benefit.
    - served: money or a service that stands; those for whom it was.
    - graduated: left a programme because it succeeded, not taken back; those who benefited.
    """
    standing = [each for each in household.enrolments.values() if each.stands]
    served = [each for each in household.enrolments.values() if each.served]
    graduated = [each for each in standing if each.status is EnrolmentStatus.GRADUATED]
    stages: dict[Stage, int] = {}
    if household.registered:
        stages[Stage.REGISTERED] = household.persons
    if household.verified:
        stages[Stage.VERIFIED] = len(household.confirmed)
    for stage, enrolments in ((Stage.ENROLLED, standing), (Stage.SERVED, served), (Stage.GRADUATED, graduated)):
        if enrolments:
            stages[stage] = _persons(enrolments, served=stage is Stage.SERVED)
    return stages


def _persons(enrolments: list[Enrolment], *, served: bool) -> int:
    """Each person once, however many programmes: the named ones together, and never fewer than any programme counts."""
    named = frozenset[object]().union(*(each.members for each in enrolments))
    counted = (each.served_persons if served else each.persons for each in enrolments)
    return max(len(named), *counted)


class Reached(NamedTuple):
    """Where a household that had reached a stage lived, and how many of its persons count."""

    region: str
    persons: int


def stage_history(household: Sequence[Span[HouseholdState]]) -> dict[Stage, list[Span[Reached]]]:
    """When a household had reached which stage; a stage that it never reached is left out."""
    reached = [Span(since, until, _reached(state)) for since, until, state in household]
    histories = {stage: narrowed(reached, methodcaller("get", stage)) for stage in Stage}
    return {stage: [span for span in spans if span.value is not None] for stage, spans in histories.items()}


def _reached(household: HouseholdState) -> dict[Stage, Reached]:
    region = household.region
    return {} if region is None else {stage: Reached(region, n) for stage, n in stages_of(household).items()}
