"""Who may be enrolled, and every reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from services.programs.rules.decision import Decision, Reason
from services.programs.rules.household import Held, Household
from services.programs.rules.predicates import Asked, is_within
from services.programs.rules.programme import Exclusion, Programme


def may_enrol(programme: Programme, household: Household, held: Sequence[Held], today: date) -> Decision:
    """Whether a household may enter a programme.

    A refusal lists every reason, so that the officer does not come back three times. The closed list comes first: the
    city works through its list and nobody outside it takes a place (Samarinda, 5 December 2022, on Inpres 4/2022).
    """
    asked = Asked(household, tuple(held), programme.cohort, today)
    return Decision.of(
        outside_cohort(programme, household),
        not_running(programme, today),
        outside_region(programme, household),
        Reason("household-withdrawn") if household.withdrawn else None,
        Reason("duplicate-open") if household.duplicate_open else None,
        already_enrolled(programme, held),
        excluded_by(programme, held),
        *(predicate.unmet(asked) for predicate in programme.eligibility),
    )


def may_be_paid(programme: Programme, household: Household, held: Sequence[Held]) -> Decision:
    """What is asked again before money moves: open questions, exclusions, and somebody to pay for.

    The conditions of entry are not asked again: an enrolled family that has become better off still gets what it was
    enrolled for, until somebody ends the enrolment.
    """
    return Decision.of(
        Reason("household-withdrawn") if household.withdrawn else None,
        Reason("duplicate-open") if household.duplicate_open else None,
        excluded_by(programme, held),
        None if household.beneficiaries(programme.cohort) else Reason("no-confirmed-member"),
    )


def outside_cohort(programme: Programme, household: Household) -> Reason | None:
    """The closed-list gate: no member of the household stands in the programme's list."""
    if programme.cohort is None or household.cohorts.get(programme.cohort, frozenset()) & household.members:
        return None
    return Reason("outside-cohort", {"cohort": programme.cohort})


def not_running(programme: Programme, today: date) -> Iterator[Reason]:
    """The programme is not in force, or not on this day."""
    if programme.status != "active":
        yield Reason("programme-not-active", {"status": programme.status})
    if today < programme.valid_from or (programme.valid_to is not None and today > programme.valid_to):
        yield Reason("outside-programme-period")


def outside_region(programme: Programme, household: Household) -> Reason | None:
    if is_within(household.region, programme.region):
        return None
    return Reason("outside-region", {"region": household.region})


def already_enrolled(programme: Programme, held: Sequence[Held]) -> Reason | None:
    """A household takes part in a programme once at a time."""
    if any(each.live and each.agency == programme.agency and each.programme == programme.code for each in held):
        return Reason("already-enrolled")
    return None


def excluded_by(programme: Programme, held: Sequence[Held]) -> Iterator[Reason]:
    """What the household holds that this programme may not stand beside."""
    for each in held:
        if collides(programme, each):
            yield Reason("excluded-by-programme", {"programme": each.programme, "agency": each.agency})


def collides(programme: Programme, other: Held) -> bool:
    """Whether an exclusion of the programme names another enrolment."""
    same = other.agency == programme.agency and other.programme == programme.code
    return not same and any(_names(exclusion, other) for exclusion in programme.exclusions)


def _names(exclusion: Exclusion, other: Held) -> bool:
    counts = other.counted if exclusion.ever else other.live
    return counts and (other.programme in exclusion.programmes or other.benefit_kind in exclusion.benefit_kinds)
