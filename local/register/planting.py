"""Where the faults go. Every row carries at most one; who is copied and who is the copy is remembered.

No head of a family is ever refused or held, so that every family but the spreadsheet runs can be registered. A copy
always stands after whom it copies, so that an importer that reads from the top holds the copy.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from local.register.damage import DUPLICATES, Cells, Clerk
from local.register.families import Family
from local.register.figures import Figures
from local.register.people import CHILD, HEAD, SPOUSE, Person
from local.register.rates import RATES, Fault, Rate, Treatment, planted

Spot = tuple[int, int]
"""A row before it has a number: family number and place in the family, from 0."""

_TRIES_MAX = 300
_RUN_SIZE_MIN = 3
"""A spreadsheet run shows from three rows on: four numbers ending in 0 by chance is one family in ten thousand."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault on a row: the cells it changes and, for a duplicate, whom it copies."""

    fault: Fault
    cells: Cells
    twin: Spot | None = None


@dataclass(slots=True)
class Ledger:
    """All faults of both files by row."""

    by_spot: dict[Spot, Planted] = field(default_factory=dict)
    _copied: set[Spot] = field(default_factory=set)

    def is_free(self, spot: Spot) -> bool:
        """Whether the row is healthy and nobody has copied it."""
        return spot not in self.by_spot and spot not in self._copied

    def write(self, spot: Spot, fault: Planted) -> None:
        """Plant a fault. A row takes one, and a copied row none: either is a mistake of the caller."""
        if not self.is_free(spot):
            raise ValueError(f"row {spot} is taken")
        self.by_spot[spot] = fault
        if fault.twin is not None:
            self._copied.add(fault.twin)


Pair = tuple[Family, int]


def plant_cohort(figures: Figures, confirmed: Sequence[Family], ledger: Ledger, clerk: Clerk) -> None:
    """The damaged and duplicate entries of the closed list, in families that will be confirmed."""
    for fault, count in (*figures.damaged.items(), *figures.duplicates.items()):
        _plant(fault, count, confirmed, ledger, clerk)


def plant_wider(families: Sequence[Family], ledger: Ledger, clerk: Clerk) -> None:
    """The faults of the wider register at their rates."""
    rows = sum(len(family.members) for family in families)
    for rate in sorted(RATES, key=lambda rate: not rate.of_families):
        count = planted(rate, rows, len(families))
        if rate.of_families:
            _plant_families(rate, count, families, ledger, clerk)
        else:
            _plant(rate.fault, count, families, ledger, clerk, heads=rate.treatment is Treatment.WARN)


def _plant_families(rate: Rate, count: int, families: Sequence[Family], ledger: Ledger, clerk: Clerk) -> None:
    at_least = _RUN_SIZE_MIN if rate.fault is Fault.SPREADSHEET_RUN else 1
    fit = [family for family in families if len(family.members) >= at_least and ledger.is_free((family.number, 0))]
    for family in clerk.rng.sample(fit, count):
        for place, person in enumerate(family.members):
            cells = clerk.spoil(rate.fault, family, person)
            ledger.write((family.number, place), Planted(rate.fault, cells))


def _plant(
    fault: Fault, count: int, families: Sequence[Family], ledger: Ledger, clerk: Clerk, *, heads: bool = False
) -> None:
    """Put ``count`` instances on free rows. Raises ValueError where the families cannot carry them."""
    candidates = [
        (family, place)
        for family in families
        for place in range(0 if heads else 1, len(family.members))
        if ledger.is_free((family.number, place))
    ]
    clerk.rng.shuffle(candidates)
    candidates.sort(key=lambda pair: not _suits(fault, pair[0].members[pair[1]]))
    for family, place in candidates:
        if count == 0:
            return
        spot = (family.number, place)
        if not ledger.is_free(spot):
            continue
        twin = _twin_of(fault, family, families, ledger, clerk.rng) if fault in DUPLICATES else None
        if fault in DUPLICATES and twin is None:
            continue
        person = twin[0].members[twin[1]] if twin else None
        cells = clerk.spoil(fault, family, family.members[place], person)
        ledger.write(spot, Planted(fault, cells, (twin[0].number, twin[1]) if twin else None))
        count -= 1
    if count:
        raise ValueError(f"no room for {count} more of {fault}")


def _suits(fault: Fault, person: Person) -> bool:
    """Whether the fault is at home with this person; others only serve when these run out."""
    if fault in {Fault.TWO_CARDS, Fault.TYPO}:
        return person.relation == CHILD and person.age >= 17
    if fault is Fault.BIRTH_DATE_FUTURE:
        return 1950 <= person.born.year < 2000
    if fault in {Fault.NIK_ABSENT, Fault.NIK_MISSING}:
        return person.age < 17 or person.age >= 60
    return True


def _twin_of(
    fault: Fault, family: Family, families: Sequence[Family], ledger: Ledger, rng: random.Random
) -> Pair | None:
    """Somebody of an earlier family to copy; strict first, then anybody; None where there is nobody."""
    earlier = [other for other in _sampled(families, rng) if other.number < family.number]
    for is_like in (_like(fault, family), _anybody):
        for other in earlier:
            for place, person in enumerate(other.members):
                if is_like(other, person) and ledger.is_free((other.number, place)):
                    return other, place
    return None


def _sampled(families: Sequence[Family], rng: random.Random) -> Iterable[Family]:
    return rng.sample(families, min(len(families), _TRIES_MAX))


def _like(fault: Fault, family: Family) -> Callable[[Family, Person], bool]:
    head = family.members[0]

    def young_couple(_: Family, person: Person) -> bool:
        return person.relation in {HEAD, SPOUSE} and 17 <= person.age <= head.age - 18

    def from_elsewhere(other: Family, person: Person) -> bool:
        return other.region != family.region and 17 <= person.age <= head.age - 18

    def grown_up(_: Family, person: Person) -> bool:
        return person.age >= 17

    return {Fault.TWO_CARDS: young_couple, Fault.TYPO: from_elsewhere}.get(fault, grown_up)


def _anybody(_: Family, __: Person) -> bool:
    return True
