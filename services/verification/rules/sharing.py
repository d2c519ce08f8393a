"""Who visits whom: officers by region, cases by load; and when a visit is overdue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import NAMESPACE_URL, UUID, uuid5

from services.verification.rules.states import TO_VISIT, CaseState


def officers_of(region: str, officers: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The officers of the narrowest region around a place that has any; ``officers`` is keyed by dotted code."""
    subtree = region
    while subtree:
        if officers.get(subtree):
            return officers[subtree]
        subtree = subtree.rpartition(".")[0]
    return ()


def share_out(
    cases: Sequence[tuple[UUID, str]], officers: Mapping[str, Sequence[str]], loads: Mapping[str, int]
) -> dict[UUID, str]:
    """An officer for each case (id, region): whoever of the region has the fewest open cases, then by name of sign-in.

    A case whose region has no officer is left out: it stays proposed and is listed as such.
    """
    carried = dict(loads)
    shared: dict[UUID, str] = {}
    for case_id, region in cases:
        candidates = officers_of(region, officers)
        if not candidates:
            continue
        chosen = min(candidates, key=lambda officer: (carried.get(officer, 0), officer))
        carried[chosen] = carried.get(chosen, 0) + 1
        shared[case_id] = chosen
    return shared


def is_overdue(state: CaseState, visit_due_on: date, today: date) -> bool:
    """Whether somebody should have been there by now."""
    return state in TO_VISIT and visit_due_on < today


def region_id(region: str) -> UUID:
    """The id under which facts about a region are kept in order: the same in every deployment."""
    return uuid5(NAMESPACE_URL, f"urn:tuntas:region:{region}")
