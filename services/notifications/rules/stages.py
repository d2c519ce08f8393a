"""How far a household has come. Each stage counts families and persons."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from services.notifications.rules.benefits import Enrolment, EnrolmentStatus
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
