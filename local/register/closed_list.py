"""The closed list and what the visits will find: who of it is confirmed, and why the others are not.

The officers of the story do not know this; they find it out at the door. Everything adds up to ``Figures``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from local.register.damage import DUPLICATES
from local.register.families import Family
from local.register.figures import Figures
from local.register.people import Person
from local.register.planting import Ledger, Spot
from local.register.rates import RATE_OF, Treatment
from shared.events.fields import CohortOutcome, MemberOutcome

REJECTION_REASONS: Final = {
    "wage-above-minimum": 42,
    "address-not-found": 26,
    "civil-servant-in-family": 14,
    "company-owner": 10,
    "refused": 8,
}
"""Why a family is rejected whole, with weights (kinds: Kepmensos 73/HUK/2024; shares are an assumption)."""


@dataclass(frozen=True, slots=True)
class ClosedList:
    """The list with its answers."""

    families: Sequence[Family]
    rejected: Mapping[int, str]
    """Number of a family that is rejected whole → reason."""
    resolution: Mapping[Spot, CohortOutcome]
    """What holding the entry against the register must give."""
    outcome: Mapping[Spot, MemberOutcome | None]
    """What the visit finds; None for an entry without a member to look for (damaged, or held as a duplicate)."""

    @property
    def confirmed_families(self) -> list[Family]:
        return [family for family in self.families if family.number not in self.rejected]

    def confirmed(self, family: Family) -> int:
        """Persons of the family who are entitled: confirmed, in a family that is not rejected."""
        if family.number in self.rejected:
            return 0
        outcomes = (self.outcome[family.number, place] for place in range(len(family.members)))
        return sum(outcome is MemberOutcome.CONFIRMED for outcome in outcomes)


def choose_rejected(figures: Figures, families: Sequence[Family], rng: random.Random) -> dict[int, str]:
    """So many families with exactly so many persons, each with a reason."""
    chosen, rest = _with_exactly(figures.families_rejected, figures.persons_rejected, families, rng)
    if not rest:
        raise ValueError("no family would be confirmed")
    reasons, weights = list(REJECTION_REASONS), list(REJECTION_REASONS.values())
    return {family.number: rng.choices(reasons, weights)[0] for family in chosen}


def _with_exactly(
    count: int, persons: int, families: Sequence[Family], rng: random.Random
) -> tuple[list[Family], list[Family]]:
    """Split off ``count`` families with ``persons`` persons together, by exchanging until the sum is right."""
    shuffled = rng.sample(families, len(families))
    inside, outside = shuffled[:count], shuffled[count:]
    while (missing := persons - sum(len(family.members) for family in inside)) != 0:
        give, take = rng.randrange(len(inside)), rng.randrange(len(outside))
        change = len(outside[take].members) - len(inside[give].members)
        if abs(missing - change) < abs(missing):
            inside[give], outside[take] = outside[take], inside[give]
    return inside, outside


def answer(
    figures: Figures, families: Sequence[Family], rejected: Mapping[int, str], ledger: Ledger, rng: random.Random
) -> ClosedList:
    """Decide every entry. Faults must have been planted before."""
    resolution: dict[Spot, CohortOutcome] = {}
    outcome: dict[Spot, MemberOutcome | None] = {}
    open_spots: list[tuple[Spot, Person]] = []
    for family in families:
        for place, person in enumerate(family.members):
            spot = (family.number, place)
            resolution[spot], outcome[spot] = _by_fault(spot, ledger)
            if family.number in rejected:
                gone = rejected[family.number] == "address-not-found"
                outcome[spot] = MemberOutcome.NOT_FOUND if gone else MemberOutcome.CONFIRMED
            elif place > 0 and ledger.is_free(spot):
                open_spots.append((spot, person))
    for found, count, suits in _missing(figures):
        rng.shuffle(open_spots)
        open_spots.sort(key=lambda item: suits(item[1]))
        for spot, _ in [open_spots.pop() for _ in range(count)]:
            outcome[spot] = found
            if found is MemberOutcome.UNMATCHED:
                resolution[spot] = CohortOutcome.UNMATCHED
    return ClosedList(families, rejected, resolution, outcome)


def _by_fault(spot: Spot, ledger: Ledger) -> tuple[CohortOutcome, MemberOutcome | None]:
    planted = ledger.by_spot.get(spot)
    if planted is None:
        return CohortOutcome.MEMBER, MemberOutcome.CONFIRMED
    treatment = RATE_OF[planted.fault].treatment
    if treatment is Treatment.REJECT:
        return CohortOutcome.DAMAGED, None
    if treatment is Treatment.HOLD:
        return CohortOutcome.DUPLICATE, None
    if planted.fault in DUPLICATES:
        return CohortOutcome.MEMBER, MemberOutcome.DUPLICATE
    return CohortOutcome.MEMBER, MemberOutcome.CONFIRMED


def _missing(figures: Figures) -> list[tuple[MemberOutcome, int, Callable[[Person], bool]]]:
    return [
        (MemberOutcome.DIED, figures.died, lambda person: person.age >= 55),
        (MemberOutcome.MOVED, figures.moved, lambda person: person.age >= 18),
        (MemberOutcome.NOT_FOUND, figures.not_found, lambda person: person.age >= 15),
        (MemberOutcome.UNMATCHED, figures.unmatched, lambda _: True),
    ]
