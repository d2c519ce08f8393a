"""Who gets a place and money, when there are fewer of either than households."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.programs.rules.decision import Decision, Reason
from services.programs.rules.entitlement import Entitled, units_taken
from services.programs.rules.household import Held, Household
from services.programs.rules.predicates import is_within
from services.programs.rules.programme import Programme

THRESHOLD_PERCENT = 90
"""Share of a quota at which coordinators are told, once."""


@dataclass(frozen=True, slots=True)
class QuotaLeft:
    """A quota and how many places of it are free."""

    quota_id: UUID
    region: str
    left: int


@dataclass(frozen=True, slots=True)
class LineLeft:
    """The fund line that pays and how much of it nobody has set aside."""

    code: str
    left_rupiah: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A household that was looked at, with what every agency already gives it."""

    household: Household
    held: tuple[Held, ...]
    entitled: Entitled
    decision: Decision


@dataclass(frozen=True, slots=True)
class Placed:
    """What would happen to a candidate: a place of a quota (None where the programme has none), or why not."""

    candidate: Candidate
    quota_id: UUID | None = None
    decision: Decision = field(default_factory=Decision)


def quota_of(region: str, quotas: Sequence[QuotaLeft]) -> QuotaLeft | None:
    """The quota of the narrowest region that contains this one."""
    fitting = [quota for quota in quotas if is_within(region, quota.region)]
    return max(fitting, key=lambda quota: len(quota.region), default=None)


def place(
    programme: Programme, candidates: Iterable[Candidate], quotas: Sequence[QuotaLeft], line: LineLeft
) -> list[Placed]:
    """Give places and money to the candidates in the order in which they come.

    Whoever does not fit in what is left is refused with the quota or the fund line named; a smaller family further
    down may still fit.
    """
    places = {quota.quota_id: quota.left for quota in quotas}
    rupiah = line.left_rupiah
    placed = []
    for candidate in candidates:
        quota = quota_of(candidate.household.region, quotas)
        units = units_taken(programme, candidate.entitled.persons)
        needed = candidate.entitled.rupiah * len(programme.benefit.periods)
        decision = candidate.decision
        if decision.allowed:
            decision = Decision.of(
                _no_place(programme, candidate, quota, places, units),
                Reason("fund-line-exhausted", {"line": line.code, "asked": needed, "left": rupiah})
                if needed > rupiah
                else None,
            )
        if decision.allowed:
            rupiah -= needed
            if quota is not None:
                places[quota.quota_id] -= units
        placed.append(Placed(candidate, quota.quota_id if quota is not None else None, decision))
    return placed


def threshold_reached(places: int, taken: int) -> bool:
    """Whether a quota is used to the share at which coordinators are told."""
    return places > 0 and taken * 100 >= places * THRESHOLD_PERCENT


def _no_place(
    programme: Programme, candidate: Candidate, quota: QuotaLeft | None, places: dict[UUID, int], units: int
) -> Reason | None:
    if not programme.quotas:
        return None
    if quota is None:
        return Reason("no-quota-in-region", {"region": candidate.household.region})
    if places[quota.quota_id] < units:
        return Reason("quota-full", {"region": quota.region})
    return None
