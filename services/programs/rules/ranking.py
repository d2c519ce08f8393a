"""Who comes first: the rules of the programme in order, ties broken by the id, so that no two ranks are equal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.programs.rules.household import Household
from services.programs.rules.programme import Programme, RankBy


def ranked(programme: Programme, households: Iterable[Household]) -> list[Household]:
    """The households in rank order, the neediest first. What is not known ranks behind what is."""
    return sorted(households, key=lambda household: sort_key(programme, household))


def sort_key(programme: Programme, household: Household) -> tuple[Any, ...]:
    """Compares households of one programme: smaller comes first."""
    return tuple(_part(rule, programme, household) for rule in programme.ranking)


def _part(rule: RankBy, programme: Programme, household: Household) -> tuple[bool, Any]:
    found = _value(rule, programme, household)
    return (found is None, found if found is not None else 0)


def _value(rule: RankBy, programme: Programme, household: Household) -> Any:
    verification = household.verification
    match rule:
        case "score":  # a higher score is poorer
            return -verification.score if verification and verification.score is not None else None
        case "verified-on":
            return verification.decided_on.toordinal() if verification and verification.decided_on else None
        case "persons":
            return -len(household.beneficiaries(programme.cohort))
        case "decile":
            return household.profile.decile
        case "income-per-person":
            return household.profile.income_per_person_rupiah
        case "household-id":
            return household.household_id
